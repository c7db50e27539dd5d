"""What a shelf holds, whatever we are told of it first: what was counted, what came, and what left, each at its own moment.

News of a shelf and news of a parcel come from different systems and in any order. What was counted or came before a parcel left, and is
heard after it, still has that parcel's units in it; what left or came before a count, and is heard after it, changes nothing any more.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Sum
from django.db.models.functions import Least

from orders.fulfilment.models import Fulfilment, FulfilmentLine, GoodsReceipt, Location, OrderLine, Reservation
from orders.fulfilment.services import stock
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.states import FulfilmentState, ReservationState
from rules.states import FlowKind


@dataclass
class Departed:
    """A line of a parcel that left at a moment, and `owing`: how many of its units no shelf has given yet."""

    line: OrderLine
    left_at: datetime
    location_id: UUID | None
    owing: int

    def is_owed_by(self, place: Location, at: datetime) -> bool:
        """Whether its units lay in this place at that moment, as far as anybody knows."""
        return self.owing > 0 and self.left_at > at and self.location_id in {None, place.pk}


@dataclass
class Since:
    """What has happened to one product: units that came to a place or left it, each (place, moment, units), and parcels that left."""

    moved: list[tuple[UUID, datetime, int]] = field(default_factory=list)
    gone: list[Departed] = field(default_factory=list)

    def there_now(self, counted: int, place: Location, at: datetime) -> int:
        """How many lie in a place of which so many were counted at that moment, but for what has yet to be taken from its shelf.

        Fewer than none where more is known to have left than was counted: what is told later makes it good.
        """
        return counted + sum(units for where, when, units in self.moved if where == place.pk and when > at)


def moved_since(moments: Mapping[UUID, datetime]) -> Mapping[UUID, Since]:
    """What came and left after the earliest of these moments of products, and what left without a shelf having given it, by product."""
    since: dict[UUID, Since] = defaultdict(Since)
    if not moments:
        return since
    earliest = min(moments.values())
    used = Reservation.objects.filter(state=ReservationState.USED, stock_item__sku__in=moments, gone_at__gt=earliest)
    for sku_id, place, at, units in used.values_list("stock_item__sku", "lot__location", "gone_at", "quantity"):
        since[sku_id].moved.append((place, at, -units))  # type: ignore[arg-type]  # what is used says when
    came = GoodsReceipt.objects.filter(item__sku__in=moments, received_at__gt=earliest)
    for sku_id, place, at, units in came.values_list("item__sku", "location", "received_at", "quantity"):
        since[sku_id].moved.append((place, at, units))
    for sku_id, gone in departed_since(moments).items():
        since[sku_id].gone = gone
    return since


def departed_since(moments: Mapping[UUID, datetime]) -> Mapping[UUID, list[Departed]]:
    """What left our house after the earliest of these moments of products, by product; one query where nothing did."""
    if not moments:
        return {}
    rows = (
        FulfilmentLine.objects.alias(left_at=Least("fulfilment__handed_over_at", "fulfilment__delivered_at"))
        .filter(
            left_at__gt=min(moments.values()),
            fulfilment__flow__kind=FlowKind.WAREHOUSE,
            line__sku__in=moments,
            line__sku_type__in=stock.FROM_OUR_STOCK,
        )
        .exclude(fulfilment__state=FulfilmentState.CANCELLED)
        .select_related("line", "fulfilment")
        .order_by("left_at", "pk")
    )
    found = list(rows)
    taken = _taken({row.line_id for row in found}) if found else {}
    gone: dict[UUID, list[Departed]] = defaultdict(list)
    for row in found:
        left_at = row.fulfilment.left_at
        assert left_at is not None  # noqa: S101 -- it was asked for
        owing = max(row.quantity - taken.get(row.line_id, 0), 0)
        gone[row.line.sku_id].append(Departed(row.line, left_at, row.fulfilment.location_id, owing))
    return gone


def _taken(line_ids: Collection[UUID]) -> Mapping[UUID, int]:
    used = Reservation.objects.filter(state=ReservationState.USED, line__in=line_ids)
    return dict(used.values_list("line").annotate(units=Sum("quantity")))


def let_leave(product: ProductStock, place: Location, at: datetime, gone: Sequence[Departed], changes: Changes) -> None:
    """What lay in this place at that moment and left later, without a shelf having given it, leaves this one."""
    for one in gone:
        if one.is_owed_by(place, at):
            one.owing -= stock.take_unasked(product, one.line, one.owing, one.left_at, changes, location_id=place.pk)


def leave_unasked(parcel: Fulfilment, lines: Sequence[OrderLine], left_at: datetime, changes: Changes) -> None:
    """A parcel of which nothing was set aside has left: what is on the shelf by now has left with it."""
    ours = [line for line in lines if stock.wants_stock(line)]
    if not ours or parcel.flow.kind != FlowKind.WAREHOUSE:
        return
    shelves = stock.lock_stock({line.sku_id for line in ours}, changes)
    for line in ours:
        if (product := shelves.get(line.sku_id)) is not None:
            stock.take_unasked(product, line, line.quantity, left_at, changes, location_id=parcel.location_id)


def leave_earlier(lines: Sequence[OrderLine], was: datetime, left_at: datetime, changes: Changes) -> None:
    """Units that left at a moment left earlier than was known: what was counted in between is without them and keeps its number."""
    written = Reservation.objects.filter(state=ReservationState.USED, line__in=lines, gone_at=was).order_by("pk")
    ids = {line.pk for line in lines}
    heard = [one for one in changes.unwritten(Reservation) if one.line_id in ids and one.gone_at == was]
    stock.date_back([*written, *heard], left_at, changes)
