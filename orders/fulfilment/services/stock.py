"""Setting units aside, putting them back, and what happens when there are more."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from orders.fulfilment.decisions.allocation import Allocation, Demand, Grant, allocate
from orders.fulfilment.models import GoodsReceipt, Hold, Location, OrderLine, Reservation, StockLot
from orders.fulfilment.selectors.queues import first_elsewhere, next_in_line
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.shelves import ProductStock
from orders.fulfilment.states import HoldState, LineState, LotState, SkuType

FROM_OUR_STOCK = (SkuType.STOCK, SkuType.PREORDER)
NOT_SENT = frozenset({LineState.CANCELLED, LineState.BACK_ORDERED, LineState.OPEN})
Granted = Allocation[OrderLine, UUID]


def lock_stock(sku_ids: Collection[UUID], changes: Changes) -> dict[UUID, ProductStock]:
    """The stock of these products, locked, by SKU id; a product without stock is not in it."""
    return {item.sku_id: changes.stock_of(item.pk) for item in changes.lock_stock(sku__in=sku_ids)}


def wants_stock(line: OrderLine) -> bool:
    """Whether the line could come from our own shelf."""
    return line.sku_type in FROM_OUR_STOCK


def allocate_lines(
    lines: Sequence[OrderLine], stock: Mapping[UUID, ProductStock], orders: Collection[UUID], changes: Changes
) -> Granted:
    """Which of the lines of these orders can be served from the shelf as it is, those that wait longest first."""
    today = changes.now.date()
    ahead = first_elsewhere(sku_ids={line.sku_id for line in lines}, order_ids=orders) if lines else {}
    in_turn = sorted(
        enumerate(lines), key=lambda pair: (pair[1].queued_at or changes.now, pair[1].queued_at is None, pair[0])
    )
    demands = [
        Demand(
            line,
            line.sku_id,
            line.quantity,
            _places(line, stock.get(line.sku_id)),
            line.order_id,
            _is_behind(line, ahead.get(line.sku_id)),
        )
        for _, line in in_turn
    ]
    return allocate({sku_id: product.shelf(today) for sku_id, product in stock.items()}, demands)


def _places(line: OrderLine, product: ProductStock | None) -> list[UUID]:
    """The nearest first, then by priority."""
    places = {lot.location_id: lot.location for lot in product.lots} if product else {}

    def rank(place: Location) -> tuple[bool, int, str]:
        return (not place.country or place.country != line.order.country, place.priority, place.slug)

    return [place.pk for place in sorted(places.values(), key=rank)]


def _is_behind(line: OrderLine, first: tuple[object, UUID] | None) -> bool:
    return first is not None and (line.queued_at is None or (line.queued_at, line.pk) > first)


def reserve(
    allocation: Granted, stock: Mapping[UUID, ProductStock], dockets: Mapping[UUID, Docket], changes: Changes
) -> None:
    """Set the granted units aside: the rows are locked, and the database's own check refuses to promise a unit twice."""
    taken: dict[UUID, list[Reservation]] = defaultdict(list)
    for grant in allocation.granted:
        line, product = grant.demand.line, stock[grant.demand.item]
        dockets[line.order_id].reservations[line.pk] = _take(grant, product, changes)
        taken[grant.demand.item] += dockets[line.order_id].reservations[line.pk]
        line.reserve()
        changes.edit(line, "state", "flow")
    for sku_id, reservations in taken.items():
        product = stock[sku_id]
        product.add_up()
        changes.edit(product.item, "reserved")
        _enter("stock.reserved", product, reservations, changes)


def _take(grant: Grant[OrderLine, UUID], product: ProductStock, changes: Changes) -> list[Reservation]:
    taken = []
    for lot_id, units in grant.takes.items():
        lot = product.lot(lot_id)
        lot.reserved += units
        changes.edit(lot, "reserved")
        taken.append(
            Reservation(line=grant.demand.line, stock_item=product.item, lot=lot, quantity=units, held_at=changes.now)
        )
    changes.add(*taken)
    return taken


def keep_places(docket: Docket, lines: Iterable[OrderLine], changes: Changes) -> None:
    """Who loses units that were set aside queues for others from when it got them: nobody loses a place by being planned anew."""
    for line in lines:
        if line.queued_at is None and (held := docket.reservations.get(line.pk)):
            line.queued_at = min(one.held_at for one in held)
            changes.edit(line, "queued_at")


def release_reservations(dockets: Iterable[Docket], changes: Changes) -> None:
    """Put back what is set aside for lines that will not be sent from here."""
    freed: list[Reservation] = []
    for docket in dockets:
        lines = [line for line in docket.lines if line.state in NOT_SENT and line.pk in docket.reservations]
        keep_places(docket, lines, changes)
        freed += docket.take_reservations(lines)
    _give_up(freed, changes, Reservation.release, "stock.put_back")


