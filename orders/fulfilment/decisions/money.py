"""Money as decimals of a currency's unit: what was paid, since when it is enough, and what goes back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from audit.words import MINOR_DIGITS, Said, money

NOTHING: Final = Decimal(0)


@dataclass(frozen=True)
class Capture:
    """Money that has arrived, and when."""

    amount: Decimal
    at: datetime


def from_minor(minor: int, currency: str) -> Decimal:
    """Minor units as the currency's unit: 31800 of EUR are 318.00, 318 of JPY are 318."""
    return Decimal(minor).scaleb(-MINOR_DIGITS.get(currency, 2))


def to_minor(amount: Decimal, currency: str) -> int:
    """The currency's unit as minor units. Raises `ValueError` for a part of a minor unit."""
    minor = amount.scaleb(MINOR_DIGITS.get(currency, 2))
    if minor != minor.to_integral_value():
        raise ValueError(f"{amount} {currency} is no whole number of minor units.")
    return int(minor)


def in_words(amount: Decimal, currency: str) -> Said:
    """As it is said in a sentence: “318.00 EUR”, on a page as its reader writes money."""
    return money(round(amount.scaleb(MINOR_DIGITS.get(currency, 2))), currency)


def enough_since(total: Decimal, captures: Iterable[Capture]) -> datetime | None:
    """When the captures reached the total, whichever was heard of first; None while they do not."""
    sum_of = NOTHING
    for capture in sorted(captures, key=lambda one: one.at):
        sum_of += capture.amount
        if sum_of >= total:
            return capture.at
    return None
