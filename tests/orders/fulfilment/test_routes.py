"""Routes and ladders act on orders: tried again, sent another way, held until the exception is closed; and silence is found."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.context import Actor, acting
from exceptions import services as exceptions
from exceptions.models import ExceptionCase, Timer
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services import routes
from orders.sync.models import FlowRun
from rules import services as rules
from rules.models import ExceptionType
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def settle(now: datetime) -> None:
    while exceptions.sweep_timers(now=now):
        pass


def kayak(place: make.Place) -> Order:
    return place(channel="marketplace", lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")])


def case_of(order: Order, kind: str) -> ExceptionCase:
    return ExceptionCase.objects.live().get(subject_id=str(order.pk), type=kind)


def silent(order: Order) -> ExceptionCase:
    """The exception about a vendor that says nothing, an hour on."""
    settle(Timer.objects.get(kind="run.deadline", fired_at=None).due_at)
    return case_of(order, "vendor-no-confirmation")


def due(case: ExceptionCase, kind: str) -> datetime:
    at: datetime = Timer.objects.get(subject_id=str(case.pk), kind=kind).due_at
    return at


def change(by: Actor, now: datetime, **fields: Any) -> None:
    with acting(by, at=now):
        ExceptionType.objects.filter(slug="vendor-no-confirmation").update(**fields)
        rules.freeze_rule_book(by=by, now=now)


def test_an_outcome_that_is_suppressed_without_any_error_is_found(place: make.Place) -> None:
    order = place()  # the task is out; the warehouse neither fails nor speaks
    run = FlowRun.objects.get(subject_key=f"{order.key}-1")
    assert not ExceptionCase.objects.exists()
    settle(Timer.objects.get(kind="run.deadline", subject_id=str(run.pk), fired_at=None).due_at)
    case = ExceptionCase.objects.get(subject_id=str(order.pk))
    assert case.evidence["run"] == str(run.pk)


def test_a_silent_vendor_is_asked_once_more_by_the_route_retry(place: make.Place, system: Actor, now: datetime) -> None:
    change(system, now, route="retry", route_after_minutes=5)
    order = kayak(place)
    case = silent(order)
    settle(due(case, "case.route"))
    assert order.fulfilments.get().round == 2
    settle(due(case, "case.fallback"))
    assert order.fulfilments.get().round == 2, "once by itself; what is still silent is for a person"


def test_a_silent_vendor_loses_it_to_our_own_shelf_by_the_route_reroute(
    place: make.Place, system: Actor, now: datetime
) -> None:
    change(system, now, route="reroute", route_after_minutes=5)
    order = kayak(place)
    case = silent(order)
    settle(due(case, "case.route"))
    assert order.fulfilments.order_by("key").values_list("state", flat=True)[0] == "cancelled"
    assert not order.lines.filter(flow__kind="drop_ship").exists()


def test_a_step_of_the_ladder_holds_the_order_until_the_exception_is_closed(
    place: make.Place, system: Actor, now: datetime
) -> None:
    steps = [{"after_minutes": 5, "do": "open_hold"}, {"after_minutes": 500, "to": "owner:logistics"}]
    change(system, now, ladder=steps, route_after_minutes=400)
    order = kayak(place)
    case = silent(order)
    settle(due(case, "case.escalate"))
    hold = Hold.objects.get(order=order, reason="exception")
    assert (hold.state, hold.source, hold.release_when) == ("active", "ladder", {"kind": "case", "case": case.key})
    assert hold.customer_words == routes.CUSTOMER_WORDS
    order.refresh_from_db()
    assert order.state == "on_hold"
    exceptions.resolve_case(case_id=case.pk, outcome="resolved", by=system, now=now + timedelta(hours=2))
    hold.refresh_from_db()
    assert hold.state == "released"