def use_reservations(reservations: Sequence[Reservation], left_at: datetime, changes: Changes) -> None:
    """The units have left the house with their parcel."""
    _give_up(reservations, changes, Reservation.use, "stock.left", gone_at=left_at)


def take_unasked(
    product: ProductStock, line: OrderLine, units: int, left_at: datetime, changes: Changes, *, location_id: UUID | None
) -> int:
    """Units that left without having been set aside leave what is free, in this place where it is known. How many there were.

    What was counted after they left is without them.
    """
    taken: list[Reservation] = []
    for lot in product.lots:
        missing = units - sum(one.quantity for one in taken)
        is_theirs = location_id in {None, lot.location_id} and _lay_there(product, lot, left_at)
        gone = min(lot.on_hand - lot.reserved, missing) if is_theirs else 0
        if gone > 0:
            lot.on_hand -= gone
            changes.edit(lot, "on_hand")
            reservation = Reservation(
                line=line, stock_item=product.item, lot=lot, quantity=gone, held_at=changes.now, gone_at=left_at
            )
            reservation.use()
            taken.append(reservation)
    if taken:
        changes.add(*taken)
        _added_up(product, changes)
        _enter("stock.left", product, taken, changes)
    return sum(one.quantity for one in taken)


def write_off(reservations: Sequence[Reservation], missed_at: datetime, changes: Changes) -> None:
    """The units were set aside and are not on the shelf: the count was wrong, and nobody shall be promised them again."""
    _give_up(reservations, changes, Reservation.use, "stock.missing", gone_at=missed_at)


def date_back(used: Sequence[Reservation], gone_at: datetime, changes: Changes) -> None:
    """Units that have left did so earlier than was known: where that is before their place was counted, they were taken off it twice."""
    changes.lock_stock(pk__in={reservation.stock_item_id for reservation in used})
    back: dict[UUID, list[Reservation]] = defaultdict(list)
    for reservation in used:
        product, was = changes.stock_of(reservation.stock_item_id), reservation.gone_at
        lot = product.lot(reservation.lot_id)
        if was is not None and _lay_there(product, lot, was) and not _lay_there(product, lot, gone_at):
            lot.on_hand += reservation.quantity - _make_good(product, lot.location_id, reservation.quantity, changes)
            changes.edit(lot, "on_hand")
            back[reservation.stock_item_id].append(reservation)
        reservation.gone_at = gone_at
        changes.edit(reservation, "gone_at")
    for item_id, counted in back.items():
        _added_up(changes.stock_of(item_id), changes)
        _enter("stock.left_earlier", changes.stock_of(item_id), counted, changes)
        changes.freed.add(changes.stock_of(item_id).item.sku_id)


def let_expire(reservations: Sequence[Reservation], changes: Changes) -> None:
    """Nobody has worked on the units for too long: they are free for others."""
    _give_up(reservations, changes, Reservation.expire, "stock.expired")


def _give_up(
    reservations: Sequence[Reservation],
    changes: Changes,
    step: Callable[[Reservation], None],
    told: str,
    *,
    gone_at: datetime | None = None,
) -> None:
    if not reservations:
        return
    changes.lock_stock(pk__in={reservation.stock_item_id for reservation in reservations})
    given: dict[UUID, list[Reservation]] = defaultdict(list)
    for reservation in reservations:
        given[reservation.stock_item_id].append(reservation)
        product = changes.stock_of(reservation.stock_item_id)
        lot = product.lot(reservation.lot_id)
        lot.reserved -= reservation.quantity
        lot.on_hand -= _not_there(product, lot, reservation.quantity, gone_at, changes)
        changes.edit(lot, "reserved", "on_hand")
        reservation.gone_at = gone_at
        step(reservation)
        changes.edit(reservation, "state", "gone_at")
    for item_id, given_up in given.items():
        product = changes.stock_of(item_id)
        product.add_up()
        changes.edit(product.item, "reserved", "on_hand")
        _enter(told, product, given_up, changes)
        if gone_at is None:
            changes.freed.add(product.item.sku_id)


def _lay_there(product: ProductStock, lot: StockLot, at: datetime) -> bool:
    """Whether what left the lot's place at this moment is in what was last counted there."""
    count = product.count_at(lot.location_id)
    return count is None or count.counted_at is None or at >= count.counted_at


def _not_there(product: ProductStock, lot: StockLot, units: int, gone_at: datetime | None, changes: Changes) -> int:
    """How many units that are set aside no more leave the shelf: those that left since it was counted; else those it was short of."""
    if gone_at is not None and _lay_there(product, lot, gone_at):
        return units
    return _make_good(product, lot.location_id, units, changes)


