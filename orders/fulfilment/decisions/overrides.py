"""What may be set by hand, and how its values are written down."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from audit.words import said
from orders.fulfilment.decisions.addresses import FIELDS as ADDRESS_FIELDS
from orders.fulfilment.decisions.addresses import check_address
from orders.fulfilment.states import DeliverySla

LONGEST_SEGMENT: Final = 40
LONGEST_CARRIER: Final = 60
LONGEST_INSTRUCTIONS: Final = 200
LONGEST_ADDRESS: Final = 2_000
MOST_UNITS: Final = 10**9
ADDRESS, PHONE, INSTRUCTIONS, SUBSTITUTE, QUANTITY = "address", "phone", "delivery_instructions", "sku", "quantity"
HIDDEN: Final = "•••"
IN_THE_ADDRESS: Final = (ADDRESS, PHONE, INSTRUCTIONS)
OF_A_LINE: Final = (SUBSTITUTE, QUANTITY)
PHONE_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()/.-]{4,28}[0-9]")


@dataclass(frozen=True)
class Overridable:
    """One field: what people call it, how its text is read (raises `ValueError`) and written, and an example.

    What is `personal` is kept sealed and shown only to those who may see personal data.
    """

    label: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    example: str
    personal: bool = False


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


def _phone(text: str) -> str:
    if text and not PHONE_NUMBER.fullmatch(text):
        raise ValueError(said("A phone number has digits, and nothing but spaces, brackets, dots and dashes between."))
    return text


def _instructions(text: str) -> str:
    if len(text) > LONGEST_INSTRUCTIONS:
        raise ValueError(said("At most %(n)s characters.", n=LONGEST_INSTRUCTIONS))
    return text


def _code(text: str) -> str:
    if not text:
        raise ValueError(said("Say which product is sent instead."))
    return text


def _whole_units(text: str) -> int:
    units = _units(text)
    if units < 1:
        raise ValueError(said("At least one: what is not sent at all is cancelled."))
    return units


def address_text(given: Mapping[str, object]) -> str:
    """An address in one way of writing, however it was given, so that equal ones are equal."""
    standard = check_address(given).address
    return json.dumps({name: standard[name] for name in ADDRESS_FIELDS if standard.get(name)}, ensure_ascii=False)


def read_address(text: str) -> dict[str, str]:
    """The fields of an address that was written so."""
    return dict(json.loads(text)) if text else {}


def in_one_line(field: str, text: str) -> str:
    """A value as people read it."""
    return ", ".join(read_address(text).values()).replace("\n", ", ") if field == ADDRESS else text


ORDER_FIELDS: Final[Mapping[str, Overridable]] = {
    "promised_at": Overridable(
        "Promised delivery", _moment, lambda value: value.isoformat() if value else "", "2026-12-01T12:00:00Z"
    ),
    "delivery_sla": Overridable("Delivery speed", _speed, str, "expedited"),
    "segment": Overridable("Customer segment", _segment, str, "vip"),
    "preferred_carrier": Overridable("Carrier that shall bring it", _carrier, str, "DHL"),
    ADDRESS: Overridable("Address it goes to", read_address, address_text, "", personal=True),
    PHONE: Overridable("Phone of the customer", _phone, str, "+49 30 1234567", personal=True),
    INSTRUCTIONS: Overridable("Instructions for the delivery", _instructions, str, "Ring twice", personal=True),
    SUBSTITUTE: Overridable("Product that is sent instead", _code, str, "TENT-2"),
    QUANTITY: Overridable("Units that are sent", _whole_units, str, "1"),
}
STOCK_FIELDS: Final[Mapping[str, Overridable]] = {"on_hand": Overridable("Units on the shelf", _units, str, "12")}
FIELDS: Final[Mapping[str, Overridable]] = {**ORDER_FIELDS, **STOCK_FIELDS}
