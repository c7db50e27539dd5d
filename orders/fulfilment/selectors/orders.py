"""Lists of orders for screens and programs: scoped, filtered, in keyset pages."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Case, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound
from audit.filtering import Question
from audit.words import said
from exceptions.selectors import Column, capped_counts
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors.order_filters import IN_TAB, ORDER_FILTERS, TABS, holders, search
from orders.fulfilment.states import ORDER_FINAL, ORDER_STUCK, HoldReason, HoldState, OrderState

COUNT_CAP: Final = 10_000
CHUNK: Final = 2_000
PAGE_SIZES: Final = (25, 50, 100, 200)
PER_PAGE: Final = 50
# Filters that take several values.
SEVERAL: Final = (
    "state",
    "client",
    "channel",
    "flow",
    "rule",
    "owner",
    "holder",
    "hold",
    "sku",
    "carrier",
    "vendor",
    "customer",
    "test",
    "placed",
    "promised",
    "due",
    "total",
    "fraud",
    "behind",
)
# By which columns a list can be put in order, each way. What has no such moment comes last, whichever way.
SORTS: Final[Mapping[str, str]] = {
    "placed": "placed_at",
    "key": "key",
    "due": "due_still",
    "promised": "promised_at",
    "total": "total_minor",
    "state": "state",
}
MAYBE_NONE: Final = frozenset({"due_still", "promised_at"})
# What is over is due no more, whatever its deadline was.
# For programs, whose pages go both ways: before and after every moment there is.
FIRST, LAST = Value(datetime(1900, 1, 1, tzinfo=UTC)), Value(datetime(9999, 1, 1, tzinfo=UTC))
DUE_STILL: Final = Case(When(state__in=ORDER_FINAL, then=None), default=F("sla_due_at"), output_field=DateTimeField())
ORDER_COLUMNS: Final[Mapping[str, Column]] = {
    "order": Column("Order", is_fixed=True),
    "placed": Column("Placed"),
    "client": Column("Client, channel"),
    "state": Column("State"),
    "owner": Column("Owner now"),
    "flow": Column("Flow"),
    "due": Column("Due", is_fixed=True),
    "exceptions": Column("Exceptions", is_amount=True),
    "value": Column("Value", is_amount=True),
    "number": Column("Number in the store", is_shown=False),
    "promised": Column("Promised", is_shown=False),
}


@dataclass(frozen=True)
class OrderFilters:
    """What a list shows. Values of one field are alternatives, different fields narrow down; an unknown value is refused."""

    tab: str = "all"
    q: str = ""
    state: Sequence[str] = ()
    client: Sequence[str] = ()
    channel: Sequence[str] = ()
    flow: Sequence[str] = ()
    rule: Sequence[str] = ()
    owner: Sequence[str] = ()
    holder: Sequence[str] = ()
    hold: Sequence[str] = ()
    sku: Sequence[str] = ()
    carrier: Sequence[str] = ()
    vendor: Sequence[str] = ()
    customer: Sequence[str] = ()
    test: Sequence[str] = ()
    placed: Sequence[str] = ()
    promised: Sequence[str] = ()
    due: Sequence[str] = ()
    total: Sequence[str] = ()
    fraud: Sequence[str] = ()
    behind: Sequence[str] = ()
    sort: str = "-placed"
    after: str = ""
    per: int = PER_PAGE


@dataclass(frozen=True)
class OrderRow:
    """One order of a list. `owner` has it now: whose open exception about it is due first, else who owns it by rule."""

    id: UUID
    key: str
    number: str
    client: str
    client_slug: str
    channel: str
    state: str
    state_label: str
    is_stuck: bool
    is_open: bool
    owner: str
    flow: str
    placed_at: datetime
    promised_at: datetime | None
    sla_due_at: datetime | None
    total_minor: int
    currency: str
    version: int
    holds: tuple[str, ...] = ()
    exceptions: int = 0


@dataclass(frozen=True)
class OrderPage:
    """A page of a list: rows, where the next page starts ("" for none) and how many there are, counted up to a cap."""

    rows: Sequence[OrderRow]
    next_after: str
    count: int
    is_capped: bool = field(default=False)


def orders_for(by: Actor) -> QuerySet[Order]:
    """The orders that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    orders = Order.objects.select_related("client", "owner", "flow")
    return orders if by.clients is None else orders.filter(client__in=by.clients)


def order_for(by: Actor, key: str) -> Order:
    """The order of this key. Raises `NotFound` for none and for another client's alike."""
    order = orders_for(by).select_related("amounts").filter(key=key).first()
    if order is None:
        raise NotFound(said("There is no order %(key)s, or it is not yours to see.", key=key[:60]))
    return order


def other_order(by: Actor, order: Order, name: str) -> Order:
    """Another order of the same client, by its key, its number or what a system calls it. Raises `Invalid` for none and for several."""
    named = orders_for(by).filter(search(name.strip()), client=order.client_id).exclude(pk=order.pk)
    found = list(named.order_by("pk")[:2])
    if len(found) != 1:
        detail = said("“%(name)s” names no other order of this client, or several.", name=name[:60])
        raise Invalid(detail, errors=[FieldError("/into", "unknown", detail)])
    return found[0]


def order_page(*, by: Actor, filters: OrderFilters, now: datetime) -> OrderPage:
    """Newest first unless told otherwise, in keyset pages. Raises `Invalid` naming the filter that is not known."""
    matching = filtered(by=by, filters=filters, now=now)
    count = matching[: COUNT_CAP + 1].count()
    name, field = _sorting(filters.sort)
    rows = in_order(matching, filters.sort)
    if filters.after:
        rows = rows.filter(_beyond(filters.after, name, field))
    found = list(rows[: filters.per + 1])
    shown = found[: filters.per]
    following = f"{_mark(getattr(shown[-1], field))}_{shown[-1].pk}" if len(found) > len(shown) else ""
    return OrderPage(rows_of(shown), following, min(count, COUNT_CAP), is_capped=count > COUNT_CAP)


