"""What a person does about an order at the press of a button: a step of the playbook, or an act on the order itself."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from audit import checks, clock
from audit.access import Role
from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from exceptions import services as exceptions
from exceptions import subjects
from exceptions.models import ExceptionCase
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderAddress, StockItem
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import BAD_ADDRESS, grant, person

pytestmark = pytest.mark.django_db


def live_case() -> ExceptionCase:
    return ExceptionCase.objects.live().get()


def do(step: int, by: Actor, now: datetime, **data: str) -> str:
    """Press the button of this step of the live exception; what happened."""
    done = exceptions.complete_step(case_id=live_case().pk, index=step - 1, outcome="", data=data, by=by, now=now)
    return done.outcome


def state_of(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


@pytest.fixture
def amal(northwind: Client) -> Actor:
    return person(1, Role.ACCOUNT_MANAGER, northwind)


@pytest.fixture
def silent(place: make.Place, now: datetime) -> Order:
    """An order whose vendor has not confirmed for an hour."""
    order = place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
    exceptions.sweep_timers(now=now + timedelta(minutes=60))
    return order


class TestStepsOfAPlaybook:
    def test_a_task_is_sent_again_in_a_new_round(self, silent: Order, amal: Actor, now: datetime) -> None:
        later = now + timedelta(minutes=61)
        assert do(3, amal, later) == f"Sent again: {silent.key}-1."
        parcel = silent.fulfilments.get()
        assert (parcel.state, parcel.round, parcel.tasked_at) == ("tasked", 2, later)

    def test_what_our_shelf_has_goes_another_way(
        self, silent: Order, amal: Actor, northwind: Client, system: Actor, now: datetime
    ) -> None:
        count_stock(news=[make.stock(northwind, now, "KAYAK", 1)], by=system, now=now)
        exceptions.complete_step(case_id=live_case().pk, index=0, outcome="silence", by=amal, now=now)
        assert do(4, amal, now) == "Re-routed to the warehouse; the order is now “In fulfilment”."
        parcels = {parcel.flow.slug: parcel.state for parcel in silent.fulfilments.all()}
        assert parcels == {"vendor-drop-ship": "cancelled", "warehouse-pick-pack": "tasked"}
        assert Event.objects.filter(type="order.rerouted", subject_id=str(silent.pk)).count() == 1

    def test_what_our_shelf_has_not_waits_for_stock(self, silent: Order, amal: Actor, now: datetime) -> None:
        exceptions.complete_step(case_id=live_case().pk, index=0, outcome="silence", by=amal, now=now)
        assert "paid" in do(4, amal, now).lower()
        assert state_of(silent) == "paid_no_stock"

    def test_a_corrected_address_lets_the_order_go_on(self, place: make.Place, amal: Actor, now: datetime) -> None:
        order = place(address=BAD_ADDRESS)
        case = live_case()
        assert subjects.is_met("order.address_passes", case) is False
        for index in (0, 1):
            exceptions.complete_step(case_id=case.pk, index=index, outcome="asked", by=amal, now=now)
        assert do(3, amal, now, **make.BERLIN).startswith("The address passes the check; the order is now")
        assert (state_of(order), subjects.is_met("order.address_passes", case)) == ("in_fulfilment", True)
        OrderAddress.objects.filter(order=order).delete()
        assert subjects.is_met("order.address_passes", case) is False

    def test_looking_again_says_where_the_order_stands(self, place: make.Place, amal: Actor, now: datetime) -> None:
        order = place(lines=[make.line(quantity=11)])
        assert do(2, amal, now) == "Looked again: the order is “Paid, no stock”."
        assert state_of(order) == "paid_no_stock"

    def test_an_order_is_cancelled_for_the_reason_given(self, place: make.Place, amal: Actor, now: datetime) -> None:
        order = place(address=BAD_ADDRESS)
        with acting(amal, at=now):
            ExceptionCase.objects.update(playbook=[{"label": "Cancel", "kind": "do", "action": "order.cancel"}])
        assert do(1, amal, now, reason="The customer asked") == "The order is now “Cancelled”."
        heard = Event.objects.get(type="order.cancellation_received", subject_id=str(order.pk))
        assert '"reason":"The customer asked"' in heard.body

    def test_nothing_that_waits_is_said_too(self, place: make.Place, amal: Actor, now: datetime) -> None:
        order = place(address=BAD_ADDRESS)
        with acting(amal, at=now):
            ExceptionCase.objects.update(playbook=[{"label": "Again", "kind": "do", "action": "order.resend_tasks"}])
        assert do(1, amal, now) == "Sent again: nothing was waiting."
        assert Fulfilment.objects.filter(order=order).count() == 0


class TestActsOnAnOrder:
    def test_the_vendors_word_by_phone_confirms_the_parcel(self, silent: Order, system: Actor, now: datetime) -> None:
        later = now + timedelta(minutes=61)
        exceptions.resolve_case(case_id=live_case().pk, outcome="resolved", by=system, now=later)
        assert silent.fulfilments.get().state == "confirmed"

    def test_a_refused_parcel_is_offered_again_when_its_case_is_solved(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        order = place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
        tell("task.refused", f"{order.key}-1", reason="discontinued")
        assert state_of(order) == "vendor_refused"
        exceptions.resolve_case(case_id=live_case().pk, outcome="resolved", by=system, now=now)
        parcel = order.fulfilments.get()
        assert (state_of(order), parcel.state, parcel.round) == ("in_fulfilment", "tasked", 2)

    def test_an_address_accepted_as_it_is_ships(self, place: make.Place, system: Actor, now: datetime) -> None:
        order = place(address=BAD_ADDRESS)
        exceptions.resolve_case(case_id=live_case().pk, outcome="resolved", by=system, now=now)
        assert (state_of(order), OrderAddress.objects.get(order=order).verdict) == ("in_fulfilment", "accepted")

    def test_a_parcel_that_came_back_ends_a_late_cancellation(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        order = place()
        tell("shipment.handed_over", order.fulfilments.get().key)
        tell("order.cancelled", order.number)
        exceptions.resolve_case(case_id=live_case().pk, outcome="recall", by=system, now=now)
        assert state_of(order) == "returning"
        exceptions.resolve_case(case_id=live_case().pk, outcome="resolved", by=system, now=now)
        assert state_of(order) == "cancelled"

    def test_an_address_of_what_has_left_stays(
        self, place: make.Place, tell: make.Tell, amal: Actor, now: datetime
    ) -> None:
        order = place()
        tell("shipment.handed_over", order.fulfilments.get().key)
        with pytest.raises(AlreadyGone, match="its address cannot be changed any more"):
            resuming.correct_address(order_id=order.pk, address=make.BERLIN, by=amal, now=now)

    def test_cancelling_twice_is_cancelling_once(self, place: make.Place, amal: Actor, now: datetime) -> None:
        order = place()
        for _ in range(2):
            resuming.cancel_order(order_id=order.pk, reason="Ordered twice", by=amal, now=now)
        assert (state_of(order), StockItem.objects.get().reserved) == ("cancelled", 0)
        assert Event.objects.filter(type="order.cancellation_received").count() == 1

    @pytest.mark.parametrize(
        "act",
        [
            lambda **who: resuming.cancel_order(reason="because", **who),
            lambda **who: resuming.correct_address(address=make.BERLIN, **who),
            lambda **who: holds.hold_order(words="Wait for it", **who),
            resuming.resend_tasks,
            resuming.reroute_to_warehouse,
        ],
    )
    def test_an_order_that_is_none_or_anothers_is_left_alone(
        self, place: make.Place, now: datetime, system: Actor, act: Any
    ) -> None:
        order = place()
        with acting(system, at=now):
            fable = make.client_named("fable", "FB", name="Fable & Co")
        noor = person(9, Role.ACCOUNT_MANAGER, fable)
        with pytest.raises((NotFound, Refused)):
            act(order_id=order.pk, by=noor, now=now)
        with pytest.raises(NotFound, match="There is no such order"):
            act(order_id=uuid4(), by=noor, now=now)
        assert (state_of(order), order.fulfilments.get().round) == ("in_fulfilment", 1)

    def test_a_time_limited_exception_that_ends_puts_what_has_not_left_under_the_rule_again(
        self, place: make.Place, northwind: Client, now: datetime
    ) -> None:
        order = place(address=BAD_ADDRESS, lines=[make.line("STOVE", 1)])
        grant(order, "ship-despite-open-case", northwind, now)
        assert state_of(order) == "paid_no_stock"
        exceptions.sweep_timers(now=now + timedelta(minutes=241))
        assert state_of(order) == "address_invalid"

    def test_what_goes_on_after_the_end_of_what_allowed_it_is_found(
        self, place: make.Place, northwind: Client, system: Actor
    ) -> None:
        order, now = place(address=BAD_ADDRESS, lines=[make.line("STOVE", 1)]), clock.now() - timedelta(hours=9)
        grant(order, "ship-despite-open-case", northwind, now)
        (check,) = (one for one in checks.invariants() if one.id == "inv-27")
        found = []
        with connection.cursor() as cursor, acting(system, at=clock.now()):
            cursor.execute(check.sql)
            found.append(cursor.fetchall())
            cursor.execute(
                "UPDATE exceptions_waiver SET version = version + 1, state = 'expired', end_reason = 'Its time was over.', "
                "ended_at = expires_at RETURNING 'TLX-' || number"
            )
            ((key,),) = cursor.fetchall()
            cursor.execute(check.sql)
            found.append(cursor.fetchall())
            resuming.look_again_at(order_ids=[order.pk], by=system, now=clock.now())
            cursor.execute(check.sql)
            found.append(cursor.fetchall())
        assert found == [[], [(f"{key} {order.key}",)], []]


class TestHolds:
    def test_a_hold_needs_words_and_an_order_that_is_not_finished(
        self, place: make.Place, amal: Actor, now: datetime
    ) -> None:
        order = place()
        for words in ("x", "y" * 281):
            with pytest.raises(Invalid, match=r"at least 3 char|at most 280 char"):
                holds.hold_order(order_id=order.pk, words=words, by=amal, now=now)
        resuming.cancel_order(order_id=order.pk, reason="Ordered twice", by=amal, now=now)
        with pytest.raises(IllegalTransition, match="there is nothing to hold"):
            holds.hold_order(order_id=order.pk, words="Wait for it", by=amal, now=now)
        assert not Hold.objects.exists()

    def test_a_hold_is_let_go_once_and_only_one_that_is_there(
        self, place: make.Place, amal: Actor, now: datetime
    ) -> None:
        hold = holds.hold_order(order_id=place().pk, words="Wait for it", by=amal, now=now)
        holds.release_hold(hold_id=hold.pk, by=amal, now=now)
        with pytest.raises(IllegalTransition, match="released already"):
            holds.release_hold(hold_id=hold.pk, by=amal, now=now)
        with pytest.raises(NotFound, match="There is no such hold"):
            holds.release_hold(hold_id=uuid4(), by=amal, now=now)
        assert Event.objects.filter(type="hold.released").count() == 1

    def test_somebody_elses_hold_is_for_a_lead(
        self, place: make.Place, amal: Actor, northwind: Client, now: datetime
    ) -> None:
        hold = holds.hold_order(order_id=place().pk, words="Wait for it", by=amal, now=now)
        with pytest.raises(Refused):
            holds.release_hold(hold_id=hold.pk, by=person(3, Role.ACCOUNT_MANAGER, northwind), now=now)
        hold.refresh_from_db()
        assert hold.state == "active"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"placed_at": "2026-11-20T09:00:00"}, "has no time zone"),
        ({"lines": [make.line("")]}, "sku is missing"),
        ({"lines": [make.line(quantity=0)]}, "quantity must be a whole number from 1"),
        ({"lines": [make.line(sku_type="magic")]}, "sku_type must be one of"),
        ({"fraud_score": 101}, "fraud_score must be a number from 0 to 100"),
        ({"fraud_score": True}, "fraud_score must be a number from 0 to 100"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_by_name_and_nothing_is_kept(
    northwind: Client, system: Actor, now: datetime, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        place_orders(news=[make.placed(northwind, now, **changes)], by=system, now=now)
    assert not Order.objects.exists()


def test_hundreds_of_orders_at_once_are_as_one(northwind: Client, system: Actor, now: datetime) -> None:
    count_stock(news=[make.stock(northwind, now, "TENT-2", 1_000)], by=system, now=now)
    placed = [make.placed(northwind, now, paid_at=now.isoformat()) for _ in range(201)]
    assert len(set(place_orders(news=placed, by=system, now=now))) == 201
    assert Order.objects.filter(state="in_fulfilment").count() == 201
    assert (StockItem.objects.get().reserved, Fulfilment.objects.filter(state="tasked").count()) == (201, 201)
    assert Order.history.filter(history_type="+").count() == 201
