"""Lists of orders for screens and programs: scoped, filtered, in keyset pages."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.context import Actor
from audit.crypto import blind_index
from audit.errors import FieldError, Invalid, NotFound
from audit.words import said
from exceptions.selectors import Column, capped_counts
from orders.fulfilment.models import Customer, Fulfilment, Hold, Order, OrderIdentifier
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, ORDER_FINAL, ORDER_STUCK, HoldReason, HoldState, OrderState

COUNT_CAP: Final = 10_000
CHUNK: Final = 2_000
AT_RISK: Final = timedelta(hours=4)
PAGE_SIZES: Final = (25, 50, 100, 200)
TABS: Final[Mapping[str, str]] = {
    "all": noop("All"),
    "in-progress": noop("In progress"),
    "partly": noop("Partly fulfilled"),
    "on-hold": noop("On hold"),
    "quarantined": noop("Quarantined"),
    "stuck": noop("Cannot go on"),
    "at-risk": noop("Due within 4 h"),
    "late": noop("Late"),
    "shipped-today": noop("Shipped today"),
}
# Filters that take several values.
SEVERAL: Final = ("state", "client", "channel", "flow", "rule", "owner", "hold", "sku", "carrier", "vendor", "customer")
ORDER_COLUMNS: Final[Mapping[str, Column]] = {
    "order": Column("Order", is_fixed=True),
    "placed": Column("Placed"),
    "client": Column("Client, channel"),
    "state": Column("State"),
    "owner": Column("Owner now"),
    "flow": Column("Flow"),
    "due": Column("Due", is_fixed=True),
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
    hold: Sequence[str] = ()
    sku: Sequence[str] = ()
    carrier: Sequence[str] = ()
    vendor: Sequence[str] = ()
    customer: Sequence[str] = ()
    after: str = ""
    per: int = 50
    test: bool | None = None


@dataclass(frozen=True)
class OrderRow:
    """One order of a list."""

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
    order = orders_for(by).filter(key=key).first()
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
    """Newest first, in keyset pages. Raises `Invalid` naming the filter that is not known: a bad filter never widens the set."""
    _refuse_unknown(filters)
    matching = filtered(orders_for(by), filters, now)
    count = matching[: COUNT_CAP + 1].count()
    rows = matching.order_by("-placed_at", "-pk")
    if filters.after:
        placed_at, pk = _read_after(filters.after)
        rows = rows.filter(Q(placed_at__lt=placed_at) | Q(placed_at=placed_at, pk__lt=pk))
    found = list(rows[: filters.per + 1])
    shown = found[: filters.per]
    following = f"{shown[-1].placed_at.isoformat()}_{shown[-1].pk}" if len(found) > len(shown) else ""
    return OrderPage(rows_of(shown), following, min(count, COUNT_CAP), is_capped=count > COUNT_CAP)


def exported_orders(*, by: Actor, filters: OrderFilters, now: datetime) -> Iterator[OrderRow]:
    """Every order of the list, newest first, read as it is asked for. Raises `Invalid` as the list does."""
    _refuse_unknown(filters)
    orders = filtered(orders_for(by), filters, now).order_by("-placed_at", "-pk").iterator(chunk_size=CHUNK)
    return _in_chunks(orders)


def _in_chunks(orders: Iterator[Order]) -> Iterator[OrderRow]:
    while chunk := list(islice(orders, CHUNK)):
        yield from rows_of(chunk)


def filtered(orders: QuerySet[Order], filters: OrderFilters, now: datetime) -> QuerySet[Order]:
    """The orders that a list with these filters shows."""
    if filters.tab in IN_TAB:
        orders = orders.filter(IN_TAB[filters.tab](now))
    if filters.q:
        orders = orders.filter(search(filters.q.strip()))
    by_column = {
        "state__in": filters.state,
        "client__slug__in": filters.client,
        "channel__in": filters.channel,
        "flow__slug__in": filters.flow,
        "decision__rule_slug__in": filters.rule,
        "owner__slug__in": filters.owner,
    }
    orders = orders.filter(**{name: values for name, values in by_column.items() if values})
    if filters.test is not None:
        orders = orders.filter(is_test=filters.test)
    if filters.hold:
        held = Hold.objects.filter(state=HoldState.ACTIVE, reason__in=filters.hold)
        orders = orders.filter(pk__in=held.values("order"))
    if filters.customer:
        orders = orders.filter(ordered_by(filters.customer))
    if filters.sku:
        having = Order.objects.filter(lines__sku__code__in=filters.sku).values("pk")
        bundled = Order.objects.filter(bundles__code__in=filters.sku).values("pk")
        orders = orders.filter(Q(pk__in=having) | Q(pk__in=bundled))
    for name, values in (("carrier", filters.carrier), ("vendor", filters.vendor)):
        if values:
            sent = Order.objects.filter(**{f"fulfilments__{name}__in": values})
            orders = orders.filter(pk__in=sent.values("pk"))
    return orders


def rows_of(orders: Sequence[Order]) -> list[OrderRow]:
    """Rows for these orders (client, owner and flow loaded); one query for the holds of all of them."""
    holds: dict[UUID, list[str]] = defaultdict(list)
    active = Hold.objects.filter(order__in=[order.pk for order in orders], state=HoldState.ACTIVE).order_by("pk")
    for order_id, reason in active.values_list("order_id", "reason"):
        holds[order_id].append(HoldReason(reason).label)
    return [_row(order, tuple(holds[order.pk])) for order in orders]


def tab_counts(*, by: Actor, now: datetime) -> dict[str, int]:
    """How many orders each tab has, capped, in one statement."""
    visible = orders_for(by)
    shown = [visible.filter(IN_TAB[tab](now)) if tab in IN_TAB else visible for tab in TABS]
    return dict(zip(TABS, capped_counts(shown, most=COUNT_CAP), strict=True))


def _row(order: Order, holds: tuple[str, ...]) -> OrderRow:
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
        owner=order.owner.name,
        flow=order.flow.name if order.flow else "",
        placed_at=order.placed_at,
        promised_at=order.promised_at,
        sla_due_at=order.sla_due_at,
        total_minor=order.total_minor,
        currency=order.currency,
        version=order.version,
        holds=holds,
    )


def search(words: str) -> Q:
    """By our key, the client's number, any system's id, or the customer's e-mail address."""
    if "@" in words:
        return Q(address__email_index=blind_index(words))
    named = OrderIdentifier.objects.filter(external_id=words)
    return Q(key=words.upper()) | Q(number=words) | Q(pk__in=named.values("order"))