def sortable_orders(by: Actor) -> QuerySet[Order]:
    """The orders this person may see, with what programs sort them by: what has no such moment comes last, whichever way."""
    return orders_for(by).annotate(
        due_or_last=Coalesce(DUE_STILL, LAST),
        due_or_first=Coalesce(DUE_STILL, FIRST),
        promised_or_last=Coalesce("promised_at", LAST),
        promised_or_first=Coalesce("promised_at", FIRST),
    )


def in_order(orders: QuerySet[Order], sort: str) -> QuerySet[Order]:
    """These orders, sorted. Raises `Invalid` for a sort that is none."""
    name, field = _sorting(sort)
    direction = F(field).desc(nulls_last=True) if name.startswith("-") else F(field).asc(nulls_last=True)
    return orders.annotate(due_still=DUE_STILL).order_by(direction, "-pk" if name.startswith("-") else "pk")


def exported_orders(*, by: Actor, filters: OrderFilters, now: datetime) -> Iterator[OrderRow]:
    """Every order of the list, in its order, read as it is asked for. Raises `Invalid` as the list does."""
    orders = in_order(filtered(by=by, filters=filters, now=now), filters.sort)
    return _in_chunks(orders.iterator(chunk_size=CHUNK))


def _sorting(sort: str) -> tuple[str, str]:
    """The sort and the field it is about. Raises `Invalid`."""
    field = SORTS.get(sort.removeprefix("-"))
    if field is None:
        detail = said("Cannot sort by “%(sort)s”.%(sorts)s", sort=sort[:40], sorts=f" {', '.join(SORTS)}.")
        raise Invalid(detail, errors=[FieldError("/sort", "unknown", detail)])
    return sort, field


def _in_chunks(orders: Iterator[Order]) -> Iterator[OrderRow]:
    while chunk := list(islice(orders, CHUNK)):
        yield from rows_of(chunk)


def filtered(*, by: Actor, filters: OrderFilters, now: datetime) -> QuerySet[Order]:
    """The orders that a list with these filters shows. Raises `Invalid` naming what it does not know."""
    if filters.per not in PAGE_SIZES:
        detail = said("A page has one of %(sizes)s rows.", sizes=", ".join(map(str, PAGE_SIZES)))
        raise Invalid(detail, errors=[FieldError("/per", "unknown", detail)])
    asked: dict[str, Sequence[str]] = {"tab": [filters.tab]}
    if filters.q:
        asked["q"] = [filters.q.strip()]
    asked |= {name: values for name in SEVERAL if (values := getattr(filters, name))}
    return ORDER_FILTERS.apply(orders_for(by), asked, Question(by, now))


def rows_of(orders: Sequence[Order]) -> list[OrderRow]:
    """Rows for these orders (client, owner and flow loaded); one query for the holds of all of them, one for their open exceptions."""
    holds: dict[UUID, list[str]] = defaultdict(list)
    active = Hold.objects.filter(order__in=[order.pk for order in orders], state=HoldState.ACTIVE).order_by("pk")
    for order_id, reason in active.values_list("order_id", "reason"):
        holds[order_id].append(HoldReason(reason).label)
    held = holders([str(order.pk) for order in orders])
    return [_row(order, tuple(holds[order.pk]), *held.get(str(order.pk), (0, order.owner.name))) for order in orders]


def tab_counts(*, by: Actor, now: datetime) -> dict[str, int]:
    """How many orders each tab has, capped, in one statement."""
    visible = orders_for(by)
    shown = [visible.filter(IN_TAB[tab](now)) if tab in IN_TAB else visible for tab in TABS]
    return dict(zip(TABS, capped_counts(shown, most=COUNT_CAP), strict=True))


def _row(order: Order, holds: tuple[str, ...], cases: int, holder: str) -> OrderRow:
    state = OrderState(order.state)
    return OrderRow(
        id=order.pk,
        key=order.key,
        number=order.number,
        client=order.client.name,
        client_slug=order.client.slug,
        channel=order.channel,
        state=state.value,
        state_label=state.label,
        is_stuck=state in ORDER_STUCK,
        is_open=state not in ORDER_FINAL,
        owner=holder,
        flow=order.flow.name if order.flow else "",
        placed_at=order.placed_at,
        promised_at=order.promised_at,
        sla_due_at=order.sla_due_at,
        total_minor=order.total_minor,
        currency=order.currency,
        version=order.version,
        holds=holds,
        exceptions=cases,
    )


def _mark(value: datetime | str | int | None) -> str:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else str(value)


def _beyond(after: str, sort: str, field: str) -> Q:
    """What comes after the row of this mark. Raises `Invalid` for a mark that is none."""
    text, _, row = after.rpartition("_")
    way = "lt" if sort.startswith("-") else "gt"
    column: Any = DateTimeField() if field == "due_still" else Order._meta.get_field(field)
    try:
        pk = UUID(row)
        value = None if not text and field in MAYBE_NONE else column.to_python(text)
    except (ValueError, ValidationError) as broken:
        error = FieldError("/after", "unknown", "This is not a page of this list.")
        raise Invalid(said("This page does not exist."), errors=[error]) from broken
    same_but_later = Q(**{f"{field}": value, f"pk__{way}": pk})
    if value is None:
        return Q(**{f"{field}__isnull": True, f"pk__{way}": pk})
    later = Q(**{f"{field}__{way}": value})
    return later | same_but_later | (Q(**{f"{field}__isnull": True}) if field in MAYBE_NONE else Q(pk__in=[]))
