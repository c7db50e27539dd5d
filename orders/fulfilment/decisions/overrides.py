"""What may be set by hand, and how its values are written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from orders.fulfilment.states import DeliverySla

LONGEST_SEGMENT: Final = 40
LONGEST_CARRIER: Final = 60
MOST_UNITS: Final = 10**9


@dataclass(frozen=True)
class Overridable:
    """One field: what people call it, how its text is read (raises `ValueError`) and written, and an example."""

    label: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    example: str


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("Say the time zone too, e.g. 2026-12-01T12:00:00Z.")
    return found


def _speed(text: str) -> str:
    if text not in DeliverySla.values:
        raise ValueError(f"There are: {', '.join(DeliverySla.values)}.")
    return text


def _segment(text: str) -> str:
    if len(text) > LONGEST_SEGMENT:
        raise ValueError(f"At most {LONGEST_SEGMENT} characters.")
    return text


def _carrier(text: str) -> str:
    if len(text) > LONGEST_CARRIER:
        raise ValueError(f"At most {LONGEST_CARRIER} characters.")
    return text


def _units(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_UNITS):
        raise ValueError("A whole number from 0.")
    return int(text)


ORDER_FIELDS: Final[Mapping[str, Overridable]] = {
    "promised_at": Overridable(
        "Promised delivery", _moment, lambda value: value.isoformat() if value else "", "2026-12-01T12:00:00Z"
    ),
    "delivery_sla": Overridable("Delivery speed", _speed, str, "expedited"),
    "segment": Overridable("Customer segment", _segment, str, "vip"),
    "preferred_carrier": Overridable("Carrier that shall bring it", _carrier, str, "DHL"),
}
STOCK_FIELDS: Final[Mapping[str, Overridable]] = {"on_hand": Overridable("Units on the shelf", _units, str, "12")}
FIELDS: Final[Mapping[str, Overridable]] = {**ORDER_FIELDS, **STOCK_FIELDS}
