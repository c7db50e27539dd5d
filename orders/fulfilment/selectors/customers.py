"""Customers: who looks like whom, what one is known by, and how many orders they have."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, QuerySet
from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.context import Actor
from audit.crypto import open_secret
from audit.errors import FieldError, Invalid, NotFound
from audit.selectors.pages import names_of
from audit.words import said
from orders.fulfilment.models import Customer, CustomerSign, Likeness, Order, OrderAddress
from orders.fulfilment.selectors.orders import OrderRow, orders_for, rows_of
from orders.fulfilment.states import CustomerState, LikenessState, SignKind
from rules import selectors as rules

PER_PAGE: Final = 50
NEWEST: Final = 5
MASK: Final = "•••"
PUBLIC: Final = frozenset({"city", "country", "region"})
TABS: Final[Mapping[str, str]] = {"likely": noop("To be decided"), "apart": noop("Not the same")}


@dataclass(frozen=True)
class LikenessRow:
    """Two customers that look alike: `signs` are the words for what they have in common, orders are counted for each."""

    id: UUID
    client: str
    one: str
    one_orders: int
    other: str
    other_orders: int
    signs: Sequence[str]
    found_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None
    reason: str


@dataclass(frozen=True)
class LikenessPage:
    """A page of the list, the newest first; `next_after` is "" on the last."""

    rows: Sequence[LikenessRow]
    next_after: str


@dataclass(frozen=True)
class SignFacts:
    """What a customer is known by; `text` only of customer numbers, and only for those who may see personal data."""

    kind: str
    label: str
    system: str
    text: str


@dataclass(frozen=True)
class MergedFacts:
    """A customer that was merged into another one: by whom, when and why, with how many orders."""

    key: str
    into: str
    orders: int
    who: str
    at: datetime
    why: str


@dataclass(frozen=True)
class CustomerFacts:
    """One customer with everybody merged into them. `contact` is that of their newest order, masked where it has to be."""

    id: UUID
    key: str
    client: str
    since: datetime
    head: str
    is_merged: bool
    orders: int
    newest: Sequence[OrderRow]
    signs: Sequence[SignFacts]
    contact: Mapping[str, str]
    merged: Sequence[MergedFacts]
    alike: Sequence[LikenessRow]
    version: int


@dataclass(frozen=True)
class CustomerGlance:
    """The customer on an order's page: who stands for them, and how many orders they have besides this one."""

    key: str
    other_orders: int
    alike: int


def customers_for(by: Actor) -> QuerySet[Customer]:
    """The customers that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    customers = Customer.objects.select_related("client", "head", "merged_into")
    return customers if by.clients is None else customers.filter(client__in=by.clients)


def customer_named(by: Actor, key: str) -> Customer:
    """The customer of this key. Raises `NotFound` for none and for another client's alike."""
    found = customers_for(by).filter(key=key).first()
    if found is None:
        raise NotFound(said("There is no customer %(key)s, or it is not yours to see.", key=key[:40]))
    return found


def likenesses_for(by: Actor) -> QuerySet[Likeness]:
    """The pairs that exist for the actor, merged ones among them. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    pairs = Likeness.objects.select_related("client", "one__head", "other__head")
    return pairs if by.clients is None else pairs.filter(client__in=by.clients)


def to_decide_about(by: Actor) -> QuerySet[Likeness]:
    """The pairs of which nobody has said whether they are the same."""
    return still_two(likenesses_for(by)).filter(state=LikenessState.LIKELY)


def still_two(pairs: QuerySet[Likeness]) -> QuerySet[Likeness]:
    """Without those that were merged."""
    return pairs.exclude(one__head=F("other__head"))


def likeness_named(by: Actor, key: UUID) -> Likeness:
    """The pair of this id. Raises `NotFound` for none and for another client's alike."""
    found = likenesses_for(by).filter(pk=key).first()
    if found is None:
        raise NotFound(said("There is no such pair of customers, or it is not yours to see."))
    return found


def as_merge(pair: Likeness, *, keep: str) -> dict[str, Any]:
    """Who is merged into whom where the one called `keep` stays. Raises `Invalid` for one that is none of the two."""
    heads = {one.head.key: one.head_id for one in (pair.one, pair.other)}
    if len(heads) == 1:  # somebody was faster, and the door says who
        return {"into_id": pair.one_id, "customer_id": pair.other_id}
    if keep not in heads:
        detail = said("%(key)s is none of the two: %(keys)s.", key=keep[:40], keys=", ".join(heads))
        raise Invalid(detail, errors=[FieldError("/keep", "unknown", detail)])
    return {"into_id": heads.pop(keep), "customer_id": heads.popitem()[1]}


