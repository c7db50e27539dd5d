"""What is given to somebody: a message for the card, the wrapping, and where it goes if not to where the order goes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST_MESSAGE: Final = 1_000
LONGEST_WRAP: Final = 60
ADDRESS_PARTS: Final = ("phone", "recipient", "street", "street2", "postcode", "city", "region", "country", "company")


@dataclass(frozen=True)
class Gift:
    """A gift as somebody tells it: empty is none, None is what it was. Message and address are personal."""

    message: str | None = field(default="", repr=False)
    wrap: str | None = ""
    address: Mapping[str, Any] | None = field(default_factory=dict, repr=False)


def read_gift(told: Mapping[str, Any] | None) -> Gift | None:
    """A gift as a store tells it with a line, all of it; None where the line is none. Raises `ValueError`, without the value."""
    if told is None:
        return None
    message, wrap = str(told.get("message") or "").strip(), str(told.get("wrap") or "").strip()
    if len(message) > LONGEST_MESSAGE:
        raise ValueError(f"gift.message must have at most {LONGEST_MESSAGE} characters.")
    address = dict(told.get("address") or {})
    elsewhere = bool(address) and not address.get("kept_by_store")
    given = {name: address[name] for name in ADDRESS_PARTS if address.get(name)} if elsewhere else {}
    return Gift(message, wrap[:LONGEST_WRAP], given)
