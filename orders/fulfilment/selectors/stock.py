"""Stock for screens and programs: what lies where, for whom it is set aside, and who waits in which place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from orders.fulfilment.decisions.bundles import Part
from orders.fulfilment.models import OrderLine, Replenishment, Reservation, SafetyStock, Sku, StockItem, StockLot
from orders.fulfilment.selectors.parcels import sku_for, skus_for
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.states import (
    ORDER_STANDS_ASIDE,
    LineState,
    LotState,
    OrderState,
    ReplenishmentState,
    ReservationState,
    SkuType,
)

PER_PAGE: Final = 50
MOST_ROWS: Final = 200


@dataclass(frozen=True)
class StockFilters:
    """What a list shows: words of code or name, a client, only products somebody waits for; `after` is the last row seen."""

    q: str = ""
    client: str = ""
    waiting: bool = False
    after: str = ""


@dataclass(frozen=True)
class StockRow:
    """One product: units there, set aside, that may be promised, and wanted by those who wait."""

    id: UUID
    code: str
    name: str
    client: str
    on_hand: int
    reserved: int
    promisable: int
    waiting: int
    waiting_orders: int


@dataclass(frozen=True)
class StockPage:
    """A page of the list by code, and where the next begins ("" for none)."""

    rows: Sequence[StockRow]
    next_after: str


@dataclass(frozen=True)
class LotFacts:
    """Units of one lot in one place."""

    location: str
    location_name: str
    lot: str
    expires_on: date | None
    on_hand: int
    reserved: int
    state: str
    state_label: str
    is_expired: bool
    counted_at: datetime | None
    short: int

    @property
    def is_usable(self) -> bool:
        """Whether they may be promised."""
        return self.state == LotState.USABLE and not self.is_expired


@dataclass(frozen=True)
class LevelFacts:
    """What is kept back in a place, below how many free units more is asked for, and what was asked for last."""

    location: str
    location_name: str
    kept_back: int
    reorder_at: int | None
    reorder_units: int | None
    threshold: int
    low_since: datetime | None
    asked_units: int
    asked_at: datetime | None
    due_at: datetime | None
    asked_state: str
    asked_state_label: str


@dataclass(frozen=True)
class HeldFacts:
    """Units set aside for a line of an order, since when, and until when if nobody works on them."""

    order: str
    position: int
    quantity: int
    location: str
    lot: str
    held_at: datetime
    expires_at: datetime | None
    order_state: str
    order_state_label: str


@dataclass(frozen=True)
class WaitingFacts:
    """A line in the queue. `place` counts from 1; who cannot go on has none meanwhile, and keeps where it stands."""

    place: int | None
    order: str
    position: int
    quantity: int
    is_preorder: bool
    queued_at: datetime | None
    order_state: str
    order_state_label: str


@dataclass(frozen=True)
class StockPicture:
    """Everything about the stock of one product; lists show the first rows, the counts are of all."""

    id: UUID
    code: str
    name: str
    client: str
    client_id: UUID
    on_hand: int
    reserved: int
    promisable: int
    lots: Sequence[LotFacts]
    kept: Mapping[str, int]
    levels: Sequence[LevelFacts]
    held: Sequence[HeldFacts]
    held_count: int
    queue: Sequence[WaitingFacts]
    queue_count: int
    parts: Sequence[Part]

    @property
    def has_recalled(self) -> bool:
        """Whether one of its lots is recalled."""
        return any(lot.state == LotState.RECALLED for lot in self.lots)


def stock_page(*, by: Actor, filters: StockFilters) -> StockPage:
    """Products by code. Raises `Invalid` for a page mark that is not ours, `Refused`."""
    matching = _matching(skus_for(by), filters)
    if filters.after:
        last = _marked(by, filters.after)
        matching = matching.filter(Q(code__gt=last.code) | Q(code=last.code, pk__gt=last.pk))
    found = list(matching.select_related("client", "stock").order_by("code", "pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    ids = [sku.pk for sku in shown]
    free, wanted = promisable(sku_ids=ids), _wanted(ids)
    rows = [_row(sku, free.get(sku.pk, 0), *wanted.get(sku.pk, (0, 0))) for sku in shown]
    return StockPage(rows, str(shown[-1].pk) if len(found) > len(shown) else "")


def stock_picture(*, by: Actor, sku_id: UUID, today: date) -> StockPicture:
    """The stock of one product. Raises `NotFound` for none and for another client's alike, `Refused`."""
    sku = sku_for(by, sku_id, having="stock")
    held = Reservation.objects.filter(stock_item=sku.stock, state=ReservationState.HELD)
    waiting = OrderLine.objects.filter(sku=sku, state=LineState.BACK_ORDERED)
    levels = _levels(sku.stock)
    return StockPicture(
        id=sku.pk,
        code=sku.code,
        name=sku.name,
        client=sku.client.name,
        client_id=sku.client_id,
        on_hand=sku.stock.on_hand,
        reserved=sku.stock.reserved,
        promisable=promisable(sku_ids=[sku.pk]).get(sku.pk, 0),
        lots=_lots(sku.stock, today),
        kept={one.location: one.kept_back for one in levels if one.kept_back},
        levels=levels,
        held=_held(held),
        held_count=held.count(),
        queue=_queue(waiting),
        queue_count=waiting.count(),
        parts=parts_of(sku),
    )


