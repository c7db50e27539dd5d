"""Parcels of several orders that go to the same buyer together: one booking, one tracking number, one hand-over.

Each order keeps its own states, owner and trail. Orders are locked before the shipment, the shipment before anything is booked for it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Fulfilment, Order, Shipment
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dispatch import book_again
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.together import CAN_SHARE, destination_of, is_gift, leave, part
from orders.fulfilment.states import FULFILMENT_GONE, FulfilmentState, ShipmentState
from rules.states import FlowKind

PERMISSION: Final = "orders.check_parcel"
OF_CARRIERS: Final = frozenset({"shipment.handed_over", "shipment.delivered", "shipment.rejected", "shipment.delayed"})
FEWEST: Final = 2
Chosen = list[tuple[Docket, Fulfilment]]


def ship_together(*, parcels: Collection[str], reason: str, by: Actor, now: datetime) -> Shipment:
    """Send parcels (by key) of several orders of one buyer in one shipment; what was booked for one of them alone is taken back.

    Raises `Invalid` where they cannot go together or one is not known to the asker, `IllegalTransition` for one that has left, is held or
    goes with others already, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets(_orders_of(parcels))
        chosen = _chosen(dockets, set(parcels), by)
        _refuse_mixture(chosen)
        changes, (docket, first) = Changes(now), chosen[0]
        shipment = Shipment(
            client_id=first.client_id,
            location_id=first.location_id,
            destination=destination_of(docket, first),
            placed_by=current_actor().id,
            placed_at=now,
            reason=why,
        )
        shipment.save()
        changes.tell("shipment.formed", shipment, state=shipment.state, parcels=[one.key for _, one in chosen])
        for docket, parcel in chosen:
            if parcel.state == FulfilmentState.PACKED:
                book_again(docket, parcel, changes)
            parcel.shipment = shipment
            changes.edit(parcel, "shipment")
            changes.tell("fulfilment.joined_shipment", parcel, order=docket.order.key, others=len(chosen) - 1)
        changes.write()
        settle(dockets, changes)
    shipment.refresh_from_db()
    return shipment


def ship_apart(*, shipment_id: UUID, reason: str, by: Actor, now: datetime) -> Shipment:
    """Send its parcels each by itself again; what was booked for all of them is taken back.

    Raises `IllegalTransition` once one of them has left or it was undone already, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets(set(Fulfilment.objects.filter(shipment=shipment_id).values_list("order", flat=True)))
        shipment = Shipment.objects.select_for_update().filter(pk=shipment_id).first()
        require(by, PERMISSION, shipment)
        if shipment is None:
            raise NotFound("There is no such shipment, or it is not yours to see.")
        inside = [(docket, one) for docket in dockets for one in docket.parcels if one.shipment_id == shipment.pk]
        if shipment.state != ShipmentState.TOGETHER:
            raise IllegalTransition(said("%(key)s was undone already.", key=shipment.key))
        if any(parcel.state in FULFILMENT_GONE for _, parcel in inside):
            raise IllegalTransition(said("%(key)s has left: its parcels stay together.", key=shipment.key))
        changes = Changes(now)
        for docket, parcel in inside:
            leave(docket, parcel, shipment, changes)
        part(shipment, changes)
        changes.write()
        settle(dockets, changes)
    return shipment


def with_siblings(news: Sequence[News]) -> list[News]:
    """What a carrier says of one parcel of a shipment is so of all of them: the same news about each of the others."""
    tasks = {str(one.data.get("task")) for one in news if one.type in OF_CARRIERS and one.data.get("task")}
    shipments = dict(
        Fulfilment.objects.filter(key__in=tasks, shipment__isnull=False).values_list("key", "shipment") if tasks else ()
    )
    if not shipments:
        return list(news)
    inside: dict[UUID, list[tuple[str, str]]] = {}
    for of, key, number in Fulfilment.objects.filter(shipment__in=set(shipments.values())).values_list(
        "shipment", "key", "order__number"
    ):
        inside.setdefault(of, []).append((key, number))
    told: list[News] = []
    for one in news:
        told.append(one)
        task = str(one.data.get("task"))
        if one.type in OF_CARRIERS and task in shipments:
            told += [_about(one, key, number) for key, number in inside[shipments[task]] if key != task]
    return told


def _about(news: News, key: str, number: str) -> News:
    data = {**news.data, "task": key, "order": number}
    return replace(news, event_id=f"{news.event_id}/{key}"[:160], subject=number, data=data, based_on=None)


def _orders_of(parcels: Collection[str]) -> set[UUID]:
    return set(Fulfilment.objects.filter(key__in=parcels).values_list("order", flat=True))


def _chosen(dockets: Sequence[Docket], keys: set[str], by: Actor) -> Chosen:
    """The parcels that are named, each of an order the asker may work on."""
    require(by, PERMISSION)
    theirs = [docket for docket in dockets if by.reaches(docket.order.client_id)]
    found = [(docket, one) for docket in theirs for one in docket.parcels if one.key in keys]
    if missing := sorted(keys - {one.key for _, one in found}):
        _refuse("unknown", said("There is no parcel %(key)s, or it is not yours to see.", key=missing[0][:50]))
    for docket, parcel in found:
        if parcel.shipment_id is not None:
            raise IllegalTransition(said("%(key)s goes with others already.", key=parcel.key))
        if parcel.state not in CAN_SHARE:
            raise IllegalTransition(said("%(key)s is not here to be sent any more.", key=parcel.key))
        if docket.holding(parcel) or not docket.may_proceed:
            raise IllegalTransition(said("%(key)s may not go on now: look at its order.", key=parcel.key))
    return sorted(found, key=lambda pair: pair[1].key)


def _refuse_mixture(chosen: Chosen) -> None:
    if len({docket.order.pk for docket, _ in chosen}) < FEWEST:
        _refuse("few", said("Name parcels of at least two orders."))
    heads = _heads([docket.order for docket, _ in chosen])
    mixtures: tuple[tuple[set[Any], str], ...] = (
        ({parcel.client_id for _, parcel in chosen}, said("They are not of the same client.")),
        ({heads.get(docket.order.pk) for docket, _ in chosen}, said("They were not ordered by the same customer.")),
        ({is_gift(*one) for one in chosen}, said("A gift goes without prices: it goes with other gifts only.")),
        ({destination_of(docket, parcel) for docket, parcel in chosen}, said("They do not go to the same address.")),
        ({parcel.location_id for _, parcel in chosen}, said("They do not lie in the same place.")),
        (
            {docket.order.preferred_carrier.casefold() for docket, _ in chosen},
            said("They were asked to go with different carriers."),
        ),
    )
    for different, words in mixtures:
        if len(different) > 1:
            _refuse("mixed", words)
    if None in heads.values() or "" in {destination_of(docket, parcel) for docket, parcel in chosen}:
        _refuse("unknown", said("Who gets them, or where, is not known here."))
    if any(parcel.flow.kind != FlowKind.WAREHOUSE for _, parcel in chosen):
        _refuse("vendor", said("What a vendor sends goes by itself."))


def _heads(orders: Sequence[Order]) -> Mapping[UUID, UUID | None]:
    """Which customer stands for the buyer of each order."""
    ids = [order.pk for order in orders]
    return dict(Order.objects.filter(pk__in=ids).values_list("pk", "customer__head"))


def _refuse(code: str, words: str) -> None:
    raise Invalid(words, errors=[FieldError("/parcels", code, words)])
