"""Reading files of orders into records for a connector, one after the other: what is kept in memory does not grow with the file."""

import codecs
import csv
import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final

import ijson

from orders.sync.errors import Unreadable

NOBODY: Final = {"customer_city": "", "customer_state": ""}
MOMENTS: Final = (
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
)


def read_order_files(folder: Path, *, client: str, only: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """One record per order of a folder with orders.csv, order_items.csv and customers.csv, in any order of their rows.

    Raises `OSError` for a file that is not there, `KeyError` naming a column that is not.
    """
    with closing(sqlite3.connect("")) as beside:  # a file of its own, gone with the connection
        _keep(beside, "items", "order_id", folder / "order_items.csv")
        _keep(beside, "customers", "customer_id", folder / "customers.csv")
        for order in _rows(folder / "orders.csv"):
            if only and order["order_id"] not in only:
                continue
            lines = _kept(beside, "items", order["order_id"])
            yield {
                "client": client,
                "order": {**order, **_ends(order, lines)},
                "items": lines,
                "customer": next(iter(_kept(beside, "customers", order["customer_id"])), NOBODY),
                "freight_minor": sum(int(Decimal(row["freight_value"]) * 100) for row in lines),
                "total_minor": sum(int((Decimal(row["price"]) + Decimal(row["freight_value"])) * 100) for row in lines),
            }


def read_payloads(file: Path, *, client: str) -> Iterator[dict[str, Any]]:
    """One record per message of a JSON file: a list of objects, or objects one after the other, bare or wrapped as in {"order": …}.

    Raises `OSError`, and `Unreadable` saying what is not as it should be.
    """
    with file.open("rb") as opened:
        found = ijson.items(opened, "item" if _begins_a_list(opened) else "", multiple_values=True, use_float=True)
        try:
            for place, one in enumerate(found, start=1):
                if not isinstance(one, dict):
                    raise Unreadable(f"record {place} is no object")
                yield {**_unwrapped(one), "client": client}
        except ijson.JSONError as broken:
            raise Unreadable(f"it is no whole JSON document: {str(broken).splitlines()[0]}") from None


def _unwrapped(message: dict[str, Any]) -> dict[str, Any]:
    """What is in it, where it is one named object."""
    (inner, *others) = message.values() or [None]
    return inner if isinstance(inner, dict) and not others else message


def _begins_a_list(opened: BinaryIO) -> bool:
    """Whether the first thing in the file is a list; afterwards it stands behind a byte order mark, if there is one."""
    start = len(codecs.BOM_UTF8) if opened.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0
    opened.seek(start)
    while (one := opened.read(1)).isspace():
        pass
    opened.seek(start)
    return one == b"["


def _keep(beside: sqlite3.Connection, name: str, key: str, file: Path) -> None:
    """Put the rows of a file where they are found by their key."""
    beside.execute(f"CREATE TABLE {name} (key TEXT, row TEXT)")
    beside.executemany(f"INSERT INTO {name} VALUES (?, ?)", ((row[key], json.dumps(row)) for row in _rows(file)))  # noqa: S608 -- our own names
    beside.execute(f"CREATE INDEX of_{name} ON {name} (key)")


def _kept(beside: sqlite3.Connection, name: str, key: str) -> list[dict[str, str]]:
    return [
        json.loads(row)
        for (row,) in beside.execute(f"SELECT row FROM {name} WHERE key = ? ORDER BY rowid", [key])  # noqa: S608 -- our own names
    ]


def _ends(order: dict[str, str], lines: list[dict[str, str]]) -> dict[str, str]:
    """The files say that an order ended, not when: not before the last thing they tell of it."""
    last = max(order[moment] for moment in MOMENTS)
    return {
        "canceled_at": last if order["order_status"] == "canceled" else "",
        "unavailable_at": last if order["order_status"] == "unavailable" and lines else "",
    }


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        yield from csv.DictReader(opened)
