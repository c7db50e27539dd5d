"""What an order tells of who ordered, spelled in one way, so that the same is found again. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orders.fulfilment.decisions.news import PlacedOrder
from orders.fulfilment.states import SIGN_SURE, SignKind

# Phones are compared by their last digits: with and without country code, blanks or a leading zero they are the same then.
PHONE_DIGITS: Final = 9
FEWEST_DIGITS: Final = 7
_NOT_WORD: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Sign:
    """One thing a customer is known by: `text` is personal and spelled in one way, `system` whose customer number it is."""

    kind: SignKind
    text: str
    system: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether the same sign is the same customer; else it only looks like it."""
        return self.kind in SIGN_SURE


def signs_of(one: PlacedOrder) -> tuple[Sign, ...]:
    """What the order tells, the surest first; nothing for an order that names nobody."""
    found = [Sign(SignKind.NUMBER, one.buyer, one.news.system)] if one.buyer else []
    told = {
        SignKind.EMAIL: _email(one.address),
        SignKind.PHONE: _phone(one.address),
        SignKind.PLACE: _place(one.address),
    }
    return (*found, *(Sign(kind, text) for kind, text in told.items() if text))


def _email(given: Mapping[str, Any]) -> str:
    text = unicodedata.normalize("NFKC", str(given.get("email") or "")).strip().casefold()
    return text if "@" in text.strip("@") else ""


def _phone(given: Mapping[str, Any]) -> str:
    digits = "".join(one for one in str(given.get("phone") or "") if one.isascii() and one.isdigit())
    return digits[-PHONE_DIGITS:] if len(digits) >= FEWEST_DIGITS else ""


def _place(given: Mapping[str, Any]) -> str:
    """Names whose words are turned around or written without accents are the same."""
    name, postcode = (_plain(str(given.get(field) or "")) for field in ("recipient", "postcode"))
    country = str(given.get("country") or "").strip().upper()
    return f"{' '.join(sorted(name.split()))}/{postcode.replace(' ', '')}/{country}" if name and postcode else ""


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return _NOT_WORD.sub(" ", "".join(one for one in letters if not unicodedata.combining(one))).strip()
