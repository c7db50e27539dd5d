"""What was promised at checkout: an expedited order's parcels hurry, and the carrier that was asked for is asked."""

from datetime import datetime, timedelta

import pytest

from audit.context import Actor, acting
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.selectors import OrderFilters, order_page, order_story
from orders.sync.models import OutboundMessage, System
from orders.sync.states import Layer
from rules.models import Client, Owner
from tests.factories import orders as make

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


def test_the_carrier_that_was_asked_for_is_asked_or_it_is_said_why_not(
    northwind: Client, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        for name in ("DHL", "UPS"):
            slug, layer = f"nw-{name.lower()}", Layer.CARRIER
            System.objects.create(slug=slug, name=name, layer=layer, client=northwind, owner=owner)
    booked = {}
    for asked in ("UPS", "GLS", ""):
        order = place(preferred_carrier=asked)
        parcel = Fulfilment.objects.get(order=order)
        tell("shipment.packed", parcel.key, at=now.isoformat())
        message = OutboundMessage.objects.select_related("system").get(key=f"{parcel.key}/ship/1")
        assert message.payload.get("preferred_carrier", "") == asked
        booked[asked] = (message.system.name, order_story(by=system, key=order.key).carrier_words)
    missing = "GLS; no system of that carrier serves this client, so the first that does is asked."
    assert booked == {"UPS": ("UPS", "UPS"), "GLS": ("DHL", missing), "": ("DHL", "")}
