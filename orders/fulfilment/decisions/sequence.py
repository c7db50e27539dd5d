"""Moments that cannot follow each other as they are told: what was seen stays as it was seen, and somebody has to know."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Way:
    """When a parcel was seen to leave and to arrive, by the account of whoever told of it."""

    key: str
    handed_over_at: datetime | None
    delivered_at: datetime | None

    @property
    def left_at(self) -> datetime | None:
        """When it left at the latest; what has arrived has left."""
        return self.handed_over_at or self.delivered_at


@dataclass(frozen=True)
class Contradiction:
    """One thing that is not in order: its kind, and the parcel."""

    kind: str
    parcel: str


def contradictions(*, placed_at: datetime, paid_at: datetime | None, ways: Iterable[Way]) -> frozenset[Contradiction]:
    """Parcels that left before they could have, or arrived before they left; the order in which we heard of it does not matter."""
    found = set()
    for way in ways:
        left_at = way.left_at
        if left_at is None:
            continue
        if paid_at is None:
            found.add(Contradiction("left-unpaid", way.key))
        elif left_at < paid_at:
            found.add(Contradiction("left-before-paid", way.key))
        if left_at < placed_at:
            found.add(Contradiction("left-before-placed", way.key))
        if way.delivered_at is not None and way.delivered_at < left_at:
            found.add(Contradiction("arrived-before-left", way.key))
    return frozenset(found)
