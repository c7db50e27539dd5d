"""Parcels of several orders in one shipment: one booking, one number, one hand-over, and each order keeps its own way."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, Refused
from exceptions.services import sweep_timers
from orders.fulfilment.decisions.overrides import ADDRESS, address_text
from orders.fulfilment.models import Fulfilment, Order, Shipment
from orders.fulfilment.selectors.shipments import proposals
from orders.fulfilment.services import loading, settling
from orders.fulfilment.services.handing_over import hand_over_parcel
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.services.news import take_news
from orders.fulfilment.services.overrides import override_order
from orders.fulfilment.services.shipments import ship_apart, ship_together, with_siblings
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
IDA = {"contact": {"email": "ida@example.org"}}
WHY = "She ordered twice"


@pytest.fixture
def pat(northwind: Client) -> Actor:
    return person(1, Role.PACKER, northwind)


@pytest.fixture
def two(place: make.Place, northwind: Client, system: Actor, now: datetime) -> list[str]:
    """The keys of two parcels of one buyer, tasked, with a warehouse and a carrier."""
    with acting(system, at=now):
        owner = Owner.objects.get(slug="ops-team")
        for layer in (Layer.WMS, Layer.CARRIER):
            System.objects.create(slug=f"our-{layer}", name=layer, layer=layer, owner=owner)
    return [f"{place(**IDA).key}-1" for _ in range(2)]


def together(keys: list[str], by: Actor, now: datetime) -> Shipment:
    return ship_together(parcels=keys, reason=WHY, by=by, now=now)


def hear(kind: str, key: str, client: Client, by: Actor, now: datetime, **data: Any) -> None:
    """As the inbox does."""
    news = make.news(kind, client, key.rpartition("-")[0], now, task=key, at=now.isoformat(), **data)
    take_news(news=with_siblings([news]), by=by, now=now)


def bookings() -> list[tuple[str, list[str]]]:
    rows = [one.payload for one in OutboundMessage.objects.order_by("pk") if one.system.layer == Layer.CARRIER]
    return [(f"{row['kind']} {row['task']}", row.get("together", [])) for row in rows]


def test_one_carrier_is_asked_once_when_the_last_of_them_is_packed_and_its_news_reach_all(
    two: list[str], northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    shipment = together(two, pat, now)
    first, second = two
    hear("shipment.packed", first, northwind, system, now)
    assert bookings() == []
    hear("shipment.packed", second, northwind, system, now)
    assert bookings() == [(f"ship {second}", [first])]
    hear("shipment.handed_over", second, northwind, system, now, carrier="DHL", tracking="T1")
    hear("shipment.delayed", second, northwind, system, now, carrier="DHL", expected_at="2026-12-01T12:00:00+00:00")
    hear("shipment.delivered", second, northwind, system, now)
    rows = Fulfilment.objects.order_by("key").values_list("state", "carrier", "tracking_number", "shipment")
    assert list(rows) == [("delivered", "DHL", "T1", shipment.pk)] * 2
    assert list(Order.objects.values_list("state", flat=True)) == ["delivered"] * 2
    assert broken() == []
    with pytest.raises(Conflict, match="has left"):
        ship_apart(shipment_id=shipment.pk, reason=WHY, by=pat, now=now)


def test_what_was_booked_alone_is_taken_back_and_booked_again_when_it_is_undone(
    two: list[str], northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    first, second = two
    for key in two:
        hear("shipment.packed", key, northwind, system, now)
    shipment = together(two, pat, now)
    ship_apart(shipment_id=shipment.pk, reason="They differ after all", by=pat, now=now)
    assert sorted(bookings()[:4]) == sorted(
        [(f"ship {first}", []), (f"ship {second}", []), (f"cancel {first}", []), (f"cancel {second}", [])]
    )
    assert bookings()[4:] == [
        (f"ship {first}", [second]),
        (f"cancel {first}", []),
        (f"ship {first}", []),
        (f"ship {second}", []),
    ]
    shipment.refresh_from_db()
    assert (shipment.state, Fulfilment.objects.exclude(shipment=None).count(), broken()) == ("apart", 0, [])
    with pytest.raises(Conflict, match="undone already"):
        ship_apart(shipment_id=shipment.pk, reason=WHY, by=pat, now=now)


def test_the_carrier_takes_all_of_them_or_none(
    two: list[str], place: make.Place, northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    together(two, pat, now)
    parcel = Fulfilment.objects.get(key=two[0])
    hear("shipment.packed", two[0], northwind, system, now)
    with pytest.raises(Conflict, match=two[1]):
        hand_over_parcel(fulfilment_id=parcel.pk, carrier="DHL", by=pat, now=now)
    hear("shipment.packed", two[1], northwind, system, now)
    hand_over_parcel(fulfilment_id=parcel.pk, carrier="DHL", tracking="T9", by=pat, now=now)
    assert set(Fulfilment.objects.values_list("state", "tracking_number")) == {("handed_over", "T9")}


def test_who_goes_elsewhere_or_is_refused_leaves_and_the_others_go_on(
    two: list[str], northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    first, second = two
    shipment = together(two, pat, now)
    for key in two:
        hear("shipment.packed", key, northwind, system, now)
    amal, moved = person(5, Role.ACCOUNT_MANAGER, northwind), {**make.BERLIN, "street": "Kastanienallee 4"}
    order = Order.objects.get(key=second.rpartition("-")[0])
    there = address_text({**moved, "postcode": "10435"})
    override_order(order_id=order.pk, field=ADDRESS, value=there, reason=WHY, by=amal, now=now)
    alone = Fulfilment.objects.get(key=second)
    assert (alone.shipment, bookings()[0]) == (None, (f"ship {second}", [first]))
    assert (f"ship {first}", []) in bookings()[1:]
    hear("shipment.rejected", first, northwind, system, now, reason="Damaged")
    shipment.refresh_from_db()
    states = dict(Fulfilment.objects.values_list("key", "state"))
    assert (states, shipment.state, broken()) == ({first: "rejected", second: states[second]}, "apart", [])


def test_only_what_goes_to_one_buyer_at_one_place_from_one_place_goes_together(
    two: list[str], place: make.Place, northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    (first, _), lead = two, person(2, Role.OPS_LEAD, northwind)
    elsewhere = f"{place(**IDA, address={**make.BERLIN, 'street': 'Kastanienallee 4', 'postcode': '10435'}).key}-1"
    stranger = f"{place(contact={'email': 'max@example.org'}).key}-1"
    liking = f"{place(**IDA, preferred_carrier='DHL').key}-1"
    for keys, words in (
        ([first], "at least two orders"),
        ([first, elsewhere], "same address"),
        ([first, stranger], "same customer"),
        ([first, liking], "different carriers"),
    ):
        with pytest.raises(Invalid, match=words):
            together(keys, pat, now)
    with pytest.raises(Invalid, match="no parcel NW-1-1"):
        together([first, "NW-1-1"], pat, now)
    with pytest.raises(Refused):
        together(two, person(7, Role.SUPPORT, northwind), now)
    fable = make.client_named("fable", "FB", name="Fable & Co")
    with pytest.raises(Invalid, match="no parcel"):
        together(two, person(9, Role.PACKER, fable), now)
    assert [[one.key for one in group.parcels] for group in proposals(pat)] == [two]
    parcel = Fulfilment.objects.get(key=first)
    hold = hold_order(order_id=parcel.order_id, words="Look at it first", fulfilment=first, by=lead, now=now)
    assert proposals(pat) == [], "what is held would be refused"
    release_hold(hold_id=hold.pk, reason="It is whole", by=lead, now=now)
    together(two, pat, now)
    assert proposals(pat) == []
    with pytest.raises(Conflict, match="with others already"):
        together(two, pat, now)


def test_a_gift_goes_with_gifts_to_the_same_receiver_and_nothing_that_shows_a_price_goes_with_it(
    two: list[str], place: make.Place, northwind: Client, pat: Actor, system: Actor, now: datetime
) -> None:
    jo = {**make.BERLIN, "recipient": "Jo Ek", "street": "Kastanienallee 4", "postcode": "10435"}
    given = {**make.line(), "gift": {"message": "For you"}}
    for_jo = {**make.line(), "gift": {"message": "For you", "address": jo}}
    here = [f"{place(**IDA, lines=[given]).key}-1" for _ in range(2)]
    there = [f"{place(**IDA, lines=[for_jo]).key}-1" for _ in range(2)]
    to_jo_s = f"{place(**IDA, address=jo).key}-1"
    for keys, words in (([two[0], here[0]], "other gifts"), ([to_jo_s, there[0]], "other gifts")):
        with pytest.raises(Invalid, match=words):
            together(keys, pat, now)
    with pytest.raises(Invalid, match="same address"):
        together([here[0], there[0]], pat, now)
    assert sorted([one.key for one in group.parcels] for group in proposals(pat)) == sorted([two, here, there])
    together(there, pat, now)
    for key in there:
        hear("shipment.packed", key, northwind, system, now)
    (booked,) = [one.payload for one in OutboundMessage.objects.all() if one.system.layer == Layer.CARRIER]
    assert (booked["together"], booked["no_prices"], booked["address"]["recipient"]) == ([there[0]], True, "Jo Ek")
    assert broken() == []


def test_an_order_somebody_works_on_is_looked_at_again_a_minute_later(
    two: list[str], northwind: Client, pat: Actor, system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    together(two, pat, now)
    for key in two:
        hear("shipment.packed", key, northwind, system, now)
    load = loading.load_dockets
    monkeypatch.setattr(
        settling, "load_dockets", lambda ids, *, skip_locked=False: [] if skip_locked else load(ids)
    )  # the other order is locked
    amal, moved = person(5, Role.ACCOUNT_MANAGER, northwind), {**make.BERLIN, "street": "Kastanienallee 4"}
    order, there = Order.objects.get(key=second.rpartition("-")[0]), address_text({**moved, "postcode": "10435"})
    override_order(order_id=order.pk, field=ADDRESS, value=there, reason=WHY, by=amal, now=now)
    assert (f"ship {first}", []) not in bookings()
    monkeypatch.undo()
    sweep_timers(now=now + timedelta(seconds=59))
    assert (f"ship {first}", []) not in bookings()
    sweep_timers(now=now + timedelta(seconds=60))
    assert (f"ship {first}", []) in bookings()
    assert broken() == []