def ordered_by(keys: Sequence[str]) -> Q:
    """Of these customers, and of everybody they were merged with."""
    return Q(customer__head__in=Customer.objects.filter(key__in=keys).values("head"))


def _due_soon(now: datetime) -> QuerySet[Fulfilment, UUID]:
    """Orders with a parcel in the house that has to leave, or be answered for, before long."""
    soon = Fulfilment.objects.filter(state__in=FULFILMENT_IN_HOUSE, due_at__gte=now, due_at__lt=now + AT_RISK)
    return soon.values_list("order_id", flat=True)


def _late(now: datetime) -> Q:
    return Q(sla_due_at__lt=now) & ~Q(state__in=[*ORDER_FINAL, OrderState.SHIPPED])


IN_TAB: Mapping[str, Callable[[datetime], Q]] = {
    "in-progress": lambda _: Q(
        state__in=[OrderState.PAID, OrderState.IN_FULFILMENT, OrderState.PARTLY_SHIPPED, OrderState.SHIPPED]
    ),
    "partly": lambda _: Q(state__in=[OrderState.PARTLY_FULFILLED, OrderState.PARTLY_SHIPPED]),
    "on-hold": lambda _: Q(state=OrderState.ON_HOLD),
    "quarantined": lambda _: Q(state=OrderState.QUARANTINED),
    "stuck": lambda _: Q(state__in=ORDER_STUCK),
    "at-risk": lambda now: Q(pk__in=_due_soon(now)),
    "late": _late,
    "shipped-today": lambda now: Q(shipped_at__gte=now - timedelta(days=1)),
}


def _refuse_unknown(filters: OrderFilters) -> None:
    known: dict[str, tuple[Sequence[str], Sequence[str]]] = {
        "tab": ([filters.tab], list(TABS)),
        "state": (filters.state, OrderState.values),
        "hold": (filters.hold, HoldReason.values),
        "per": ([str(filters.per)], [str(size) for size in PAGE_SIZES]),
    }
    errors = [
        FieldError(
            f"/{name}",
            "unknown",
            said(
                "%(name)s “%(value)s” is not known. Known are: %(allowed)s.",
                name=name,
                value=value,
                allowed=", ".join(allowed),
            ),
        )
        for name, (given, allowed) in known.items()
        for value in given
        if value not in allowed
    ]
    if errors:
        raise Invalid(said("This filter is not known."), errors=errors)


def _read_after(after: str) -> tuple[datetime, UUID]:
    moment, _, pk = after.rpartition("_")
    try:
        return datetime.fromisoformat(moment), UUID(pk)
    except ValueError as broken:
        error = FieldError("/after", "unknown", "This is not a page of this list.")
        raise Invalid(said("This page does not exist."), errors=[error]) from broken
