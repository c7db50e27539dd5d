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


@dataclass(frozen=True)
class Amounts:
    """What an order costs as its store states it, in the currency's unit; None is what the store does not say."""

    lines: Decimal
    total: Decimal
    discount: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    tax_included: bool = False

    @property
    def is_stated(self) -> bool:
        """Whether the store says more than the total."""
        return any(one is not None for one in (self.discount, self.shipping, self.tax))

    @property
    def unexplained(self) -> Decimal:
        """By how much the total is another than its parts; nothing where tax or shipping is not stated."""
        if self.shipping is None or self.tax is None:
            return NOTHING
        tax = NOTHING if self.tax_included else self.tax
        return self.total - (self.lines - (self.discount or NOTHING) + self.shipping + tax)


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
