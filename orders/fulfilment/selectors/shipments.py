"""Parcels of several orders that go together, and those that could."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from audit.access import require
from audit.context import Actor
from audit.crypto import open_secret
from audit.errors import NotFound
from audit.selectors.pages import names_of
from audit.texts import page_mark
from audit.words import said
from orders.fulfilment.models import Fulfilment, FulfilmentLine, Hold, OrderAddress, OrderGift, Shipment
from orders.fulfilment.selectors.parcels import fulfilments_for
from orders.fulfilment.states import (
    FULFILMENT_GONE,
    FULFILMENT_ON_SHELF,
    ORDER_STUCK,
    FulfilmentState,
    HoldState,
    ShipmentState,
)
from rules.states import FlowKind

PER_PAGE: Final = 50
MOST_LOOKED_AT: Final = 500
FEWEST: Final = 2


@dataclass(frozen=True)
class ParcelRow:
    """One parcel, its order, and how far it is."""

    key: str
    order: str
    state: str
    state_label: str
    carrier: str
    tracking: str
    due_at: datetime | None


@dataclass(frozen=True)
class Proposal:
    """Parcels of one buyer that go to one address from one place, each by itself as things are."""

    client: str
    client_slug: str
    customer: str
    place: str
    parcels: Sequence[ParcelRow]


@dataclass(frozen=True)
class ShipmentRow:
    """A shipment with its parcels."""

    id: str
    key: str
    client: str
    place: str
    state: str
    state_label: str
    placed_by: str
    placed_at: datetime
    ended_at: datetime | None
    reason: str
    is_booked: bool
    has_left: bool
    parcels: Sequence[ParcelRow]

    @property
    def can_be_undone(self) -> bool:
        """Whether its parcels could still go each by itself."""
        return self.state == ShipmentState.TOGETHER and not self.has_left


def shipments_for(by: Actor) -> QuerySet[Shipment]:
    """Those that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    shipments = Shipment.objects.select_related("client", "location").prefetch_related("parcels__order")
    return shipments if by.clients is None else shipments.filter(client__in=by.clients)


def shipment_named(by: Actor, key: str) -> Shipment:
    """The one of this key. Raises `NotFound` for none and for another client's alike."""
    digits = key.removeprefix("SH-")
    found = shipments_for(by).filter(number=int(digits)).first() if digits.isascii() and digits.isdigit() else None
    if found is None:
        raise NotFound(said("There is no shipment %(key)s, or it is not yours to see.", key=key[:40]))
    return found


def shipment_page(*, by: Actor, after: str) -> tuple[list[ShipmentRow], str]:
    """The newest first, and where the list goes on. Raises `Invalid` for a page mark that is not ours."""
    matching = shipments_for(by)
    if after:
        matching = matching.filter(number__lt=page_mark(after))
    found = list(matching.order_by("-number")[: PER_PAGE + 1])
    following = str(found[PER_PAGE - 1].number) if len(found) > PER_PAGE else ""
    return shipment_rows(found[:PER_PAGE]), following


def shipment_rows(shipments: Sequence[Shipment]) -> list[ShipmentRow]:
    """As people read them."""
    names = names_of({one.placed_by for one in shipments})
    return [_row(one, names.get(one.placed_by, one.placed_by)) for one in shipments]


def _row(one: Shipment, who: str) -> ShipmentRow:
    parcels = sorted(one.parcels.all(), key=lambda parcel: parcel.key)
    return ShipmentRow(
        id=str(one.pk),
        key=one.key,
        client=one.client.name,
        place=one.location.name if one.location else "",
        state=one.state,
        state_label=ShipmentState(one.state).label,
        placed_by=who,
        placed_at=one.placed_at,
        ended_at=one.ended_at,
        reason=one.reason,
        is_booked=bool(one.booking),
        has_left=any(parcel.state in FULFILMENT_GONE for parcel in parcels),
        parcels=[_parcel(parcel) for parcel in parcels],
    )


