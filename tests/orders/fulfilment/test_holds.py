"""Holds: placed by whom, for what, until when; each tests itself and releases only itself; nothing ships meanwhile."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid
from audit.models import Event
from audit.selectors.invariants import check_all
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from orders.fulfilment import selectors
from orders.fulfilment.errors import Held
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.models import OutboundMessage, System
from rules.models import Client, HoldRule, Owner
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person, state_of

pytestmark = pytest.mark.django_db
KEPT = ["orders-01", "orders-04", "orders-05"]


@pytest.fixture
def amal(northwind: Client) -> Actor:
    return person(1, Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def hold(amal: Actor, now: datetime) -> Any:
    """Put an order on hold."""

    def _hold(order: Order, words: str = "Wait for it", **more: Any) -> Hold:
        return holds.hold_order(order_id=order.pk, words=words, by=amal, now=now, **more)

    return _hold


def active(order: Order) -> list[str]:
    return list(Hold.objects.filter(order=order, state="active").order_by("pk").values_list("words", flat=True))


def test_a_condition_is_checked_as_it_is_typed_with_its_place(place: make.Place, hold: Any) -> None:
    order = place()
    with pytest.raises(Invalid) as refused:
        hold(order, release_when="paid &&\n  adress_ok")
    (error,) = refused.value.errors
    assert (error.pointer, error.detail.startswith("Line 2, column 3:")) == ("/release_when", True)
    with pytest.raises(Invalid, match="A predicate answers yes or no"):
        hold(order, release_when="total_minor")
    assert not Hold.objects.exists()


def test_a_hold_lets_go_by_itself_when_its_condition_comes_true_and_leaves_the_others(
    place: make.Place, hold: Any, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(paid=False)
    hold(order, "Until it is paid", release_when="paid")
    hold(order, "Until somebody looks")
    hold(order, "Until the vendor is Kestrel", release_when='fulfilments.exists(f, f.vendor == "kestrel")')
    told = make.news("payment.captured", northwind, order.number, now, captured_at=now.isoformat())
    take_news(news=[told], by=system, now=now)
    assert active(order) == ["Until somebody looks", "Until the vendor is Kestrel"]
    assert (state_of(order), order.fulfilments.count()) == ("on_hold", 0)
    released = Hold.objects.get(state="released")
    assert (released.words, released.released_by) == ("Until it is paid", "system:fulfilment")
    assert released.released_why == "what it waited for has come"
    for one in Hold.objects.filter(state="active"):
        holds.release_hold(hold_id=one.pk, reason="looked at it", by=system, now=now)
    assert (state_of(order), order.fulfilments.get().state) == ("in_fulfilment", "tasked")
    assert Event.objects.filter(type="hold.released").count() == 3


def test_a_hold_that_asks_for_stock_is_tested_when_stock_is_counted(
    place: make.Place, hold: Any, northwind: Client, system: Actor, now: datetime
) -> None:
    order = place(paid=False, lines=[make.line("STOVE", 2)])
    hold(order, release_when="lines.all(l, l.in_stock)")
    for there, left in ((1, 1), (2, 0)):
        count_stock(news=[make.stock(northwind, now, "STOVE", there)], by=system, now=now)
        assert len(active(order)) == left


def test_a_hold_that_asks_for_exceptions_goes_when_they_end(
    place: make.Place, hold: Any, system: Actor, now: datetime
) -> None:
    order = place(fraud_score=85)
    case = ExceptionCase.objects.live().get()
    hold(order, release_when=f'!cases.exists(c, c.key == "{case.key}")')
    assert len(active(order)) == 1
    exceptions.resolve_case(case_id=case.pk, outcome="released", by=system, now=now)
    assert (active(order), state_of(order)) == ([], "in_fulfilment")


def test_a_condition_nobody_can_decide_keeps_the_hold(
    place: make.Place, hold: Any, system: Actor, now: datetime
) -> None:
    order = place()
    hold(order, release_when="fraud_score < 70")  # the store told no score
    resuming.look_again(order_id=order.pk, by=system, now=now)
    assert state_of(order) == "on_hold"


def test_a_hold_that_ends_at_a_time_goes_then_and_not_a_minute_before(
    place: make.Place, hold: Any, now: datetime
) -> None:
    order = place()
    with pytest.raises(Invalid, match="within 90 days"):
        hold(order, expires_at=now)
    hold(order, expires_at=now + timedelta(hours=2))
    exceptions.sweep_timers(now=now + timedelta(minutes=119))
    assert state_of(order) == "on_hold"
    exceptions.sweep_timers(now=now + timedelta(minutes=120))
    assert (state_of(order), Hold.objects.get().released_why) == ("in_fulfilment", "its time is over")


def test_released_by_hand_its_clock_stops(place: make.Place, hold: Any, amal: Actor, now: datetime) -> None:
    one = hold(place(), expires_at=now + timedelta(hours=2))
    holds.release_hold(hold_id=one.pk, reason="ready", by=amal, now=now)
    assert Timer.objects.get(kind="fulfilment.hold_expiry").cancelled_at == now


class TestOneParcel:
    @pytest.fixture
    def two(self, place: make.Place) -> Order:
        return place(lines=[make.line(), make.line("KAYAK", sku_type="drop_ship", vendor="kestrel")])

    def test_holding_one_parcel_leaves_the_other_and_is_told_to_whoever_has_it(
        self, two: Order, hold: Any, northwind: Client, system: Actor, now: datetime
    ) -> None:
        with acting(system, at=now):
            System.objects.create(
                slug="wms", name="WMS", layer=Layer.WMS, client=northwind, owner=Owner.objects.get(slug="integrations")
            )
        mine = next(parcel for parcel in two.fulfilments.all() if not parcel.vendor)
        one = hold(two, fulfilment=mine.key)
        assert state_of(two) == "in_fulfilment"
        asked = OutboundMessage.objects.order_by("number").values_list("key", flat=True)
        assert list(asked) == [f"{mine.key}/hold/{one.pk}"]
        with pytest.raises(Held, match=f"{mine.key} is on hold: Wait for it"):
            resuming.resend_tasks(order_id=two.pk, by=system, now=now)
        holds.release_hold(hold_id=one.pk, reason="ready", by=system, now=now)
        assert list(asked.all())[-1] == f"{mine.key}/resume/{one.pk}"
        assert len(resuming.resend_tasks(order_id=two.pk, by=system, now=now)) == 2

    def test_only_what_is_of_the_order_and_still_here_can_be_held(self, two: Order, hold: Any, tell: make.Tell) -> None:
        with pytest.raises(Invalid, match="has no fulfilment NW-1"):
            hold(two, fulfilment="NW-1")
        tell("shipment.handed_over", f"{two.key}-1")
        with pytest.raises(IllegalTransition, match="there is nothing to hold"):
            hold(two, fulfilment=f"{two.key}-1")

    def test_a_packed_parcel_on_hold_is_not_booked_with_the_carrier(
        self, two: Order, hold: Any, tell: make.Tell, northwind: Client, system: Actor, now: datetime
    ) -> None:
        with acting(system, at=now):
            owner = Owner.objects.get(slug="integrations")
            System.objects.create(slug="dpd", name="DPD", layer=Layer.CARRIER, client=northwind, owner=owner)
        mine = next(parcel for parcel in two.fulfilments.all() if not parcel.vendor)
        tell("shipment.picked", mine.key)
        one = hold(two, fulfilment=mine.key)
        tell("shipment.packed", mine.key)
        assert not OutboundMessage.objects.filter(system__layer=Layer.CARRIER).exists()
        holds.release_hold(hold_id=one.pk, reason="ready", by=system, now=now)
        assert OutboundMessage.objects.get(system__layer=Layer.CARRIER).key.startswith(f"{mine.key}/ship")


def test_what_moves_although_it_is_held_is_kept_as_seen_and_opens_an_exception(
    place: make.Place, hold: Any, tell: make.Tell
) -> None:
    order = place()
    hold(order)
    tell("shipment.picked", f"{order.key}-1")
    case = ExceptionCase.objects.live().get()
    assert (case.type, case.title) == ("moved-while-held", f"{order.key}-1 was picked although it is on hold")
    assert (order.fulfilments.get().state, state_of(order)) == ("picked", "on_hold")
    assert [one.violations for one in check_all(only=KEPT)] == [0, 0, 0]


def test_what_was_handed_out_or_moved_behind_a_hold_is_found(
    place: make.Place, hold: Any, system: Actor, now: datetime
) -> None:
    order = place()
    hold(order)
    parcel, later = order.fulfilments.get(), now + timedelta(minutes=5)
    with acting(system, at=later):
        order.fulfilments.update(tasked_at=later)
        order.fulfilments.update(state="picked")
        Order.objects.filter(pk=order.pk).update(state="in_fulfilment")
    found = {one.id: one.offenders for one in check_all(only=KEPT)}
    assert found == {"orders-01": (parcel.key,), "orders-04": (parcel.key,), "orders-05": (order.key,)}


def test_what_has_left_needs_no_hold_any_more(place: make.Place, hold: Any, tell: make.Tell) -> None:
    order = place()
    hold(order)
    tell("shipment.handed_over", f"{order.key}-1")
    assert (state_of(order), Hold.objects.get().released_why) == ("shipped", "everything has left")


class TestHoldRules:
    @pytest.fixture
    def dear(self, place: make.Place, system: Actor, now: datetime) -> HoldRule:
        del place  # the house is furnished
        with acting(system, at=now):
            rule = HoldRule.objects.create(
                slug="dear",
                name="Dear orders",
                why="Somebody calls the customer first",
                predicate="total_minor >= 50000",
                words="Worth 500 or more: call the customer",
                customer_words="We call you before we ship.",
                release_when="reviewed",
                expires_after_minutes=60,
                rule_owner=Owner.objects.get(slug="client-success"),
            )
        freeze_rule_book(by=system, now=now, note="holds")
        return rule

    @pytest.mark.usefixtures("dear")
    def test_an_order_that_the_rule_is_about_is_held_before_anything_is_handed_out(
        self, place: make.Place, now: datetime
    ) -> None:
        order, cheap = place(total_minor=50_000), place()
        one = Hold.objects.get()
        assert (state_of(order), order.fulfilments.count(), state_of(cheap)) == ("on_hold", 0, "in_fulfilment")
        assert (one.source, one.rule, one.placed_by) == ("rule", "dear", "system:test")
        assert one.expires_at == now + timedelta(minutes=60)
        told = selectors.order_story(by=person(3, Role.SUPPORT, order.client), key=order.key)
        assert told.customer_text == "We call you before we ship."
        assert [(one.releases_when, one.is_expression) for one in told.holds] == [("reviewed", True)]

    @pytest.mark.usefixtures("dear")
    def test_what_a_rule_holds_and_what_it_almost_holds_says_by_which_condition(self, place: make.Place) -> None:
        order, cheap = place(total_minor=50_000), place(total_minor=4_000)
        looking = person(3, Role.SUPPORT, order.client)
        told, almost = (
            [one for one in selectors.why_page(by=looking, key=each.key).decisions if one.kind == "hold"]
            for each in (order, cheap)
        )
        assert [(one.rule, one.because) for one in told] == [("dear", "total_minor >= 50000")]
        assert [[str(miss.words) for miss in one.almost] for one in almost] == [
            ["dear lacked only “total_minor >= 50000”: it is 4000."]
        ]
        steps = selectors.waterfall(by=looking, key=order.key, now=order.placed_at)
        assert [row.why[0] for row in steps.rows if row.kind == "hold" and row.why] == [
            f"dear of rule book v{told[0].book}: total_minor >= 50000"
        ]

    @pytest.mark.usefixtures("dear")
    def test_once_released_by_a_person_it_is_not_placed_again(
        self, place: make.Place, system: Actor, now: datetime
    ) -> None:
        order = place(total_minor=50_000)
        holds.release_hold(hold_id=Hold.objects.get().pk, reason="called", by=system, now=now)
        resuming.look_again(order_id=order.pk, by=system, now=now)
        assert (Hold.objects.count(), state_of(order)) == (1, "in_fulfilment")

    @pytest.mark.usefixtures("dear")
    def test_it_lets_go_by_its_own_condition(self, place: make.Place, system: Actor, now: datetime) -> None:
        order = place(total_minor=50_000, fraud_score=85)
        case = ExceptionCase.objects.live().filter(type="high-risk-review").first()
        if case is None:  # held before it was decided about: nobody had to look yet
            with acting(system, at=now):
                Order.objects.filter(pk=order.pk).update(reviewed_at=now)
            resuming.look_again(order_id=order.pk, by=system, now=now)
        assert (active(order), state_of(order)) == ([], "in_fulfilment")

    @pytest.mark.usefixtures("dear")
    def test_a_thousand_orders_are_held_in_as_many_queries_as_three(
        self, northwind: Client, system: Actor, now: datetime, django_assert_max_num_queries: Any
    ) -> None:
        placed = [
            make.placed(northwind, now, paid_at=now.isoformat(), total_minor=60_000 if n % 2 else 100)
            for n in range(200)
        ]
        with django_assert_max_num_queries(120):
            place_orders(news=placed, by=system, now=now)
        assert Order.objects.filter(state="on_hold").count() == 100

    def test_a_rule_whose_expression_no_longer_fits_freezes_no_book(
        self, dear: HoldRule, system: Actor, now: datetime
    ) -> None:
        with acting(system, at=now):
            HoldRule.objects.filter(pk=dear.pk).update(release_when="revewed")
        with pytest.raises(Invalid, match="dear"):
            freeze_rule_book(by=system, now=now, note="broken")


def test_the_export_of_a_held_order_says_why_until_when_and_what_the_customer_reads(
    place: make.Place, hold: Any, amal: Actor, now: datetime
) -> None:
    order = place()
    tomorrow = now + timedelta(days=1)
    hold(order, customer_words="We wait for you.", release_when='country == "FR"', expires_at=tomorrow)
    document = export_order(order_id=order.pk, by=amal, now=now).document
    (told,) = document["holds"]
    assert told == {
        "reason": "person",
        "source": "person",
        "about": None,
        "since": "2026-11-20T09:00:00.000000Z",
        "release_when": {"kind": "condition", "when": 'country == "FR"'},
        "expires_at": "2026-11-21T09:00:00.000000Z",
        "customer": "We wait for you.",
    }


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"source": "weather"}, "hold_source_is_known"),
        ({"release_when": {"kind": "luck"}}, "hold_release_condition_is_known"),
    ],
)
def test_the_database_refuses_a_hold_that_makes_no_sense(
    place: make.Place, system: Actor, now: datetime, wrong: dict[str, Any], constraint: str
) -> None:
    given = {
        "reason": "person",
        "words": "Wait",
        "placed_by": "x",
        "placed_at": now,
        "release_when": {"kind": "person"},
    }
    order = place()
    with acting(system, at=now), pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Hold.objects.create(order=order, **{**given, **wrong})
