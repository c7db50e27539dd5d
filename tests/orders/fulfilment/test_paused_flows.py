"""A flow that is paused is chosen by no rule: a person has the order, until the flow is live again."""

from __future__ import annotations

from datetime import datetime

import pytest

from audit.context import Actor
from audit.models import Event
from exceptions.models import ExceptionCase
from exceptions.services import resolve_case
from orders.fulfilment.models import Order
from rules import services
from tests.factories import orders as make

pytestmark = pytest.mark.django_db
SLUG = "warehouse-pick-pack"


def test_what_a_rule_sends_along_a_paused_flow_waits_for_a_person(
    place: make.Place, system: Actor, now: datetime
) -> None:
    before = place()
    services.pause_flow(slug=SLUG, reason="The conveyor stands still", by=system, now=now)
    order = place()
    assert (before.state, order.state) == ("in_fulfilment", "manual_review")
    assert (order.flow and order.flow.slug, order.fulfilments.count()) == ("manual-review", 0)
    case = ExceptionCase.objects.get(subject_key=order.key)
    assert (case.type, case.title) == (
        "high-risk-review",
        "Warehouse pick and pack is paused: say what becomes of it, or let it go on once the flow is live",
    )
    assert Event.objects.filter(type="order.diverted", subject_id=str(order.pk)).count() == 1

    assert (
        let_go_on(order, system, now).state == "manual_review"
    )  # whoever lets it go on does not choose the flow either
    services.activate_flow(slug=SLUG, reason="It runs again", by=system, now=now)
    order = let_go_on(order, system, now)
    assert (order.state, order.flow and order.flow.slug) == ("in_fulfilment", SLUG)


def test_one_part_on_a_paused_flow_keeps_the_whole_order(place: make.Place, system: Actor, now: datetime) -> None:
    services.pause_flow(slug="vendor-drop-ship", reason="Their warehouse burns", by=system, now=now)
    sold = [make.line(), make.line("KAYAK", sku_type="drop_ship", vendor="kestrel")]
    order = place(lines=sold)
    assert (order.state, order.fulfilments.count()) == ("manual_review", 0)
    assert place(lines=sold[:1]).state == "in_fulfilment"


def let_go_on(order: Order, by: Actor, now: datetime) -> Order:
    case = ExceptionCase.objects.filter(subject_key=order.key).live().get()
    resolve_case(case_id=case.pk, outcome="released", note="The customer can wait", by=by, now=now)
    return Order.objects.get(pk=order.pk)