def proposals(by: Actor) -> list[Proposal]:
    """Parcels that could go together: of one client, buyer and address, in one place, asked to go with one carrier; the first due first."""
    alike: dict[tuple[object, ...], list[Fulfilment]] = defaultdict(list)
    for parcel in _candidates(by):
        order = parcel.order
        head = order.customer.head_id if order.customer else None
        alike[parcel.client_id, head, parcel.location_id, order.preferred_carrier.casefold()].append(parcel)
    several = [rows for rows in alike.values() if len({one.order_id for one in rows}) >= FEWEST]
    return [_proposal(group) for rows in several for group in _by_address(rows)]


def _candidates(by: Actor) -> list[Fulfilment]:
    """Parcels that are here, not held and go by themselves, of buyers of whom several orders are open."""
    here = (*FULFILMENT_ON_SHELF, FulfilmentState.PICKED, FulfilmentState.PACKED)
    open_ones = fulfilments_for(by).filter(
        state__in=here, shipment=None, flow__kind=FlowKind.WAREHOUSE, order__cancelled_at=None
    )
    held = Hold.objects.filter(order=OuterRef("order"), state=HoldState.ACTIVE, line=None)
    held = held.filter(Q(fulfilment=None) | Q(fulfilment=OuterRef("pk")))
    open_ones = open_ones.exclude(order__state__in=ORDER_STUCK).filter(~Exists(held))
    heads = open_ones.exclude(order__customer=None).order_by().values("order__customer__head")
    several = heads.annotate(n=Count("order", distinct=True)).filter(n__gte=FEWEST).values("order__customer__head")
    found = open_ones.filter(order__customer__head__in=several).select_related("order__customer", "location")
    return list(found.order_by("due_at", "key")[:MOST_LOOKED_AT])


def _by_address(parcels: Sequence[Fulfilment]) -> list[list[Fulfilment]]:
    """Those that go to the same address: gifts with gifts, and nothing else with them, because they go without prices."""
    given = _given(parcels)
    where: dict[str, list[Fulfilment]] = defaultdict(list)
    addresses = OrderAddress.objects.in_bulk({one.order_id for one in parcels})
    for parcel in parcels:
        gift, address = given.get(parcel.pk), addresses.get(parcel.order_id)
        goes_to = gift.card if gift is not None and gift.card.raw else address
        if goes_to is not None and goes_to.standard:
            sealed = goes_to.instructions if isinstance(goes_to, OrderAddress) else ""
            told = open_secret(sealed) if sealed else ""
            standard = json.loads(open_secret(goes_to.standard))
            where[json.dumps([standard, told, gift is not None], sort_keys=True).casefold()].append(parcel)
    return [rows for rows in where.values() if len({one.order_id for one in rows}) >= FEWEST]


def _given(parcels: Sequence[Fulfilment]) -> dict[UUID, OrderGift]:
    """The gift that is in each of them, if any; parcels that go to one receiver each, so the first of several says where."""
    orders = {one.order_id for one in parcels}
    gifts = {
        (gift.order_id, gift.position): gift
        for gift in OrderGift.objects.filter(order__in=orders, is_active=True).select_related("card")
    }
    inside = FulfilmentLine.objects.filter(fulfilment__in=parcels, line__order__in={order for order, _ in gifts})
    rows = inside.annotate(place=Coalesce("line__bundle__position", "line__position")).order_by("line__position")
    found: dict[UUID, OrderGift] = {}
    for parcel, order, place in rows.values_list("fulfilment", "line__order", "place") if gifts else ():
        if gift := gifts.get((order, place)):
            found.setdefault(parcel, gift)
    return found


def _proposal(parcels: Sequence[Fulfilment]) -> Proposal:
    first = parcels[0]
    return Proposal(
        client=first.client.name,
        client_slug=first.client.slug,
        customer=first.order.customer.key if first.order.customer else "",
        place=first.location.name if first.location else "",
        parcels=[_parcel(one) for one in parcels],
    )


def _parcel(one: Fulfilment) -> ParcelRow:
    label = str(FulfilmentState(one.state).label)
    return ParcelRow(one.key, one.order.key, one.state, label, one.carrier, one.tracking_number, one.due_at)
