"""What left our house without anybody having set it aside: it leaves the shelf all the same, whenever we are told that it had lain there.

News of a shelf and news of a parcel come from different systems and in any order. What was counted or came before a parcel left, and is
heard after it, still has that parcel's units in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from orders.fulfilment.models import Fulfilment, FulfilmentLine, Location, OrderLine, Reservation
from orders.fulfilment.services import stock
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.states import FulfilmentState, ReservationState
from rules.states import FlowKind


@dataclass
class Departed:
    """Units of one line that left at a moment: how many were `taken` from each place, and `owing`, those no shelf has given yet."""

    line: OrderLine
    left_at: datetime
    location_id: UUID | None
    taken: Mapping[UUID, int]
    owing: int

    def is_owed_by(self, place: Location, at: datetime) -> bool:
        """Whether its units lay in this place at that moment, as far as anybody knows."""
        return self.owing > 0 and self.left_at > at and self.location_id in {None, place.pk}


def departed_since(moments: Mapping[UUID, datetime]) -> Mapping[UUID, Sequence[Departed]]:
    """What left our house after the earliest of these moments of products, by product; one query where nothing did."""
    if not moments:
        return {}
    rows = (
        FulfilmentLine.objects.filter(
            fulfilment__handed_over_at__gt=min(moments.values()),
            fulfilment__flow__kind=FlowKind.WAREHOUSE,
            line__sku__in=moments,
            line__sku_type__in=stock.FROM_OUR_STOCK,
        )
        .exclude(fulfilment__state=FulfilmentState.CANCELLED)
        .select_related("line", "fulfilment")
        .order_by("fulfilment__handed_over_at", "pk")
    )
    found = list(rows)
    taken: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    if found:
        used = Reservation.objects.filter(state=ReservationState.USED, line__in={row.line_id for row in found})
        for line_id, place_id, units in used.values_list("line", "lot__location").annotate(units=Sum("quantity")):
            taken[line_id][place_id] = units
    gone: dict[UUID, list[Departed]] = defaultdict(list)
    for row in found:
        left_at, by_place = row.fulfilment.handed_over_at, taken[row.line_id]
        assert left_at is not None  # noqa: S101 -- it was asked for
        owing = max(row.quantity - sum(by_place.values()), 0)
        gone[row.line.sku_id].append(Departed(row.line, left_at, row.fulfilment.location_id, by_place, owing))
    return gone


def counted_now(counted: int, place: Location, at: datetime, gone: Sequence[Departed]) -> int:
    """How many of what was counted in a place at that moment lie there still, but for what has yet to be taken from its shelf."""
    return max(counted - sum(one.taken.get(place.pk, 0) for one in gone if one.left_at > at), 0)


def let_leave(product: ProductStock, place: Location, at: datetime, gone: Sequence[Departed], changes: Changes) -> None:
    """What lay in this place at that moment and left later, without a shelf having given it, leaves this one."""
    for one in gone:
        if one.is_owed_by(place, at):
            one.owing -= stock.take_unasked(product, one.line, one.owing, changes, location_id=place.pk)


def leave_unasked(parcel: Fulfilment, lines: Sequence[OrderLine], changes: Changes) -> None:
    """A parcel of which nothing was set aside has left: what is on the shelf by now has left with it."""
    ours = [line for line in lines if stock.wants_stock(line)]
    if not ours or parcel.flow.kind != FlowKind.WAREHOUSE:
        return
    shelves = stock.lock_stock({line.sku_id for line in ours}, changes)
    for line in ours:
        if (product := shelves.get(line.sku_id)) is not None:
            stock.take_unasked(product, line, line.quantity, changes, location_id=parcel.location_id)
