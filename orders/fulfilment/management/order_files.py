"""Reading files of orders into records for a connector."""

import csv
import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

NOBODY: Final = {"customer_city": "", "customer_state": ""}
MOMENTS: Final = (
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
)


def read_order_files(folder: Path, *, client: str, only: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """One record per order of a folder with orders.csv, order_items.csv and customers.csv."""
    items: dict[str, list[dict[str, str]]] = defaultdict(list)
    for item in _rows(folder / "order_items.csv"):
        items[item["order_id"]].append(item)
    customers = {row["customer_id"]: row for row in _rows(folder / "customers.csv")}
    for order in _rows(folder / "orders.csv"):
        if only and order["order_id"] not in only:
            continue
        lines = items[order["order_id"]]
        yield {
            "client": client,
            "order": {**order, **_ends(order, lines)},
            "items": lines,
            "customer": customers.get(order["customer_id"], NOBODY),
            "total_minor": sum(int((Decimal(row["price"]) + Decimal(row["freight_value"])) * 100) for row in lines),
        }


def read_payloads(file: Path, *, client: str) -> Iterator[dict[str, Any]]:
    """One record per order of a JSON file: an object or a list of them, bare or wrapped in {"order": …}."""
    document = json.loads(file.read_text(encoding="utf-8"))
    for one in document if isinstance(document, list) else [document]:
        yield {**one.get("order", one), "client": client}


def _ends(order: dict[str, str], lines: list[dict[str, str]]) -> dict[str, str]:
    """The files say that an order ended, not when: not before the last thing they tell of it."""
    last = max(order[moment] for moment in MOMENTS)
    return {
        "canceled_at": last if order["order_status"] == "canceled" else "",
        "unavailable_at": last if order["order_status"] == "unavailable" and lines else "",
    }


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))
