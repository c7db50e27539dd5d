"""Orders as a table for spreadsheets and programs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from audit.rest.fields import money
from audit.spreadsheets import csv_of, json_of
from orders.fulfilment.selectors import OrderRow

# What the columns of the page become; a file without a choice of columns has all of them.
OF_COLUMN: Final[Mapping[str, tuple[str, ...]]] = {
    "order": ("order",),
    "placed": ("placed_at",),
    "client": ("client", "channel"),
    "state": ("state", "holds"),
    "owner": ("owner",),
    "flow": ("flow",),
    "due": ("due_at",),
    "exceptions": ("exceptions",),
    "value": ("value", "currency"),
    "number": ("number",),
    "promised": ("promised_at",),
}


def csv_lines(rows: Iterable[OrderRow], columns: Collection[str] = ()) -> Iterator[str]:
    """The lines of the table, one at a time, with the columns of the page that are given, or all."""
    names = [name for column, its in OF_COLUMN.items() if not columns or column in columns for name in its]
    return csv_of(names, map(_texts, rows))


def json_lines(rows: Iterable[OrderRow], columns: Collection[str] = ()) -> Iterator[str]:
    """The same as a JSON array, an order a line."""
    names = [name for column, its in OF_COLUMN.items() if not columns or column in columns for name in its]
    return json_of(names, map(_values, rows))


def _values(row: OrderRow) -> dict[str, object]:
    """As the table has it; what there is several of as a list, numbers as numbers, what is not there as null."""
    texts = {name: text or None for name, text in _texts(row).items()}
    return {**texts, "holds": [str(hold) for hold in row.holds], "exceptions": row.exceptions}


def _texts(row: OrderRow) -> dict[str, str]:
    return {
        "order": row.key,
        "placed_at": _moment(row.placed_at),
        "client": row.client_slug,
        "channel": row.channel,
        "state": row.state,
        "holds": ", ".join(row.holds),
        "owner": row.owner,
        "flow": row.flow,
        "due_at": _moment(row.sla_due_at if row.is_open else None),
        "exceptions": str(row.exceptions),
        "value": money(row.total_minor, row.currency)["amount"],
        "currency": row.currency,
        "number": row.number,
        "promised_at": _moment(row.promised_at),
    }


def _moment(value: datetime | None) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else ""