def likeness_page(*, by: Actor, tab: str, client: str = "", sign: str = "", after: str = "") -> LikenessPage:
    """Pairs that look alike. Raises `Invalid` naming the filter nobody knows: a bad filter never widens the set."""
    if client and not rules.clients_of(by).filter(slug=client).exists():
        raise _unknown("client", client)
    if sign and sign not in SignKind.values:
        raise _unknown("sign", sign)
    if tab not in TABS:
        raise _unknown("tab", tab)
    pairs = still_two(likenesses_for(by)).filter(state=tab)
    pairs = pairs.filter(client__slug=client) if client else pairs
    pairs = pairs.filter(signs__contains=[sign]) if sign else pairs
    if after:
        pairs = pairs.filter(pk__lt=_read_mark(after))
    found = list(pairs.order_by("-pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    return LikenessPage(likeness_rows(shown), str(shown[-1].pk) if len(found) > len(shown) else "")


def likeness_rows(pairs: Sequence[Likeness]) -> list[LikenessRow]:
    """As people read them; the names of who stands for each of the two."""
    heads = {head for pair in pairs for head in (pair.one.head_id, pair.other.head_id)}
    counts = _orders_of(heads)
    names = names_of({pair.decided_by for pair in pairs if pair.decided_by})
    return [_likeness_row(pair, counts, names) for pair in pairs]


def customer_facts(*, by: Actor, customer: Customer) -> CustomerFacts:
    """Everything the page of one customer shows; a merged one as it is by itself."""
    is_merged = customer.state == CustomerState.MERGED
    own = [customer] if is_merged else list(customer.members.select_related("merged_into").order_by("pk"))
    ids = [one.pk for one in own]
    clear = by.may("orders.view_pii", customer.client_id)
    theirs = orders_for(by).filter(customer__in=ids)
    newest = list(theirs.order_by("-placed_at", "-pk")[:NEWEST])
    counts = dict(theirs.order_by().values_list("customer").annotate(Count("pk")))
    pairs = to_decide_about(by)
    alike = pairs.filter(one__in=ids) | pairs.filter(other__in=ids)
    return CustomerFacts(
        id=customer.pk,
        key=customer.key,
        client=customer.client.name,
        since=customer.created_at,
        head=customer.head.key,
        is_merged=is_merged,
        orders=sum(counts.values()),
        newest=rows_of(newest),
        signs=list(dict.fromkeys(_sign(one, clear=clear) for one in _signs_of(ids))),
        contact=_contact(newest, clear=clear),
        merged=_merged([one for one in own if one.state == CustomerState.MERGED], counts),
        alike=[] if is_merged else likeness_rows(list(alike.order_by("-pk")[:PER_PAGE])),
        version=customer.version,
    )


def customer_glance(order: Order) -> CustomerGlance | None:
    """Who ordered, for the order's page; nothing for an order that names nobody."""
    if order.customer_id is None:
        return None
    customer = Customer.objects.select_related("head").get(pk=order.customer_id)
    head = customer.head_id
    pairs = still_two(Likeness.objects.filter(state=LikenessState.LIKELY))
    alike = pairs.filter(one__head=head) | pairs.filter(other__head=head)
    orders = Order.objects.filter(customer__head=head).exclude(pk=order.pk).count()
    return CustomerGlance(customer.head.key, orders, alike.count())


def _orders_of(heads: Iterable[UUID]) -> dict[UUID, int]:
    orders = Order.objects.filter(customer__head__in=heads).order_by()
    return dict(orders.values_list("customer__head").annotate(Count("pk")))


def _likeness_row(pair: Likeness, counts: Mapping[UUID, int], names: Mapping[str, str]) -> LikenessRow:
    return LikenessRow(
        id=pair.pk,
        client=pair.client.name,
        one=pair.one.head.key,
        one_orders=counts.get(pair.one.head_id, 0),
        other=pair.other.head.key,
        other_orders=counts.get(pair.other.head_id, 0),
        signs=[str(SignKind(kind).label) for kind in pair.signs],
        found_at=pair.created_at,
        state=pair.state,
        decided_by=names.get(pair.decided_by, pair.decided_by),
        decided_at=pair.decided_at,
        reason=pair.reason,
    )


def _signs_of(ids: Sequence[UUID]) -> QuerySet[CustomerSign]:
    return CustomerSign.objects.filter(customer__in=ids).order_by("pk")


def _sign(sign: CustomerSign, *, clear: bool) -> SignFacts:
    text = (open_secret(sign.sealed) if clear else MASK) if sign.sealed else ""
    return SignFacts(sign.kind, str(SignKind(sign.kind).label), sign.system, text)


def _contact(newest: Sequence[Order], *, clear: bool) -> dict[str, str]:
    """Country and town for everybody who may see the order; the rest only for those who may see personal data."""
    addresses = OrderAddress.objects.in_bulk([order.pk for order in newest])
    given = next((addresses[order.pk] for order in newest if order.pk in addresses), None)
    known = json.loads(open_secret(given.raw)) if given else {}
    return {name: value if clear or name in PUBLIC else MASK for name, value in known.items() if value}


def _merged(customers: Sequence[Customer], counts: Mapping[UUID, int]) -> list[MergedFacts]:
    """With the first entry of each history since it is merged."""
    first, before = {}, set()
    for row in Customer.history.filter(id__in=[one.pk for one in customers]).order_by("-history_id"):
        if row.state == CustomerState.OWN:
            before.add(row.id)
        elif row.id not in before:
            first[row.id] = row
    names = names_of({row.history_actor for row in first.values()})
    return [
        MergedFacts(
            key=one.key,
            into=one.merged_into.key if one.merged_into else "",
            orders=counts.get(one.pk, 0),
            who=names[first[one.pk].history_actor],
            at=first[one.pk].history_date,
            why=first[one.pk].history_change_reason or "",
        )
        for one in customers
    ]


def _unknown(name: str, value: str) -> Invalid:
    detail = said("%(name)s cannot be “%(value)s”.", name=name, value=value[:60])
    return Invalid(detail, errors=[FieldError(f"/{name}", "unknown", detail)])


def _read_mark(after: str) -> UUID:
    try:
        return UUID(after)
    except ValueError as broken:
        detail = said("This page mark is not one of ours; start at the first page.")
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from broken
