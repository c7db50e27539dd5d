"""Acts on many orders: exactly what the plan showed, each by itself, and what changed meanwhile stays as it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.access import system_actor
from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Event
from exceptions.models import Job, JobPlan
from exceptions.services import start_job, undo_job
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors import OrderFilters
from orders.fulfilment.services import bulk
from orders.fulfilment.services.holds import hold_order, release_hold
from orders.fulfilment.states import HoldState, OrderState
from rules.models import OwnershipRule
from rules.services.books import freeze_rule_book
from tests.conftest import NOW
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

LATER = NOW + timedelta(minutes=5)


def run(plan: JobPlan, by: Actor, **given: str) -> Job:
    return start_job(plan_id=plan.pk, given={"reason": "The vendor asks us to wait", **given}, by=by, now=LATER)


def came(job: Job) -> dict[str, tuple[str, str]]:
    return {one.key: (one.state, one.why) for one in job.items.all()}


def test_what_matches_is_held_and_let_go_again_but_nothing_that_is_over_or_changed(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    first, second, third = (place() for _ in range(3))
    gone = place()
    plan = bulk.plan_matching(action="hold", filters=OrderFilters(), by=system, now=now)
    assert {item["key"] for item in plan.items} == {one.key for one in (first, second, third, gone)}
    hold_order(order_id=third.pk, words="Somebody was faster", by=system, now=now)
    job = run(plan, system, text="We are waiting for the vendor")
    assert came(job)[third.key] == ("skipped", str(bulk.CHANGED))
    assert [came(job)[one.key][0] for one in (first, second)] == ["done", "done"]
    held = Hold.objects.filter(state=HoldState.ACTIVE, order=first).get()
    assert (held.words, held.customer_words, held.placed_by) == (
        "The vendor asks us to wait",
        "We are waiting for the vendor",
        system.id,
    )
    back = undo_job(job_id=job.pk, by=system, now=LATER)
    assert (back.work.done, Order.objects.get(pk=first.pk).state) == (3, OrderState.IN_FULFILMENT)
    assert Order.objects.get(pk=third.pk).state == OrderState.ON_HOLD
    assert broken() == []


def test_only_what_one_placed_oneself_is_released(place: make.Place, system: Actor, now: datetime) -> None:
    mine, foreign, free = place(), place(), place()
    hold_order(order_id=mine.pk, words="Wait for the customer", by=system, now=now)
    hold_order(order_id=foreign.pk, words="Wait for the bank", by=system_actor("bank"), now=now)
    plan = bulk.plan_chosen(action="release", keys=[mine.key, foreign.key, free.key, "NW-1"], by=system, now=now)
    assert [item["key"] for item in plan.items] == [mine.key]
    assert dict(plan.stay).keys() == {foreign.key, free.key, "NW-1"}
    assert came(run(plan, system)) == {mine.key: ("done", "")}
    states = [Order.objects.get(pk=one.pk).state for one in (mine, foreign)]
    assert states == [OrderState.IN_FULFILMENT, OrderState.ON_HOLD]


def test_the_rules_of_today_are_applied_as_the_plan_showed_and_to_nothing_else(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order, same, held = place(channel="amazon"), place(), place(channel="amazon")
    hold_order(order_id=held.pk, words="Wait for the customer", by=system, now=now)
    before, flow = order.decision, order.flow_id
    assert before is not None
    with acting(system, at=now):
        default = OwnershipRule.objects.get(is_default=True)
        other = OwnershipRule.objects.exclude(owner=default.owner).first()
        assert other is not None
        rule = OwnershipRule.objects.create(
            slug="amazon-now",
            name="Amazon",
            position=1,
            predicate='channel == "amazon"',
            owner=other.owner,
            rule_owner=default.rule_owner,
            flow=default.flow,
            sla=default.sla,
            fallback=default.owner,
            fallback_after_minutes=45,
        )
        freeze_rule_book(by=system, now=now)
    plan = bulk.plan_matching(action="decide-anew", filters=OrderFilters(), by=system, now=now)
    assert {item["key"]: item["given"]["owner"] for item in plan.items} == {
        order.key: other.owner.slug,
        held.key: other.owner.slug,
    }
    assert [key for key, _ in plan.stay] == [same.key]
    assert came(run(plan, system)) == {order.key: ("done", ""), held.key: ("done", "")}
    order = Order.objects.get(pk=order.pk)
    assert order.decision is not None
    assert (order.owner, order.decision.rule_slug, order.flow_id) == (other.owner, rule.slug, flow)
    assert order.falls_back_at == LATER + timedelta(minutes=45)
    told = Event.objects.get(subject_id=str(order.pk), type="order.decided_anew")
    assert f'"owner":["{before.outcome["owner"]}","{other.owner.slug}"]' in told.body.replace(" ", "")
    release_hold(hold_id=Hold.objects.get(order=held).pk, by=system, now=LATER)
    assert Order.objects.get(pk=held.pk).owner == other.owner
    assert bulk.plan_matching(action="decide-anew", filters=OrderFilters(), by=system, now=now).items == []
    assert broken() == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_plan_and_its_work_cost_the_same_for_one_and_for_three(
    place: make.Place, system: Actor, now: datetime, count: int, django_assert_max_num_queries: Any
) -> None:
    keys = [place().key for _ in range(count)]
    with django_assert_max_num_queries(14):
        plan = bulk.plan_chosen(action="hold", keys=keys, by=system, now=now)
    with django_assert_max_num_queries(80):
        assert run(plan, system).work.done == count


def test_an_unknown_act_or_filter_is_refused(system: Actor, now: datetime, northwind: object) -> None:
    del northwind
    with pytest.raises(Invalid):
        bulk.plan_chosen(action="cancel", keys=["NW-1"], by=system, now=now)
    with pytest.raises(Invalid):
        bulk.plan_matching(action="hold", filters=OrderFilters(fraud=["much"]), by=system, now=now)
