"""Telling people of what happened in an order that cannot be, and taking it off their desks when a later word explains it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.canonical import timestamp
from audit.words import said
from orders.fulfilment.decisions.sequence import Contradiction, Way, contradictions
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import FULFILMENT_GONE

IMPOSSIBLE: Final = "impossible-sequence"
WORDS: Final[Mapping[str, str]] = {
    "left-unpaid": noop("%(parcel)s has left, and the order is not paid"),
    "left-before-paid": noop("%(parcel)s had left before the order was paid"),
    "left-before-placed": noop("%(parcel)s had left before it was ordered"),
    "arrived-before-left": noop("%(parcel)s had arrived before it left"),
}


@contextmanager
def watched(dockets: Sequence[Docket], changes: Changes) -> Iterator[None]:
    """Compare before and after what is heard meanwhile: what does not fit any more opens a case, what fits again ends it."""
    before = [_contradictions(docket) for docket in dockets]
    yield
    for docket, known in zip(dockets, before, strict=True):
        found = _contradictions(docket)
        fresh = sorted(found - known, key=lambda one: (one.parcel, WORDS[one.kind]))
        changes.openings += [_opening(docket, one) for one in fresh]
        if known and not found:
            changes.cured.append((docket.order, IMPOSSIBLE))


def _contradictions(docket: Docket) -> frozenset[Contradiction]:
    ways = [
        Way(parcel.key, parcel.handed_over_at, parcel.delivered_at)
        for parcel in docket.parcels
        if parcel.state in FULFILMENT_GONE
    ]
    return contradictions(placed_at=docket.order.placed_at, paid_at=docket.order.paid_at, ways=ways)


def _opening(docket: Docket, found: Contradiction) -> Opening:
    order = docket.order
    parcel = next(parcel for parcel in docket.parcels if parcel.key == found.parcel)
    moments = {
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "handed_over_at": parcel.handed_over_at,
        "delivered_at": parcel.delivered_at,
    }
    told = {name: timestamp(moment) for name, moment in moments.items() if moment}
    title = said(WORDS[found.kind], parcel=found.parcel)
    return Opening(IMPOSSIBLE, order, title, found.kind, {"fulfilment": parcel.key, **told})
