"""Running stories: send, do each step once its order is there, and tell what happened and who has what."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from audit import clock
from audit.checks import invariants
from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.management.scenarios.plans import CLIENT
from orders.fulfilment.management.scenarios.stacks import Stack
from orders.fulfilment.management.scenarios.stories import Stories, Story, event, placed
from orders.fulfilment.models import Order
from orders.fulfilment.states import OrderState

# What must be so of every order's owner: nobody is forgotten, and what waits for a decision has an exception.
OWNED = frozenset({"inv-10", "orders-06", "orders-07", "money-02"})


def tell_stories(chosen: Stories, stack: Stack, *, within: timedelta, say: Callable[[str], None]) -> dict[str, Any]:
    """Run them to their ends, or to the end of the time given; the report."""
    started = clock.now()
    stack.misbehave({story.number: story.failure for story in chosen.stories if story.failure})
    counted = started.isoformat()
    shelf = chosen.stock.items()
    stack.send([event("stock.changed", sku, sku=sku, available=units, changed_at=counted) for sku, units in shelf])
    stack.send([one for story in chosen.stories for one in placed(story, started)])
    done = dict.fromkeys((story.number for story in chosen.stories), 0)
    happened: dict[str, list[str]] = {story.number: ["placed and paid"] for story in chosen.stories}
    while clock.now() - started < within:
        orders = _orders(chosen)
        if _go_on(chosen, orders, done, happened, stack, say):
            break
        stack.work()
    return _report(chosen, happened, done, started)


def _go_on(
    chosen: Stories,
    orders: Mapping[str, Order],
    done: dict[str, int],
    happened: Mapping[str, list[str]],
    stack: Stack,
    say: Callable[[str], None],
) -> bool:
    """Do every step whose order is there; whether every story is at its end."""
    for story in chosen.stories:
        order, place = orders.get(story.number), done[story.number]
        if order is None or place == len(story.steps) or order.state != story.steps[place].when:
            continue
        step = story.steps[place]
        step.does(order, stack, clock.now())
        done[story.number] += 1
        happened[story.number].append(f"{OrderState(step.when).label}: {step.words}")
        say(f"{order.key} ({story.about}): {step.words}")
    return all(_is_over(story, orders.get(story.number), done[story.number]) for story in chosen.stories)


def _is_over(story: Story, order: Order | None, done: int) -> bool:
    return order is not None and done == len(story.steps) and order.state == story.ends and story.until(order)


def _report(
    chosen: Stories, happened: Mapping[str, list[str]], done: Mapping[str, int], started: datetime
) -> dict[str, Any]:
    orders = _orders(chosen)
    items = []
    for story in chosen.stories:
        order = orders.get(story.number)
        items.append(
            {
                "story": story.about,
                "order": order.key if order else story.number,
                "happened": happened[story.number],
                "state": order.state if order else "",
                "ends": story.ends,
                "owner": order.owner.slug if order else "",
                "exceptions": _exceptions(order),
                "is_over": _is_over(story, order, done[story.number]),
            }
        )
    ownerless = _ownerless()
    summary = {
        "scenario": chosen.name,
        "orders": len(orders),
        "over": sum(bool(item["is_over"]) for item in items),
        "without_owner": len(ownerless),
        "seconds": round((clock.now() - started).total_seconds(), 1),
    }
    ok = summary["over"] == len(chosen.stories) and not ownerless
    return {"ok": ok, "summary": summary, "items": items}


def _orders(chosen: Stories) -> dict[str, Order]:
    numbers = [story.number for story in chosen.stories]
    found = Order.objects.filter(client__slug=CLIENT, number__in=numbers).select_related("owner")
    return {order.number: order for order in found}


def _exceptions(order: Order | None) -> list[str]:
    if order is None:
        return []
    live = ExceptionCase.objects.filter(subject_id=str(order.pk), state__in=CASE_LIVE).select_related("owner")
    return [f"{case.key} {case.title} ({case.owner.slug})" for case in live.order_by("number")]


def _ownerless() -> list[str]:
    """Whatever nobody has, by the product's own invariants."""
    found: list[str] = []
    for check in invariants():
        if check.id in OWNED:
            with connection.cursor() as cursor:
                cursor.execute(check.sql)
                found += [str(row[0]) for row in cursor.fetchall()]
    return found