def parts_of(sku: Sku) -> list[Part]:
    """What is in every unit of a bundle; nothing of a product that is none."""
    rows = sku.parts.filter(is_active=True).order_by("part__code")
    return [Part(*row) for row in rows.values_list("part__code", "quantity", "price_share")]


def lots_to_act_on(*, by: Actor, sku_id: UUID, state: LotState) -> list[str]:
    """The codes of this product's lots in this state. Raises `Refused`."""
    found = StockLot.objects.filter(item__sku__in=skus_for(by).filter(pk=sku_id), state=state).exclude(code="")
    return list(found.order_by("code").values_list("code", flat=True).distinct())


def _matching(skus: QuerySet[Sku], filters: StockFilters) -> QuerySet[Sku]:
    skus = skus.filter(stock__isnull=False)
    if filters.q:
        skus = skus.filter(Q(code__icontains=filters.q) | Q(name__icontains=filters.q))
    if filters.client:
        skus = skus.filter(client__slug=filters.client)
    if filters.waiting:
        skus = skus.filter(pk__in=OrderLine.objects.filter(state=LineState.BACK_ORDERED).values("sku"))
    return skus


def _marked(by: Actor, after: str) -> Sku:
    try:
        found = skus_for(by).filter(pk=UUID(after)).first()
    except ValueError:
        found = None
    if found is None:
        raise Invalid(
            said("This page does not exist."),
            errors=[FieldError("/after", "unknown", "This is not a page of this list.")],
        )
    return found


def _wanted(sku_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Units wanted and orders waiting, by SKU."""
    waiting = OrderLine.objects.filter(sku__in=sku_ids, state=LineState.BACK_ORDERED).order_by()
    counted = waiting.values("sku").annotate(units=Sum("quantity"), orders=Count("order", distinct=True))
    return {row["sku"]: (row["units"], row["orders"]) for row in counted}


def _row(sku: Sku, free: int, units: int, orders: int) -> StockRow:
    stock = sku.stock
    return StockRow(sku.pk, sku.code, sku.name, sku.client.name, stock.on_hand, stock.reserved, free, units, orders)


def _lots(item: StockItem, today: date) -> list[LotFacts]:
    rows = StockLot.objects.filter(item=item).select_related("location")
    return [
        LotFacts(
            location=lot.location.slug,
            location_name=str(lot.location),
            lot=lot.code,
            expires_on=lot.expires_on,
            on_hand=lot.on_hand,
            reserved=lot.reserved,
            state=lot.state,
            state_label=LotState(lot.state).label,
            is_expired=lot.expires_on is not None and lot.expires_on < today,
            counted_at=lot.counted_at,
            short=lot.short,
        )
        for lot in rows.order_by("location__priority", "location__slug", F("expires_on").asc(nulls_last=True), "code")
    ]


def _levels(item: StockItem) -> list[LevelFacts]:
    """What is watched in each place, with the newest request for more."""
    rows = SafetyStock.objects.filter(Q(units__gt=0) | Q(reorder_at__isnull=False), item=item).select_related(
        "location"
    )
    newest = Replenishment.objects.filter(safety__item=item).order_by("safety", "-asked_at", "-pk").distinct("safety")
    asked = {one.safety_id: one for one in newest}
    return [_level(one, asked.get(one.pk)) for one in rows.order_by("location__slug")]


def _level(safety: SafetyStock, asked: Replenishment | None) -> LevelFacts:
    return LevelFacts(
        location=safety.location.slug,
        location_name=str(safety.location),
        kept_back=safety.units,
        reorder_at=safety.reorder_at,
        reorder_units=safety.reorder_units,
        threshold=safety.threshold,
        low_since=safety.low_since,
        asked_units=asked.units if asked else 0,
        asked_at=asked.asked_at if asked else None,
        due_at=asked.due_at if asked else None,
        asked_state=asked.state if asked else "",
        asked_state_label=ReplenishmentState(asked.state).label if asked else "",
    )


def _held(held: QuerySet[Reservation]) -> list[HeldFacts]:
    rows = held.select_related("line__order", "lot__location").order_by("held_at", "pk")[:MOST_ROWS]
    return [
        HeldFacts(
            order=one.line.order.key,
            position=one.line.position,
            quantity=one.quantity,
            location=str(one.lot.location),
            lot=one.lot.code,
            held_at=one.held_at,
            expires_at=one.expires_at,
            order_state=one.line.order.state,
            order_state_label=OrderState(one.line.order.state).label,
        )
        for one in rows
    ]


def _queue(waiting: QuerySet[OrderLine]) -> list[WaitingFacts]:
    rows, place, found = waiting.select_related("order").order_by("queued_at", "pk")[:MOST_ROWS], 0, []
    for line in rows:
        is_aside = line.order.state in ORDER_STANDS_ASIDE
        place += not is_aside
        found.append(
            WaitingFacts(
                place=None if is_aside else place,
                order=line.order.key,
                position=line.position,
                quantity=line.quantity,
                is_preorder=line.sku_type == SkuType.PREORDER,
                queued_at=line.queued_at,
                order_state=line.order.state,
                order_state_label=OrderState(line.order.state).label,
            )
        )
    return found
