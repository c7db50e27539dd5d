"""Address, phone, instructions, product and quantity set by hand: recorded, left alone by systems, taken over or back."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.access import Role
from audit.context import Actor, acting
from audit.crypto import open_secret
from audit.errors import Conflict, Invalid
from audit.models import Event
from exceptions import services as exceptions
from orders.fulfilment.decisions.overrides import ADDRESS, INSTRUCTIONS, PHONE, QUANTITY, SUBSTITUTE, address_text
from orders.fulfilment.models import Fulfilment, Order, OrderAddress, OrderLine, Override, Refund, Reservation
from orders.fulfilment.selectors.overrides import override_page
from orders.fulfilment.services.news import count_stock
from orders.fulfilment.services.overrides import override_order, review_override
from orders.sync.models import OutboundMessage, System
from rules.models import Client, Owner, Sla
from rules.services.books import freeze_rule_book
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
HAMBURG = {"name": "Ida Berg", "street_address": "Jungfernstieg 4", "postal_code": "20354", "city": "Hamburg"}
THERE = address_text({**HAMBURG, "country_code": "DE"})


@pytest.fixture
def amal(northwind: Client) -> Actor:
    return person(1, Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def lee(northwind: Client) -> Actor:
    return person(2, Role.OPS_LEAD, northwind)


@pytest.fixture
def kim(northwind: Client) -> Actor:
    return person(3, Role.ADMIN, northwind)


@pytest.fixture
def stoves(northwind: Client, system: Actor, now: datetime) -> None:
    count_stock(news=[make.stock(northwind, now, "STOVE", 4)], by=system, now=now)


def set_by_hand(order: Order, field: str, value: str, by: Actor, now: datetime, line: int | None = None) -> Override:
    given: dict[str, Any] = {"field": field, "value": value, "line": line}
    return override_order(order_id=order.pk, **given, reason="The customer called", by=by, now=now)


def review(fix: Override, by: Actor, now: datetime, *, accept: bool) -> Override:
    return review_override(override_id=fix.pk, accept=accept, comment="Seen", by=by, now=now)


def town(order: Order) -> str:
    return str(json.loads(open_secret(OrderAddress.objects.get(pk=order.pk).standard))["city"])


def set_aside(order: Order) -> dict[str, int]:
    held = Reservation.objects.filter(line__order=order, state="held")
    return dict(held.values_list("stock_item__sku__code", "quantity"))


@pytest.mark.parametrize(("accept", "ends"), [(True, "Hamburg"), (False, "München")])
def test_an_address_by_hand_goes_to_who_ships_and_holds_against_the_store(
    place: make.Place, tell: make.Tell, amal: Actor, lee: Actor, kim: Actor, now: datetime, *, accept: bool, ends: str
) -> None:
    order = place(contact={"phone": "+49 30 555"})
    fix = set_by_hand(order, ADDRESS, THERE, amal, now)
    assert (town(order), fix.canonical, fix.local) == ("Hamburg", "•••", "•••")
    live = Fulfilment.objects.get(order=order, state="tasked")
    tell("order.changed", order.number, address={**make.BERLIN, "city": "München", "postcode": "80331"})
    assert town(order) == "Hamburg"
    seen, masked = (override_page(by=by, tab="", after="", now=now).rows[0] for by in (kim, amal))
    assert (seen.local, seen.heard) == (
        "Ida Berg, Jungfernstieg 4, Hamburg, 20354, DE",
        "Ida Berg, Torstraße 12, München, 80331, DE",
    )
    assert (masked.local, masked.heard, masked.canonical) == ("•••", "•••", "•••")
    review(fix, lee, now, accept=accept)
    assert town(order) == ends
    again = Fulfilment.objects.get(order=order, state="tasked")
    assert (again == live) is accept  # another task only where it goes somewhere else
    trail = " ".join(map(str, Event.objects.values_list("body", flat=True)))
    assert "Jungfernstieg" not in trail
    assert json.loads(open_secret(OrderAddress.objects.get(pk=order.pk).raw))["phone"] == "+49 30 555"


def test_phone_and_instructions_are_kept_beside_the_address_and_reach_who_delivers(
    place: make.Place, tell: make.Tell, amal: Actor, lee: Actor, now: datetime
) -> None:
    order = place(contact={"phone": "+49 30 555"})
    phone = set_by_hand(order, PHONE, "+49 40 777777", amal, now)
    told = set_by_hand(order, INSTRUCTIONS, "Ring at Berg, second yard", amal, now)
    address = {"address": make.BERLIN, "contact": {"phone": "+49 89 1"}}
    tell("order.changed", order.number, **address)
    stored = OrderAddress.objects.get(pk=order.pk)
    assert json.loads(open_secret(stored.raw))["phone"] == "+49 40 777777"
    assert open_secret(stored.instructions) == "Ring at Berg, second yard"
    review(phone, lee, now, accept=False)
    review(told, lee, now, accept=False)
    stored.refresh_from_db()
    assert (json.loads(open_secret(stored.raw))["phone"], stored.instructions) == ("+49 89 1", "")


def test_another_product_takes_the_place_and_units_are_set_aside_anew(
    place: make.Place, tell: make.Tell, stoves: None, amal: Actor, lee: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(quantity=2)], total_minor=19_800)
    fix = set_by_hand(order, SUBSTITUTE, "STOVE", amal, now, line=1)
    assert set_aside(order) == {"STOVE": 2}
    line = OrderLine.objects.get(order=order)
    assert (line.sku.code, line.ordered_as, line.unit_minor) == ("STOVE", "TENT-2", 9_900)
    tell("order.cancelled", order.number, cancelled_at=now.isoformat(), lines=[{"sku": "TENT-2", "quantity": 1}])
    assert set_aside(order) == {"STOVE": 1}
    review(fix, lee, now, accept=False)
    line.refresh_from_db()
    assert (line.sku.code, line.ordered_as, set_aside(order)) == ("TENT-2", "", {"TENT-2": 1})
    assert broken() == []


@pytest.mark.parametrize(
    ("heard", "accept", "units", "total", "refunded"),
    [
        (None, True, 1, 9_900, 198),
        (None, False, 3, 29_700, 0),
        (2, False, 2, 19_800, 99),
        (4, False, 4, 39_600, 0),
    ],
)
def test_fewer_units_are_sent_and_the_money_follows_when_that_is_taken_over(
    place: make.Place,
    tell: make.Tell,
    amal: Actor,
    lee: Actor,
    now: datetime,
    heard: int | None,
    *,
    accept: bool,
    units: int,
    total: int,
    refunded: int,
) -> None:
    order = place(lines=[make.line(quantity=3)], total_minor=29_700)
    fix = set_by_hand(order, QUANTITY, "1", amal, now, line=1)
    if heard:
        tell("order.changed", order.number, lines=[{"sku": "TENT-2", "quantity": heard}])
    assert (set_aside(order), Order.objects.get(pk=order.pk).total_minor) == ({"TENT-2": 1}, 29_700)
    review(fix, lee, now, accept=accept)
    line, order = OrderLine.objects.get(order=order), Order.objects.get(pk=order.pk)
    back = sum(one.amount for one in Refund.objects.filter(order=order))
    assert (line.quantity, order.total_minor, back) == (units, total, refunded)


def test_what_was_cancelled_meanwhile_is_not_sent_again(
    place: make.Place, tell: make.Tell, amal: Actor, lee: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(quantity=3), make.line("TENT-2", 1)], total_minor=39_600)
    fix = set_by_hand(order, QUANTITY, "2", amal, now, line=1)
    tell("order.cancelled", order.number, cancelled_at=now.isoformat(), lines=[{"line": "1"}])
    review(fix, lee, now, accept=False)
    line = OrderLine.objects.get(order=order, position=1)
    assert (line.state, Order.objects.get(pk=order.pk).total_minor) == ("cancelled", 9_900)
    assert sum(one.amount for one in Refund.objects.filter(order=order)) == 297


@pytest.mark.parametrize(
    ("field", "value", "line", "words"),
    [
        (ADDRESS, address_text({**HAMBURG, "postal_code": "2035", "country_code": "DE"}), None, "cannot be shipped to"),
        (ADDRESS, address_text({**HAMBURG, "postal_code": "1010", "country_code": "AT"}), None, "another country"),
        (PHONE, "call me", None, "has digits"),
        (INSTRUCTIONS, "x" * 201, None, "At most 200"),
        (SUBSTITUTE, "NOTHING", 1, "no product of this client"),
        (SUBSTITUTE, "TENT-2", 1, "It is so already"),
        (SUBSTITUTE, "LAMP", 1, "not sent by the same house"),
        (SUBSTITUTE, "STOVE", 9, "Say which line"),
        (QUANTITY, "0", 1, "At least one"),
        (QUANTITY, "2", 1, "2 are planned"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    place: make.Place, amal: Actor, now: datetime, field: str, value: str, line: int | None, words: str
) -> None:
    place(lines=[make.line("LAMP", sku_type="drop_ship", vendor="kestrel")])
    order = place(lines=[make.line(quantity=2)])
    with pytest.raises(Invalid, match=words):
        set_by_hand(order, field, value, amal, now, line)
    assert not Override.objects.exists()


def test_what_is_picked_or_has_left_stays_as_it_was_sent(
    place: make.Place, tell: make.Tell, stoves: None, amal: Actor, lee: Actor, now: datetime
) -> None:
    order = place(lines=[make.line(quantity=2)])
    fix = set_by_hand(order, SUBSTITUTE, "STOVE", amal, now, line=1)
    where = set_by_hand(order, ADDRESS, THERE, amal, now)
    parcel = Fulfilment.objects.get(order=order, state="tasked")
    tell("shipment.picked", parcel.key, at=now.isoformat())
    for act in (lambda: set_by_hand(order, QUANTITY, "1", amal, now, 1), lambda: review(fix, lee, now, accept=False)):
        with pytest.raises(Conflict, match="picked already"):
            act()
    tell("shipment.handed_over", parcel.key, at=now.isoformat(), carrier="DHL")
    with pytest.raises(Conflict, match="has left"):
        review(where, lee, now, accept=False)
    later = now + timedelta(hours=24)
    exceptions.sweep_timers(now=later)
    exceptions.sweep_timers(now=later + timedelta(hours=72))
    assert set(Override.objects.values_list("state", flat=True)) == {"waiting"}
    review(fix, lee, later, accept=True)
    assert review(where, lee, later, accept=True).state == "merged"


def test_how_long_a_fix_waits_is_in_the_rule_book(place: make.Place, amal: Actor, kim: Actor, now: datetime) -> None:
    with acting(kim, at=now, reason="Sooner"):
        for slug, minutes in (("override-review", 60), ("override-expiry", 120)):
            sla = Sla.objects.get(slug=slug)
            sla.minutes = minutes
            sla.save()
        freeze_rule_book(by=kim, now=now, note="Sooner")
    fix = set_by_hand(place(), "segment", "vip", amal, now)
    assert fix.review_by == now + timedelta(hours=1)
    exceptions.sweep_timers(now=now + timedelta(hours=1))
    exceptions.sweep_timers(now=now + timedelta(hours=3))
    fix.refresh_from_db()
    assert fix.state == "expired"


def test_the_same_instructions_again_and_again_are_listed_for_those_who_may_read_them(
    place: make.Place, amal: Actor, kim: Actor, now: datetime
) -> None:
    for _ in range(5):
        set_by_hand(place(), INSTRUCTIONS, "Loading dock B", amal, now)
    for by, shown in ((kim, "Loading dock B"), (amal, "•••")):
        page = override_page(by=by, tab="", after="", now=now)
        assert [(one.field_label, one.local, one.times) for one in page.repeated] == [
            ("Instructions for the delivery", shown, 5)
        ]


def test_instructions_go_out_with_the_task_where_its_contract_knows_them(
    place: make.Place, northwind: Client, amal: Actor, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="ops-team")
        System.objects.create(slug="nw-wms", name="WMS", layer=Layer.WMS, client=northwind, owner=owner)
    order = place()
    set_by_hand(order, INSTRUCTIONS, "Loading dock B", amal, now)
    told = [
        one.payload["address"] for one in OutboundMessage.objects.order_by("pk") if one.payload["kind"] == "pick_pack"
    ]
    assert [one.get("instructions") for one in told] == [None, "Loading dock B"]
