"""One order on one page: trigger to outcome, why and why not, each attempt and touch, and the proof of each outcome (C13.5)."""

from datetime import datetime, timedelta

import pytest

from audit.access import GRANTS, Role
from audit.context import Actor, acting
from audit.errors import NotFound
from audit.models import Event
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment import selectors
from orders.fulfilment.models import Order, OrderRequest
from orders.fulfilment.services import holds, resuming
from orders.fulfilment.services.news import take_news
from orders.sync.models import Attempt, OutboundMessage, System
from rules.models import Client, Owner
from tests.factories import orders as make

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def person(role: Role, client: Client) -> Actor:
    return Actor("person", "user:7", "Sam", None, frozenset({role}), GRANTS[role], clients=frozenset({client.pk}))


@pytest.fixture
def silent(place: make.Place, system: Actor, now: datetime) -> Order:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="logistics")
        System.objects.create(slug="kestrel", name="Kestrel", layer="vendor", owner=owner)
    order = place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])
    task = OutboundMessage.objects.get()
    Attempt.objects.create(message=task, number=1, at=now, endpoint="/tasks", status=503, duration_ms=40)
    return order


def rows(order: Order, by: Actor, now: datetime, kind: str = "") -> list[selectors.WaterfallRow]:
    return list(selectors.waterfall(by=by, key=order.key, now=now, kind=kind).rows)


def test_each_decision_says_what_ruled_and_why_the_others_did_not(silent: Order, system: Actor, now: datetime) -> None:
    (row,) = rows(silent, system, now, "decision")
    assert (
        row.why[0]
        == "marketplace-preorder of rule book v1: Fulfilment service vendor owns it, along Vendor drop-ship, within 60 min."
    )
    assert row.why[1].startswith("not high-risk-review: fraud_score")
    assert 'high-risk-account lacked only “segment == "high-risk"”: it is "".' in row.why
    assert row.event_id is not None


def test_each_attempt_is_a_step_with_its_answer(silent: Order, system: Actor, now: datetime) -> None:
    (row,) = rows(silent, system, now, "attempt")
    assert (row.words, row.state) == ("task.requested to Kestrel, try 1: HTTP 503", "failed")
    assert row.evidence == f"/tasks, 40 ms, key {silent.key}-1/drop_ship/1"


def test_an_outcome_carries_its_proof_and_a_missing_one_is_drawn(
    silent: Order, northwind: Client, system: Actor, now: datetime
) -> None:
    waiting, *_ = [row for row in rows(silent, system, now, "expectation") if row.is_missing]
    assert (waiting.state, waiting.is_missing, waiting.due_at) == ("waiting", True, now + 60 * MINUTE)
    later = now + 70 * MINUTE
    exceptions.sweep_timers(now=now + 60 * MINUTE)
    missing = [row for row in rows(silent, system, later, "expectation") if row.is_missing]
    assert [(row.words, row.state) for row in missing] == [
        ("Confirmed, expected by Fri 20 Nov 10:00 UTC, not seen", "late"),
        ("Handed over, expected by Tue 24 Nov 10:00 UTC, not seen", "waiting"),
        ("Delivered, expected by Tue 01 Dec 10:00 UTC, not seen", "waiting"),
    ]
    word = make.news("task.confirmed", northwind, silent.number, later, task=f"{silent.key}-1", at=later.isoformat())
    take_news(news=[word], by=system, now=later)
    proven = [row for row in rows(silent, system, later, "expectation") if row.due_at and not row.is_missing]
    assert [(row.evidence, row.is_missing, row.state) for row in proven] == [(word.event_id, False, "late")]


