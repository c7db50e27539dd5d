"""Setting units aside, putting them back, and what happens when there are more."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import F

from orders.fulfilment.decisions.allocation import Allocation, Demand, allocate
from orders.fulfilment.models import Hold, OrderLine, Reservation, StockItem
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import HoldState, LineState, SkuType

FROM_OUR_STOCK = (SkuType.STOCK, SkuType.PREORDER)


def lock_stock(sku_ids: Collection[UUID], changes: Changes) -> dict[UUID, StockItem]:
    """The stock of these products, locked, by SKU id; a product without stock is not in it."""
    return {item.sku_id: item for item in changes.lock_stock(sku__in=sku_ids)}


def wants_stock(line: OrderLine) -> bool:
    """Whether the line could come from our own shelf."""
    return line.sku_type in FROM_OUR_STOCK


def allocate_lines(lines: Sequence[OrderLine], stock: Mapping[UUID, StockItem]) -> Allocation[OrderLine, UUID]:
    """Which of the lines can be served from the shelf as it is, first come first served."""
    available = {sku_id: item.available for sku_id, item in stock.items()}
    return allocate(available, [Demand(line, line.sku_id, line.quantity) for line in lines])


def reserve(
    allocation: Allocation[OrderLine, UUID],
    stock: Mapping[UUID, StockItem],
    dockets: Mapping[UUID, Docket],
    changes: Changes,
) -> None:
    """Set the granted units aside: the rows are locked, and the database's own check refuses to promise a unit twice."""
    for demand in allocation.granted:
        line = demand.line
        reservation = Reservation(line=line, stock_item=stock[demand.item], quantity=demand.quantity)
        changes.add(reservation)
        dockets[line.order_id].reservations[line.pk] = reservation
        line.reserve()
        changes.edit(line, "state", "flow")
    for sku_id, quantity in allocation.taken.items():
        item = stock[sku_id]
        item.reserved += quantity
        changes.edit(item, "reserved")
        changes.tell("stock.reserved", item, units=quantity)


def release_reservations(dockets: Iterable[Docket], changes: Changes) -> None:
    """Put back what is set aside for lines that will not be sent from here."""
    freed = [
        docket.reservations.pop(line.pk)
        for docket in dockets
        for line in docket.lines
        if line.state in {LineState.CANCELLED, LineState.BACK_ORDERED, LineState.OPEN}
        and line.pk in docket.reservations
    ]
    _give_up(freed, changes, used=False)


def use_reservations(reservations: Sequence[Reservation], changes: Changes) -> None:
    """The units have left the house with their parcel."""
    _give_up(reservations, changes, used=True)


def write_off(reservations: Sequence[Reservation], changes: Changes) -> None:
    """The units were set aside and are not on the shelf: the count was wrong, and nobody shall be promised them again."""
    _give_up(reservations, changes, used=True, told="stock.missing")


def _give_up(reservations: Sequence[Reservation], changes: Changes, *, used: bool, told: str = "") -> None:
    if not reservations:
        return
    ids = {reservation.stock_item_id for reservation in reservations}
    items = {item.pk: item for item in changes.lock_stock(pk__in=ids)}
    units: dict[UUID, int] = defaultdict(int)
    for reservation in reservations:
        units[reservation.stock_item_id] += reservation.quantity
        reservation.use() if used else reservation.release()
        changes.edit(reservation, "state")
    for item_id, quantity in units.items():
        item = items[item_id]
        item.reserved -= quantity
        if used:
            item.on_hand -= quantity
        changes.edit(item, "reserved", "on_hand")
        changes.tell(told or ("stock.left" if used else "stock.put_back"), item, units=quantity)


def waiting_orders(sku_ids: Collection[UUID]) -> list[UUID]:
    """Orders with a line on back-order for one of these products that now has a free unit, longest waiting first; then whose hold asks."""
    waiting = OrderLine.objects.filter(
        sku__in=sku_ids, state=LineState.BACK_ORDERED, sku__stock__on_hand__gt=F("sku__stock__reserved")
    )
    held = Hold.objects.filter(
        state=HoldState.ACTIVE, release_when__when__icontains="in_stock", order__lines__sku__in=sku_ids
    )
    ids = [
        *waiting.order_by("created_at", "pk").values_list("order_id", flat=True),
        *held.order_by("placed_at", "pk").values_list("order_id", flat=True),
    ]
    return list(dict.fromkeys(ids))


def put_count(*, item: StockItem, on_hand: int, changes: Changes) -> int:
    """Take over what was counted on the shelf; never below what is set aside. Returns by how much the count fell short of that."""
    item.on_hand = max(on_hand, item.reserved)
    changes.edit(item, "on_hand")
    changes.tell("stock.changed", item, counted=on_hand)
    return max(item.reserved - on_hand, 0)
