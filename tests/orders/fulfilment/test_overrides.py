"""Fixes by hand: in force at once, left alone by events, taken over or back by somebody else, and never forgotten."""

from datetime import datetime, timedelta

import pytest

from audit.access import Role
from audit.context import Actor
from audit.errors import IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from exceptions import selectors
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.errors import OwnOverride
from orders.fulfilment.models import Order, Override, StockItem
from orders.fulfilment.selectors.overrides import override_page
from orders.fulfilment.services.news import count_stock
from orders.fulfilment.services.overrides import override_order, override_stock, review_override
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person

pytestmark = pytest.mark.django_db
WHY = "The customer called"


@pytest.fixture
def amal(northwind: Client) -> Actor:
    return person(1, Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def lee(northwind: Client) -> Actor:
    return person(2, Role.OPS_LEAD, northwind)


def set_speed(order: Order, by: Actor, now: datetime, value: str = "expedited") -> Override:
    return override_order(order_id=order.pk, field="delivery_sla", value=value, reason=WHY, by=by, now=now)


def speed(order: Order) -> str:
    return Order.objects.get(pk=order.pk).delivery_sla


@pytest.mark.parametrize(("accept", "ends", "state"), [(True, "expedited", "merged"), (False, "standard", "reverted")])
def test_a_fix_holds_against_events_until_it_is_reviewed(
    place: make.Place, tell: make.Tell, amal: Actor, lee: Actor, now: datetime, *, accept: bool, ends: str, state: str
) -> None:
    order = place()
    fix = set_speed(order, amal, now)
    assert (fix.canonical, fix.local, speed(order)) == ("standard", "expedited", "expedited")
    (row,) = override_page(by=lee, tab="waiting", after="", now=now).rows
    assert (row.key, row.reason, row.review_by) == (fix.key, WHY, now + timedelta(hours=24))
    tell("order.changed", order.number, delivery_sla="standard", promised_at="2026-12-01T12:00:00+00:00")
    fix.refresh_from_db()
    assert (speed(order), fix.heard, Order.objects.get().promised_at is not None) == ("expedited", "standard", True)
    with pytest.raises(IllegalTransition, match="waits for its review"):
        set_speed(order, lee, now, "standard")
    reviewed = review_override(override_id=fix.pk, accept=accept, comment="Seen", by=lee, now=now)
    assert (speed(order), reviewed.state, reviewed.reviewed_by) == (ends, state, lee.id)
    with pytest.raises(IllegalTransition, match="reviewed already"):
        review_override(override_id=fix.pk, accept=True, comment="Again", by=lee, now=now)
    tell("order.changed", order.number, delivery_sla="standard")
    assert speed(order) == "standard"
    trail = Event.objects.filter(subject_type="fulfilment.override").order_by("seq")
    assert list(trail.values_list("type", "actor")) == [
        ("override.placed", amal.id),
        ("override.left_alone", "system:test"),
        ("override.reviewed", lee.id),
    ]


def test_a_count_by_hand_stands_against_the_warehouse_and_lets_waiting_orders_go_on(
    place: make.Place, northwind: Client, amal: Actor, lee: Actor, system: Actor, now: datetime
) -> None:
    order = place(lines=[make.line("STOVE", 2)])
    fix = override_stock(client_id=northwind.pk, sku="STOVE", value="5", reason="Counted", by=amal, now=now)
    assert Order.objects.get(pk=order.pk).state == "in_fulfilment"
    count_stock(news=[make.stock(northwind, now, "STOVE", 3)], by=system, now=now)
    item = StockItem.objects.get(sku__code="STOVE")
    assert (item.on_hand, item.reserved) == (5, 2)
    review_override(override_id=fix.pk, accept=False, comment="Miscounted", by=lee, now=now)
    item.refresh_from_db()
    assert item.on_hand == 3
    with pytest.raises(Invalid, match="2 units are set aside"):
        override_stock(client_id=northwind.pk, sku="STOVE", value="1", reason="Counted", by=amal, now=now)


def test_nobody_reviews_a_fix_of_their_own_and_only_leads_review(
    place: make.Place, amal: Actor, lee: Actor, now: datetime
) -> None:
    own, others = set_speed(place(), lee, now), set_speed(place(), amal, now)
    with pytest.raises(OwnOverride):
        review_override(override_id=own.pk, accept=True, comment="Fine", by=lee, now=now)
    with pytest.raises(Refused):
        review_override(override_id=others.pk, accept=True, comment="Fine", by=amal, now=now)
    fable = make.client_named("fable", "FB", name="Fable & Co")
    with pytest.raises(NotFound):
        review_override(override_id=own.pk, accept=True, comment="Fine", by=person(9, Role.OPS_LEAD, fable), now=now)
    assert set(Override.objects.values_list("state", flat=True)) == {"waiting"}


def test_a_fix_nobody_reviews_becomes_somebodys(place: make.Place, amal: Actor, lee: Actor, now: datetime) -> None:
    fix, later = set_speed(place(), amal, now), now + timedelta(hours=24)
    exceptions.sweep_timers(now=later)
    case = ExceptionCase.objects.live().get()
    assert (case.type, case.owner.slug, case.subject_key) == ("override-review", "ops-team-review", fix.key)
    review_override(override_id=fix.pk, accept=True, comment="Right", by=lee, now=later)
    assert not ExceptionCase.objects.live().exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("total_minor", "1", "cannot be set by hand"),
        ("delivery_sla", "by-owl", "There are: standard, expedited"),
        ("delivery_sla", "standard", "It is so already"),
        ("promised_at", "2026-12-01T12:00:00", "time zone"),
        ("segment", "x" * 41, "At most 40"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_kept(
    place: make.Place, amal: Actor, now: datetime, field: str, value: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        override_order(order_id=place().pk, field=field, value=value, reason=WHY, by=amal, now=now)
    assert not Override.objects.exists()


def test_what_is_set_again_and_again_is_listed(place: make.Place, amal: Actor, lee: Actor, now: datetime) -> None:
    for _ in range(5):
        set_speed(place(), amal, now)
    page = override_page(by=lee, tab="waiting", after="", now=now)
    assert [(one.field_label, one.local, one.times) for one in page.repeated] == [("Delivery speed", "expedited", 5)]
    assert len(page.rows) == 5
    assert override_page(by=lee, tab="waiting", after="", now=now + timedelta(days=31)).repeated == []


def test_what_nobody_reviews_is_taken_back_after_it_was_asked_for_twice(
    place: make.Place, northwind: Client, amal: Actor, now: datetime
) -> None:
    order = place()
    fix = set_speed(order, amal, now)
    count = override_stock(client_id=northwind.pk, sku="TENT-2", value="7", reason=WHY, by=amal, now=now)
    count_stock(news=[make.stock(northwind, now, "TENT-2", 0)], by=amal, now=now)
    asked = now + timedelta(hours=24)

    def protected() -> list[datetime | None]:
        return [one.protected_until for one in override_page(by=amal, tab="all", after="", now=now).rows]

    assert protected() == [asked + timedelta(hours=72)] * 2
    exceptions.sweep_timers(now=asked)
    assert protected() == [asked + timedelta(hours=72)] * 2
    exceptions.sweep_timers(now=asked + timedelta(hours=72, seconds=-1))
    assert (speed(order), ExceptionCase.objects.live().filter(type="override-review").count()) == ("expedited", 2)
    exceptions.sweep_timers(now=asked + timedelta(hours=72))
    assert protected() == [None, None]
    for one in (fix, count):
        one.refresh_from_db()
    assert (fix.state, count.state, speed(order)) == ("expired", "expired", "standard")
    item = StockItem.objects.get(sku__code="TENT-2")
    assert (item.on_hand, item.reserved) == (1, 1)  # what is set aside meanwhile is not taken back
    assert not ExceptionCase.objects.live().filter(type="override-review").exists()
    assert set(Event.objects.filter(type="override.expired").values_list("actor", flat=True)) == {fix.reviewed_by}


def listed_as(who: Actor, now: datetime) -> list[tuple[str, bool | None, bool]]:
    """What the approvals say beside time-limited exceptions: its key, whether this person decides, whether it is their own."""
    found = selectors.other_decisions(by=who, now=now)
    return [(one.key, one.decides, one.is_own) for one in found]


def test_who_takes_a_fix_over_may_propose_a_rule(place: make.Place, amal: Actor, lee: Actor, now: datetime) -> None:
    order = place()
    fix = override_order(order_id=order.pk, field="preferred_carrier", value="DHL", reason=WHY, by=amal, now=now)
    assert [listed_as(who, now) for who in (amal, lee)] == [[(fix.key, False, True)], [(fix.key, True, False)]]
    review_override(override_id=fix.pk, accept=True, propose_rule=True, comment="It always is", by=lee, now=now)
    case = ExceptionCase.objects.get(type="rule-proposal")
    told = [case.evidence[name] for name in ("field", "was", "is", "times_in_30_days")]
    assert (case.subject_key, case.owner.slug, told) == (
        fix.key,
        "ops-team-review",
        ["preferred_carrier", "", "DHL", 1],
    )
    team = case.owner.pk in lee.owners
    assert listed_as(lee, now) == [(case.key, team, False)]
    assert Order.objects.get().preferred_carrier == "DHL"
    exceptions.sweep_timers(now=now + timedelta(days=9))
    fix.refresh_from_db()
    assert fix.state == "merged"
