"""Whether two systems tell the same of one order. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orders.fulfilment.decisions.news import PlacedOrder


@dataclass(frozen=True)
class Sold:
    """An order as it is on record: its worth in minor units of the currency, and how many of each product (a bundle is one product)."""

    total_minor: int
    currency: str
    units: Mapping[str, int]


def differences(one: PlacedOrder, record: Sold) -> dict[str, list[str]]:
    """What is told otherwise than it is on record: {what: [on record, told]}. Lines that are not told are not different."""
    told: Counter[str] = Counter()
    for line in one.lines:
        told[line.sku] += line.quantity
    found: dict[str, list[str]] = {}
    if (one.total_minor, one.currency) != (record.total_minor, record.currency):
        found["total"] = [f"{record.total_minor} {record.currency}", f"{one.total_minor} {one.currency}"]
    if told and dict(told) != dict(record.units):
        found["lines"] = [_in_words(record.units), _in_words(told)]
    return found


def _in_words(units: Mapping[str, int]) -> str:
    return ", ".join(f"{count} x {sku}" for sku, count in sorted(units.items()))