def _make_good(product: ProductStock, location_id: UUID, units: int, changes: Changes) -> int:
    """How many of these units a count of the place was short of; it is short of them no more."""
    count = product.count_at(location_id)
    if count is None or count.short == 0:
        return 0
    found = min(units, count.short)
    count.short -= found
    changes.edit(count, "short")
    return found


def _enter(told: str, product: ProductStock, reservations: Sequence[Reservation], changes: Changes) -> None:
    """How many units in all, and where each reservation stands with how many: the trail alone tells what is set aside for whom."""
    units = sum(reservation.quantity for reservation in reservations)
    each = {str(reservation.pk): f"{reservation.state} {reservation.quantity}" for reservation in reservations}
    changes.tell(told, product.item, units=units, reservations=each)


def waiting_orders(sku_ids: Collection[UUID], changes: Changes) -> list[UUID]:
    """Orders whose turn it is, now that there are units of these products: longest waiting first; then those whose hold asks."""
    held = Hold.objects.filter(
        state=HoldState.ACTIVE, release_when__when__icontains="in_stock", order__lines__sku__in=sku_ids
    )
    served = next_in_line(sku_ids=sku_ids, today=changes.now.date())
    return list(dict.fromkeys([*served, *held.order_by("placed_at", "pk").values_list("order_id", flat=True)]))


def arrive(
    product: ProductStock,
    location: Location,
    code: str,
    expires_on: date | None,
    units: int,
    at: datetime,
    changes: Changes,
) -> None:
    """Put units that came at a moment with their lot; a lot that is recalled elsewhere is recalled here too.

    What was counted after they came has them already: it is only learned of which lot they are.
    """
    lot = lot_of(product, location, code, changes)
    if (count := product.count_at(location.pk)) and count.counted_at and at < count.counted_at:
        units = min(units, count.on_hand - count.reserved) if count is not lot else 0
        count.on_hand -= units
        changes.edit(count, "on_hand")
    else:
        changes.add(GoodsReceipt(item=product.item, location=location, quantity=units, received_at=at))
        units -= _make_good(product, location.pk, units, changes)
    lot.on_hand += units
    lot.expires_on = lot.expires_on or expires_on
    changes.edit(lot, "on_hand", "expires_on")
    product.lots.sort(key=lambda one: (one.expires_on is None, one.expires_on or date.max, one.code))
    _added_up(product, changes)


def put_count(product: ProductStock, location: Location, there: int, at: datetime, changes: Changes) -> None:
    """Take over how many units of what was counted in a place at a moment are there; never below what is set aside."""
    count = lot_of(product, location, "", changes)
    count.counted_at = at
    count.short = _recount(product, location, there - sum(lot.on_hand for lot in product.lots_at(location)), changes)
    changes.edit(count, "counted_at", "short")
    _added_up(product, changes)
    changes.tell("stock.changed", product.item, counted=there, location=location.slug)


def put_total(product: ProductStock, location: Location, total: int, changes: Changes) -> None:
    """So many there are everywhere: what is more lies in this place, what is less is missing from wherever it is free."""
    delta = total - product.item.on_hand
    for place in [location, *(lot.location for lot in product.lots if lot.location_id != location.pk)]:
        delta = -_recount(product, place, delta, changes) if delta else 0
    _added_up(product, changes)


def _recount(product: ProductStock, location: Location, delta: int, changes: Changes) -> int:
    """Put units there, or take free ones away: those without a lot first, then those that expire first. How many more were to go."""
    if delta > 0:
        unnamed = lot_of(product, location, "", changes)
        unnamed.on_hand += delta
        changes.edit(unnamed, "on_hand")
        return 0
    missing = -delta
    for lot in sorted(product.lots_at(location), key=lambda one: one.code != ""):
        gone = min(lot.on_hand - lot.reserved, missing)
        if gone:
            lot.on_hand -= gone
            missing -= gone
            changes.edit(lot, "on_hand")
    return missing


def _added_up(product: ProductStock, changes: Changes) -> None:
    product.add_up()
    changes.edit(product.item, "on_hand")


def lot_of(product: ProductStock, location: Location, code: str, changes: Changes) -> StockLot:
    """The lot of this code in this place; a new one where there is none yet."""
    found = next((lot for lot in product.lots_at(location) if lot.code == code), None)
    if found is None:
        known = next((lot for lot in product.lots if code and lot.code == code), None)
        found = StockLot(
            item=product.item,
            location=location,
            code=code,
            state=known.state if known else LotState.USABLE,
            expires_on=known.expires_on if known else None,
        )
        product.lots.append(found)
        changes.add(found)
        if found.state == LotState.RECALLED:
            changes.tell("lot.recalled", found, lot=code, location=location.slug)
    return found
