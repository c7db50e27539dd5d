"""Booking one carrier for parcels that go together, once all are packed, and parcels that cannot go with the others any more."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from audit.crypto import keyed_digest
from orders.fulfilment.models import Fulfilment, Hold, ParcelCheck, Shipment
from orders.fulfilment.services.addresses import shipping_address
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dispatch import book_again, book_carrier, may_be_booked
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import CHECK_DUE, FULFILMENT_ON_SHELF, FulfilmentState, HoldState
from rules.states import CHECK_POINTS, CheckPoint

CAN_SHARE: Final = (*FULFILMENT_ON_SHELF, FulfilmentState.PICKED, FulfilmentState.PACKED)
BEFORE_BOOKING: Final = CHECK_POINTS[: CHECK_POINTS.index(CheckPoint.BOOKING) + 1]


def destination_of(docket: Docket, parcel: Fulfilment) -> str:
    """A keyed digest of where a parcel goes; nothing where that is not known. What is to be known for the delivery is part of it.

    A gift goes without prices: what is none never goes along with it, not even to the same address.
    """
    contents = docket.contents.get(parcel.pk, [])
    address = shipping_address(docket.goes_to(contents[0].line) if contents else docket.address)
    if not address:
        return ""
    told = json.dumps([address, "gift"] if is_gift(docket, parcel) else address, sort_keys=True)
    return keyed_digest(told.casefold())


def is_gift(docket: Docket, parcel: Fulfilment) -> bool:
    """Whether anything in it is given to somebody, so that there are no prices in it."""
    return any(docket.gift_of(one.line) for one in docket.contents.get(parcel.pk, []))


def keep_together(dockets: Sequence[Docket], changes: Changes) -> set[UUID]:
    """Take parcels out that do not go with the others any more, and book a carrier for those that are all packed.

    Returns the orders of the others, where a parcel has left them.
    """
    inside = _inside(dockets)
    if not inside:
        return set()
    rows = Shipment.objects.select_for_update().filter(pk__in=list(inside)).order_by("pk")
    left = set()
    for shipment in list(rows):
        for docket, parcel in inside[shipment.pk]:
            is_gone = parcel.state in {FulfilmentState.HANDED_OVER, FulfilmentState.DELIVERED}
            if not is_gone and not _still_fits(docket, parcel, shipment):
                leave(docket, parcel, shipment, changes)
                left.add(shipment.pk)
        staying = [(docket, one) for docket, one in inside[shipment.pk] if one.shipment_id == shipment.pk]
        _book(shipment, staying, changes)
        if shipment.pk in left and not staying and not _elsewhere(shipment, dockets).exists():
            part(shipment, changes)
    here = {docket.order.pk for docket in dockets}
    others = Fulfilment.objects.filter(shipment__in=left).exclude(order__in=here)
    return set(others.values_list("order", flat=True)) if left else set()


def _elsewhere(shipment: Shipment, dockets: Iterable[Docket]) -> QuerySet[Fulfilment]:
    """Its parcels of orders that are not on the desk."""
    return Fulfilment.objects.filter(shipment=shipment).exclude(order__in={docket.order.pk for docket in dockets})


def part(shipment: Shipment, changes: Changes) -> None:
    """Nothing goes together any more."""
    shipment.part()
    shipment.ended_at = changes.now
    changes.edit(shipment, "state", "ended_at")
    changes.tell("shipment.parted", shipment)


def _inside(dockets: Sequence[Docket]) -> dict[UUID, list[tuple[Docket, Fulfilment]]]:
    found: dict[UUID, list[tuple[Docket, Fulfilment]]] = defaultdict(list)
    for docket in dockets:
        for parcel in docket.parcels:
            if parcel.shipment_id is not None:
                found[parcel.shipment_id].append((docket, parcel))
    return found


def _still_fits(docket: Docket, parcel: Fulfilment, shipment: Shipment) -> bool:
    same_place = parcel.location_id == shipment.location_id
    return parcel.state in CAN_SHARE and same_place and destination_of(docket, parcel) == shipment.destination


def leave(docket: Docket, parcel: Fulfilment, shipment: Shipment, changes: Changes) -> None:
    """It goes by itself from now on; what was booked for all is taken back with the parcel it was booked for."""
    parcel.shipment = None
    changes.edit(parcel, "shipment")
    changes.tell("fulfilment.left_shipment", parcel, order=docket.order.key, shipment=shipment.key)
    if shipment.booking.startswith(f"{parcel.key}/"):
        shipment.booking = ""
        changes.edit(shipment, "booking")
        if parcel.state == FulfilmentState.PACKED and not parcel.tracking_number:
            book_again(docket, parcel, changes)


def _book(shipment: Shipment, inside: Sequence[tuple[Docket, Fulfilment]], changes: Changes) -> None:
    """Ask a carrier to collect all of them, once, when the last of them is packed: the shipment is locked, so nobody asks beside."""
    ready = [(docket, one) for docket, one in inside if may_be_booked(docket, one) and docket.may_proceed]
    if not ready or shipment.booking or len(ready) < len(inside) or _others_wait(shipment, inside):
        return
    docket, parcel = ready[0]
    others = Fulfilment.objects.filter(shipment=shipment).exclude(pk=parcel.pk)
    told: dict[str, Any] = {"together": sorted(others.values_list("key", flat=True))}
    shipment.booking = book_carrier(docket, parcel, changes, **told)
    changes.edit(shipment, "booking")
    changes.tell("shipment.booked", shipment, order=docket.order.key, parcels=[parcel.key, *told["together"]])


def _others_wait(shipment: Shipment, inside: Sequence[tuple[Docket, Fulfilment]]) -> bool:
    """Whether a parcel of another order is not packed, is held, or has a quality check before it that is not passed."""
    others = _elsewhere(shipment, [docket for docket, _ in inside])
    rows = list(others.values_list("pk", "order", "state"))
    if any(state != FulfilmentState.PACKED for _, _, state in rows):
        return True
    parcels, orders = [pk for pk, _, _ in rows], [order for _, order, _ in rows]
    holds = Hold.objects.filter(order__in=orders, state=HoldState.ACTIVE, line=None)
    if any(one in {None, *parcels} for one in holds.values_list("fulfilment", flat=True)):
        return True
    return ParcelCheck.objects.filter(fulfilment__in=parcels, state__in=CHECK_DUE, point__in=BEFORE_BOOKING).exists()