def test_people_and_exceptions_are_part_of_it_and_the_four_answers_follow_them(
    silent: Order, northwind: Client, now: datetime
) -> None:
    amal = person(Role.ACCOUNT_MANAGER, northwind)
    exceptions.sweep_timers(now=now + 60 * MINUTE)
    case = ExceptionCase.objects.get()
    exceptions.acknowledge_case(case_id=case.pk, by=amal, now=now + 61 * MINUTE)
    holds.hold_order(order_id=silent.pk, words="Customer is moving", by=amal, now=now + 62 * MINUTE)
    support = person(Role.SUPPORT, northwind)
    found = selectors.waterfall(by=support, key=silent.key, now=now + 63 * MINUTE)
    assert found.human_touches >= 2
    assert {row.kind for row in found.rows if row.is_human} >= {"exception", "hold"}
    assert all(0 <= row.bar.x <= row.bar.x + row.bar.width <= 1006 for row in found.rows)
    assert [row.at for row in found.rows] == sorted(row.at for row in found.rows)
    story = selectors.order_story(by=support, key=silent.key)
    assert story.triggered_by.startswith("Payment captured Fri 20 Nov 09:00 UTC (marketplace)")
    assert story.if_it_fails.startswith(f"{case.key} (kestrel has not confirmed {silent.key}-1 for 60 min) is with Ops")
    assert "if nobody acts" in story.if_it_fails
    noor = Actor("person", "user:9", "Noor", None, frozenset({Role.SUPPORT}), GRANTS[Role.SUPPORT], clients=frozenset())
    with pytest.raises(NotFound):
        selectors.waterfall(by=noor, key=silent.key, now=now)


def test_what_a_rule_said_of_a_request_is_in_it_too(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    tell("order.cancelled", order.number)
    said = [row.why for row in rows(order, system, now) if row.why]
    assert ("cancel-before-pick of rule book v1: Nothing of it is off the shelf yet.",) in said
    assert any(why[0] == "refund-small of rule book v1: Not more than 200." for why in said)


def test_every_kind_of_decision_says_why_and_what_almost_ruled(
    silent: Order, northwind: Client, system: Actor, now: datetime
) -> None:
    resuming.cancel_order(order_id=silent.pk, reason="Too late", by=system, now=now)
    page = selectors.why_page(by=system, key=silent.key)
    found = {one.kind: one for one in page.decisions}
    assert {"ownership", "deadline", "checks", "request"} <= found.keys()
    owned = found["ownership"]
    assert owned.outcome == "Fulfilment service vendor owns it, along Vendor drop-ship, within 60 min."
    assert owned.because == 'channel == "marketplace" && lines.exists(l, l.sku_type == "preorder")'
    assert [(miss.rule, miss.attribute, miss.actual) for miss in owned.almost] == [
        ("high-risk-review", "fraud_score", None),
        ("high-risk-account", "segment", ""),
    ]
    asked = found["request"]
    assert (asked.rule, asked.because != "", asked.book) == (OrderRequest.objects.get().rule, True, 1)
    assert page.unshown == 0
    support = person(Role.SUPPORT, northwind)
    assert selectors.why_page(by=support, key=silent.key).decisions == page.decisions


def test_what_is_left_out_of_a_trace_is_counted(silent: Order, system: Actor, now: datetime) -> None:
    whole = selectors.waterfall(by=system, key=silent.key, now=now)
    part = selectors.waterfall(by=system, key=silent.key, now=now, at_most=2)
    told = [row for row in whole.rows if row.event_id]
    assert (whole.unshown, part.unshown, part.human_touches) == (0, len(told) - 2, whole.human_touches)
    steps = selectors.order_trace(by=system, key=silent.key, at_most=3)
    assert (len(steps.rows), steps.total > 3, steps.unshown) == (3, True, steps.total - 3)


def test_one_step_is_shown_in_full_and_only_of_its_own_order(
    silent: Order, place: make.Place, northwind: Client, now: datetime
) -> None:
    other, support = place(), person(Role.SUPPORT, northwind)
    event = Event.objects.get(type="order.received", subject_id=str(silent.pk))
    panel = selectors.step_panel(by=support, key=silent.key, event_id=event.pk)
    assert (panel.row.type, panel.about, panel.is_whole) == ("order.received", silent.key, True)
    with pytest.raises(NotFound):
        selectors.step_panel(by=support, key=other.key, event_id=event.pk)
