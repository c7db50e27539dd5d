"""What was promised at checkout: an expedited order's parcels hurry, and the carrier that was asked for is asked."""

import json
from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from audit.models import Event
from exceptions.models import Notification
from exceptions.services import sweep_timers
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.selectors import OrderFilters, order_page, order_story, why_page
from orders.fulfilment.services.at_risk import promise
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.resuming import look_again
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from rules.selectors import active_book
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db


def test_an_expedited_order_hurries_its_parcels_and_says_why(place: make.Place, system: Actor, now: datetime) -> None:
    usual, hurried = place(), place(delivery_sla="expedited")
    parcels = {one.order_id: one for one in Fulfilment.objects.all()}
    assert parcels[usual.pk].sla == "standard-dispatch"
    parcel = parcels[hurried.pk]
    assert (parcel.sla, parcel.due_at) == ("expedited-dispatch", now + timedelta(hours=4))
    assert parcel.due_at == hurried.sla_due_at
    (told,) = order_story(by=system, key=hurried.key).parcels
    assert told.due_words == "Fri 10:00 + 4 h = Fri 14:00"
    soon = OrderFilters(tab="at-risk")
    for at, keys in ((now, []), (now + timedelta(minutes=1), [hurried.key]), (now + timedelta(hours=5), [])):
        assert [row.key for row in order_page(by=system, filters=soon, now=at).rows] == keys


def test_before_a_parcel_is_late_the_owner_of_its_order_is_told_once(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    def told(at: datetime) -> list[str]:
        sweep_timers(now=at)
        rows = Notification.objects.filter(event="fulfilment.at_risk").order_by("pk").select_related("owner")
        assert all(row.owner == hurried.owner for row in rows)
        return [row.text for row in rows]

    hurried, gone = place(delivery_sla="expedited"), place(delivery_sla="expedited")
    tell("shipment.handed_over", f"{gone.key}-1", at=now.isoformat())
    tell("task.confirmed", f"{hurried.key}-1")
    parcel = Fulfilment.objects.get(order=hurried)
    warn = now + timedelta(hours=3)
    assert (parcel.warn_at, parcel.due_at) == (warn, now + timedelta(hours=4))
    assert told(warn - timedelta(minutes=1)) == []
    words = f"{parcel.key} is at risk: it has not left, and that is due Fri 20 Nov 13:00 UTC."
    assert [told(warn + timedelta(minutes=n)) for n in (0, 1)] == [[words], [words]]
    assert Event.objects.filter(type="fulfilment.at_risk", subject_id=str(parcel.pk)).count() == 1

    # What came back from the carrier is promised anew, and at risk anew.
    later = warn + timedelta(minutes=5)
    with acting(system, at=later):
        (docket,) = load_dockets([hurried.pk])
        changes = Changes(later)
        promise(docket.parcels[0], parcel.sla, active_book(), changes)
        changes.write()
    parcel.refresh_from_db()
    assert parcel.warn_at is not None
    assert parcel.warn_at > later
    assert len(told(later)) == 1
    assert len(told(parcel.warn_at)) == 2
    assert broken() == []


def test_the_carrier_that_was_asked_for_is_asked_or_it_is_said_why_not(
    northwind: Client, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        for name in ("DHL", "UPS"):
            slug, layer = f"nw-{name.lower()}", Layer.CARRIER
            System.objects.create(slug=slug, name=name, layer=layer, client=northwind, owner=owner)
    booked, other = {}, Event.objects.filter(type="fulfilment.carrier_differs")
    for asked in ("ups", "GLS", ""):
        order = place(preferred_carrier=asked)
        parcel = Fulfilment.objects.get(order=order)
        tell("shipment.packed", parcel.key, at=now.isoformat())
        message = OutboundMessage.objects.select_related("system").get(key=f"{parcel.key}/ship/1")
        assert message.payload.get("preferred_carrier", "") == asked
        told = order_story(by=system, key=order.key).carrier_words.replace(parcel.key, "it")
        booked[asked] = (message.system.name, told)
    missing = "GLS; DHL is asked to take it, for no system of GLS serves this client."
    passed = {}
    for order in Order.objects.exclude(preferred_carrier=""):
        (carrier,) = (one for one in why_page(by=system, key=order.key).decisions if one.kind == "carrier")
        passed[order.preferred_carrier] = list(map(str, carrier.passed))
    assert passed == {"ups": ["DHL: UPS is asked first"], "GLS": ["UPS: DHL is asked first"]}
    assert booked == {"ups": ("UPS", "ups"), "GLS": ("DHL", missing), "": ("DHL", "")}
    look_again(order_id=Order.objects.get(preferred_carrier="GLS").pk, by=system, now=now)
    assert other.count() == 1

    # What was asked for and what is said to have taken it may be two names of one carrier.
    for asked, taken, words in (("nw-ups", "UPS", "nw-ups"), ("UPS", "DPD", "UPS; it went with DPD, as store says.")):
        order = place(preferred_carrier=asked)
        parcel = Fulfilment.objects.get(order=order)
        tell("shipment.handed_over", parcel.key, carrier=taken, at=now.isoformat())
        assert order_story(by=system, key=order.key).carrier_words.replace(parcel.key, "it") == words
    reasons = [json.loads(event.body)["reason"] for event in other.order_by("id")]
    assert reasons == [
        "GLS was asked for, and no system of it serves this client: DHL is asked instead.",
        "UPS was asked for; store says that DPD has taken it.",
    ]
