"""Giving a parcel to its carrier by hand: refused while anything keeps it here."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.words import said, within
from orders.fulfilment.decisions.news import BY_HAND, OURSELVES, News
from orders.fulfilment.errors import Held
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.checking import PERMISSION
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.hearing import hear
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.unchecked import refuse_unchecked, tell_skipped
from orders.fulfilment.states import FulfilmentState
from rules.selectors import active_book
from rules.states import CheckPoint

CAN_GO = (FulfilmentState.CONFIRMED, FulfilmentState.PICKED, FulfilmentState.PACKED)
LONGEST_NAME, LONGEST_NUMBER = 60, 80


def hand_over_parcel(*, fulfilment_id: UUID, carrier: str, tracking: str = "", by: Actor, now: datetime) -> Fulfilment:
    """Note that the carrier has taken a parcel, as the warehouse would have told; with it, all that goes in the same shipment.

    Raises `ChecksOpen` naming every quality check that is not passed or covered, `Held`, `IllegalTransition` for what was never packed or
    has left, `Invalid` naming the field, `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        going = _going(fulfilment_id, by)
        _refuse_invalid(carrier, tracking)
        for docket, parcel in going:
            _refuse_staying(docket, parcel)
        changes = Changes(now)
        desk = Desk(active_book(), changes.now)
        for docket, parcel in going:
            tell_skipped(docket, parcel, CheckPoint.HAND_OVER, changes)
        names = (carrier.strip(), tracking.strip())
        hear([(docket, _news(docket, parcel, *names, now)) for docket, parcel in going], desk, changes)
        settle(list({docket.order.pk: docket for docket, _ in going}.values()), changes, desk)
    return next(parcel for _, parcel in going if parcel.pk == fulfilment_id)


def _refuse_staying(docket: Docket, parcel: Fulfilment) -> None:
    if parcel.state not in CAN_GO:
        state = within(FulfilmentState(parcel.state).label)
        raise IllegalTransition(said("%(key)s is “%(state)s”, so it cannot leave now.", key=parcel.key, state=state))
    refuse_unchecked(docket, parcel, CheckPoint.HAND_OVER)
    if holding := docket.holding(parcel):
        raise Held(said("%(key)s is on hold: %(words)s.", key=parcel.key, words=holding[0].words))
    if not docket.may_proceed:
        raise Held(said("%(key)s may not go on now: look at its order.", key=parcel.key))


def _going(fulfilment_id: UUID, by: Actor) -> list[tuple[Docket, Fulfilment]]:
    """The parcel, and those that go in the same shipment."""
    named = Fulfilment.objects.filter(pk=fulfilment_id).values_list("order", "shipment").first()
    of_shipment = Q(shipment=named[1]) if named and named[1] else Q(pk=fulfilment_id)
    orders = set(Fulfilment.objects.filter(of_shipment | Q(pk=fulfilment_id)).values_list("order", flat=True))
    going = [(docket, one) for docket in load_dockets(orders) for one in docket.parcels]
    shipment = next((one.shipment_id for _, one in going if one.pk == fulfilment_id), None)
    with_it = [pair for pair in going if pair[1].pk == fulfilment_id or (shipment and pair[1].shipment_id == shipment)]
    if not with_it:
        raise NotFound("There is no such parcel, or it is not yours to see.")
    for docket, _ in with_it:
        require(by, PERMISSION, docket.order)
    return with_it


def _refuse_invalid(carrier: str, tracking: str) -> None:
    errors = []
    if not 1 <= len(carrier.strip()) <= LONGEST_NAME:
        errors.append(FieldError("/carrier", "required", said("Say who took it: 1 to 60 characters.")))
    if len(tracking.strip()) > LONGEST_NUMBER:
        errors.append(FieldError("/tracking", "out-of-range", said("A tracking number has at most 80 characters.")))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _news(docket: Docket, parcel: Fulfilment, carrier: str, tracking: str, now: datetime) -> News:
    data = {"task": parcel.key, "carrier": carrier, "tracking": tracking, "at": now.isoformat()}
    name = f"{BY_HAND}{parcel.key}/{parcel.round}"
    return News(name, "shipment.handed_over", OURSELVES, docket.order.number, docket.order.client_id, now, data)
