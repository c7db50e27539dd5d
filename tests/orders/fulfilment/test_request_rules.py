"""What is asked of orders is ruled on by the rule book: versioned, edited like any rule, tried on what was asked before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Event
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from orders.fulfilment.models import Order, OrderRequest, Refund
from orders.fulfilment.selectors.dealings import recent_rulings
from orders.fulfilment.services.announcing import return_order
from orders.fulfilment.services.news import take_news
from rules import facts, selectors
from rules.models import Client, Owner, RequestRule, RuleBookVersion
from rules.request_rules import compile_request_rules
from rules.services import freeze_rule_book
from rules.shipped import REQUEST_CONTEXT
from tests.factories import orders as make

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TWO = {"lines": [make.line("TENT-2", 2)], "total_minor": 19_800}


@pytest.fixture
def delivered(place: make.Place, tell: make.Tell) -> Order:
    order = place(**TWO)
    tell("shipment.delivered", f"{order.key}-1")
    return order


def change(by: Actor, now: datetime, slug: str, **fields: Any) -> RuleBookVersion:
    with acting(by, at=now):
        RequestRule.objects.filter(slug=slug).update(**fields)
    return freeze_rule_book(by=by, now=now, note="another rule")


def state(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


class TestAnnouncing:
    def test_in_time_it_is_expected_until_a_day_and_asked_after_when_it_does_not_come(
        self, delivered: Order, system: Actor, now: datetime
    ) -> None:
        kept = return_order(order_id=delivered.pk, lines={"1": 1}, reason="Too small", by=system, now=now)
        assert (kept.rule, kept.choice, kept.state, kept.owner.slug, kept.book_number) == (
            *("return-in-time", "expect", "awaited", "support"),
            1,
        )
        assert (kept.due_at, state(delivered)) == (now + 30 * DAY, "return_announced")
        exceptions.sweep_timers(now=now + 30 * DAY)
        case = ExceptionCase.objects.live().get()
        assert (case.type, case.owner.slug) == ("return-overdue", "logistics")
        exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=system, now=now + 31 * DAY)
        kept.refresh_from_db()
        assert (kept.state, kept.due_at) == ("awaited", now + 61 * DAY)
        exceptions.sweep_timers(now=now + 61 * DAY)
        case = ExceptionCase.objects.live().get()
        exceptions.resolve_case(case_id=case.pk, outcome="let-go", by=system, now=now + 61 * DAY)
        kept.refresh_from_db()
        assert (kept.state, state(delivered)) == ("declined", "delivered")

    def test_what_comes_back_in_its_time_is_not_asked_after(
        self, delivered: Order, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        return_order(order_id=delivered.pk, reason="Too small", reference="RMA-1", by=system, now=now)
        tell("return.received", delivered.number, **{"return": "RMA-1"})
        exceptions.sweep_timers(now=now + 31 * DAY)
        assert not ExceptionCase.objects.filter(type="return-overdue").exists()
        assert not Timer.objects.filter(kind="fulfilment.request_due", fired_at=None, cancelled_at=None).exists()

    def test_when_the_rule_says_no_it_is_refused_with_the_reason_and_kept(
        self, delivered: Order, system: Actor, now: datetime
    ) -> None:
        kept = return_order(order_id=delivered.pk, reason="Found it again", by=system, now=now + 400 * DAY)
        assert (kept.state, kept.rule, kept.decided_by) == (
            "declined",
            "return-after-a-year",
            "rule:return-after-a-year",
        )
        assert kept.why == "400 days after its delivery: after a year nothing is taken back."
        assert (state(delivered), ExceptionCase.objects.live().count()) == ("delivered", 0)
        body = Event.objects.get(type="request.kept").body
        assert all(said in body for said in ('"choice":"refuse"', '"book":1', "Found it again"))

    def test_after_its_time_whom_the_rule_names_decides_by_a_deadline(
        self, delivered: Order, system: Actor, now: datetime
    ) -> None:
        later = now + 40 * DAY
        kept = return_order(order_id=delivered.pk, reason="Was abroad", by=system, now=later)
        case = ExceptionCase.objects.live().get()
        assert (kept.state, kept.owner.slug, case.type, case.owner.slug) == (
            *("undecided", "support"),
            *("return-request", "support"),
        )
        assert kept.due_at == case.due_at
        body = Event.objects.get(type="request.kept").body
        assert "return-in-time: days_since_delivery == null || days_since_delivery <= 30 is not so" in body

    @pytest.mark.parametrize(
        ("lines", "pointer", "words"),
        [
            ({"1": 3}, "/line-1", "From 1 to 2."),
            ({"7": 1}, "/line-7", "There is no line 7."),
        ],
    )
    def test_more_than_the_customer_has_is_named(
        self, delivered: Order, system: Actor, now: datetime, lines: dict[str, int], pointer: str, words: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            return_order(order_id=delivered.pk, lines=lines, reason="Too small", by=system, now=now)
        assert [(error.pointer, error.detail) for error in refused.value.errors] == [(pointer, words)]

    def test_what_has_not_left_cannot_come_back(self, place: make.Place, system: Actor, now: datetime) -> None:
        order = place()
        for lines in ({}, {"1": 1}):
            with pytest.raises(Invalid, match="in fulfilment"):
                return_order(order_id=order.pk, lines=lines, reason="Too small", by=system, now=now)
        assert not OrderRequest.objects.exists()


class TestTheRuleBook:
    def test_what_an_admin_changes_rules_from_the_next_book_on(
        self, delivered: Order, northwind: Client, system: Actor, now: datetime
    ) -> None:
        del northwind
        book = change(system, now, "return-in-time", predicate="days_since_delivery <= 14")
        later = now + 20 * DAY
        asked = return_order(order_id=delivered.pk, reason="Too small", by=system, now=later)
        assert (asked.state, asked.book_number) == ("undecided", book.number)
        assert asked.rule == "no-rule", "14 to 30 days: no rule speaks of them, so a person decides"

    def test_a_cancellation_may_ask_a_person_and_a_refund_another_amount(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        change(system, now, "cancel-before-pick", answer="ask", words="Somebody looks first.")
        change(system, now, "refund-small", predicate="amount <= 50.0", words="Not more than 50.")
        change(system, now, "refund-large", predicate="amount > 50.0", words="More than 50.")
        order = place()
        tell("order.cancelled", order.number)
        case = ExceptionCase.objects.live().get()
        assert (state(order), case.title) == ("cancel_undecided", "Cancel: Somebody looks first.")
        exceptions.resolve_case(case_id=case.pk, outcome="stop", by=system, now=now)
        assert (state(order), Refund.objects.get().state, Refund.objects.get().rule) == (
            *("cancelled", "undecided"),
            "refund-large",
        )

    def test_no_rule_cancels_by_itself_what_is_off_the_shelf(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        change(system, now, "cancel-after-pick", answer="at_once")
        order = place()
        tell("shipment.packed", f"{order.key}-1")
        tell("order.cancelled", order.number)
        assert (state(order), OrderRequest.objects.get().choice) == ("cancel_undecided", "ask")

    def test_another_address_can_be_refused(
        self, place: make.Place, tell: make.Tell, system: Actor, now: datetime
    ) -> None:
        change(system, now, "address-after-label", answer="refuse")
        order = place()
        tell("shipment.packed", f"{order.key}-1")
        tell("order.changed", order.number, address={**make.BERLIN, "street": "Invalidenstraße 7"})
        request = OrderRequest.objects.get()
        assert (state(order), request.state, order.address.proposed) == ("in_fulfilment", "declined", "")
        assert not ExceptionCase.objects.live().exists()

    def test_a_book_of_before_means_what_the_product_did_then(self, northwind: Client) -> None:
        del northwind
        old = compile_request_rules({})
        ruled = {days: old.rule_on({"kind": "return", "days_since_delivery": days}) for days in (None, 30, 31, 366)}
        assert {days: one.rule for days, one in ruled.items()} == {
            None: "return-in-time",
            30: "return-in-time",
            31: "return-too-late",
            366: "return-after-a-year",
        }
        spec = facts.context(selectors.REQUEST_CONTEXT)
        assert {"name": spec.name, "attributes": dict(spec.attributes)} == REQUEST_CONTEXT

    def test_a_rule_that_cannot_be_read_or_answers_something_else_is_not_frozen(
        self, northwind: Client, system: Actor, now: datetime
    ) -> None:
        del northwind
        with pytest.raises(Invalid) as unsound:
            change(system, now, "refund-small", predicate="amout <= 3.0")
        (error,) = unsound.value.errors
        assert error.pointer.startswith("/request_rules/")
        assert "Did you mean amount?" in error.detail
        with pytest.raises(IntegrityError, match="requestrule_answers"), acting(system, at=now), transaction.atomic():
            RequestRule.objects.filter(slug="refund-large").update(answer="refuse")
        with acting(system, at=now):
            Owner.objects.filter(slug="support").update(is_active=False)
        with pytest.raises(Invalid) as nobody:
            change(system, now, "refund-small", predicate="amount <= 3.0")
        assert any("support is not among" in error.detail for error in nobody.value.errors)

    def test_a_rule_is_tried_on_what_was_asked_before(
        self, delivered: Order, system: Actor, northwind: Client, now: datetime
    ) -> None:
        for days in (1, 20):
            asked = make.news(
                "return.requested", northwind, delivered.number, now + days * DAY, **{"return": str(days)}
            )
            take_news(news=[asked], by=system, now=now + days * DAY)
            back = make.news("return.received", northwind, delivered.number, now, lines=[{"line": "1", "quantity": 1}])
            take_news(news=[back], by=system, now=now + days * DAY)
        asked_before = [one for one in recent_rulings(system) if one.context["kind"] == "return"]
        trial = selectors.matches_in(
            "days_since_delivery <= 14", asked_before, rule_slug="return-in-time", context=selectors.REQUEST_CONTEXT
        )
        assert (trial.tried, trial.matched, trial.changed) == (len(asked_before), 1, 0)
