"""Running a scenario: send, wait until every order is where it has to be, and tell what happened."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from audit import clock
from audit.models import Event
from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.management.scenarios.plans import CLIENT, PlannedOrder, Scenario
from orders.fulfilment.management.scenarios.stacks import STORE, Stack
from orders.fulfilment.models import Order, OrderLine
from orders.fulfilment.states import OrderState


def run(scenario: Scenario, stack: Stack, *, within: timedelta, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it to its end, or to the end of the time given; the report."""
    started = clock.now()
    stack.misbehave(scenario.failures)
    stack.send(
        [
            _event("stock.changed", sku, started, sku=sku, available=units, changed_at=started.isoformat())
            for sku, units in scenario.stock.items()
        ]
    )
    stack.send([_event("order.placed", order.number, started, **order.data) for order in scenario.orders])
    say(f"{len(scenario.orders)} orders sent")
    stack.send([_paid(order, clock.now()) for order in scenario.orders])
    say("payments captured")
    done = -1
    while clock.now() - started < within:
        settled = _settled(scenario)
        if settled != done:
            say(f"{settled} of {len(scenario.orders)} where they have to be")
            done = settled
        if settled == len(scenario.orders):
            break
        stack.work()
    return report(scenario, started)


def report(scenario: Scenario, started: datetime) -> dict[str, Any]:
    """One document: counts, and each exception with owner, deadline and route."""
    orders = {order.number: order for order in _orders(scenario)}
    expected = {one.number: one.stuck_in or OrderState.DELIVERED.value for one in scenario.orders}
    wrong = [number for number, state in expected.items() if number not in orders or orders[number].state != state]
    flows = _wrong_flows(scenario)
    cases = _cases(orders)
    summary = {
        "scenario": scenario.name,
        "orders": len(orders),
        "delivered": sum(order.state == OrderState.DELIVERED for order in orders.values()),
        "exceptions": len(cases),
        "human_events": _human_events(orders),
        "wrong_flows": len(flows),
        "unexpected": len(wrong),
        "states": dict(Counter(str(order.state) for order in orders.values())),
        "seconds": round((clock.now() - started).total_seconds(), 1),
    }
    ok = not wrong and not flows and summary["human_events"] == 0
    return {"ok": ok, "summary": summary, "items": [*cases, *flows]}


def _settled(scenario: Scenario) -> int:
    states = {order.number: order.state for order in _orders(scenario)}
    return sum(states.get(one.number) == (one.stuck_in or OrderState.DELIVERED) for one in scenario.orders)


def _orders(scenario: Scenario) -> list[Order]:
    numbers = [one.number for one in scenario.orders]
    return list(Order.objects.filter(client__slug=CLIENT, number__in=numbers).order_by("number"))


def _cases(orders: dict[str, Order]) -> list[dict[str, Any]]:
    by_id = {str(order.pk): order for order in orders.values()}
    cases = ExceptionCase.objects.filter(subject_type="fulfilment.order", subject_id__in=by_id, state__in=CASE_LIVE)
    return [
        {
            "exception": case.key,
            "type": case.type,
            "title": case.title,
            "order": case.subject_key,
            "state": by_id[case.subject_id].state,
            "owner": case.owner.slug,
            "backup": case.backup.slug,
            "due_at": case.due_at,
            "due_words": case.due_words,
            "route": case.route,
        }
        for case in cases.select_related("owner", "backup").order_by("number")
    ]


def _human_events(orders: dict[str, Order]) -> int:
    """Entries in the trail of these orders that a person made."""
    ids = [str(order.pk) for order in orders.values()]
    return Event.objects.filter(subject_type="fulfilment.order", subject_id__in=ids, actor__startswith="user:").count()


def _wrong_flows(scenario: Scenario) -> list[dict[str, Any]]:
    expected = {
        (one.number, sku): flow for one in scenario.orders if not one.stuck_in for sku, flow in one.flows.items()
    }
    numbers = [one.number for one in scenario.orders]
    lines = OrderLine.objects.filter(order__number__in=numbers, order__client__slug=CLIENT)
    found = {(number, sku): flow for number, sku, flow in lines.values_list("order__number", "sku__code", "flow__slug")}
    return [
        {"order": number, "sku": sku, "expected_flow": flow, "flow": found.get((number, sku))}
        for (number, sku), flow in expected.items()
        if found.get((number, sku)) != flow
    ]


def _paid(order: PlannedOrder, at: datetime) -> dict[str, Any]:
    money = {"amount_minor": order.data["total_minor"], "currency": order.data["currency"]}
    return _event("payment.captured", order.number, at, order=order.number, captured_at=at.isoformat(), **money)


def _event(kind: str, subject: str, at: datetime, /, **data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{kind}/{subject}",
        "source": f"/{STORE}",
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {"client": CLIENT, **data},
    }
