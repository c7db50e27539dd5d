"""Acts on many orders: which ones, what stands in the way of some, and what the job does with each batch of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit.access import require
from audit.context import Actor, acting
from audit.errors import DomainError, FieldError, Invalid
from audit.texts import reason_given, reason_mistake
from audit.words import said, within
from exceptions.job_kinds import Item, JobKind, Result, action_of
from exceptions.models import Job, JobPlan
from exceptions.selectors.jobs import items_for
from exceptions.services import Barred, Planned, plan_job
from exceptions.services.halving import in_halves
from exceptions.services.jobs import MOST_PLANNED
from exceptions.states import ItemState
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors.orders import OrderFilters, filtered, orders_for
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.deciding_anew import decide_anew, look_at
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go, place
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import HOLD_HAS_ITS_WAY, ORDER_FINAL, HoldReason, HoldSource, HoldState
from rules.selectors import active_book

ORDER_ACTS: Final = ("hold", "release", "decide-anew")
PREFIX: Final = "order."
WORK: Final = "orders.work_order"
CHANGED: Final = said("It changed since the plan was made.")
NOT_HELD: Final = said("Nothing holds it that you placed.")

# Of each order what holds for it alone, or in words why the act cannot be done on it.
Found = dict[UUID, str | dict[str, Any]]
Batch = Sequence[tuple[Docket, Item]]
Came = dict[UUID, Result]
Do = Callable[[Batch, Mapping[str, Any], Actor, Changes], Came]


def plan_matching(*, action: str, filters: OrderFilters, by: Actor, now: datetime) -> JobPlan:
    """A plan for everything the filters leave, on every page. Raises `Invalid` for an unknown filter or too many."""
    return plan_found(action=action, found=filtered(by=by, filters=filters, now=now), by=by, now=now)


def plan_chosen(*, action: str, keys: Sequence[str], by: Actor, now: datetime) -> JobPlan:
    """A plan for the orders of these keys; those that are not the actor's to see are told as barred."""
    found = orders_for(by).filter(key__in=keys)
    there = set(found.values_list("key", flat=True))
    gone = [
        Barred(key[:40], said("There is no order %(key)s, or it is not yours to see.", key=key[:60]))
        for key in dict.fromkeys(keys)
        if key not in there
    ]
    return plan_found(action=action, found=found, barred=gone, by=by, now=now)


def plan_rest(*, job: Job, by: Actor, now: datetime) -> JobPlan:
    """A plan for what a job did not do, as it is now."""
    left = items_for(by, job).exclude(state=ItemState.DONE).values_list("subject_id", flat=True)
    found = orders_for(by).filter(pk__in=[UUID(one) for one in left])
    return plan_found(action=action_of(job.kind), found=found, by=by, now=now)


def plan_found(
    *, action: str, found: QuerySet[Order], barred: Sequence[Barred] = (), by: Actor, now: datetime
) -> JobPlan:
    """A plan for exactly these at their versions of now, with what stands in the way of some. Raises `Invalid` for no act on many."""
    if action not in ORDER_ACTS:
        detail = said("Choose one of: %(known)s.", known=", ".join(ORDER_ACTS))
        raise Invalid(detail, errors=[FieldError("/action", "unknown", detail)])
    orders = list(found.select_related("decision").order_by("-placed_at", "-pk")[: MOST_PLANNED + 1])
    told = LOOK[action](orders, by, now) if len(orders) <= MOST_PLANNED else {}  # too many are refused below
    items, stay = [], list(barred)
    for order in orders:
        given = told.get(order.pk, {})
        if isinstance(given, str):
            stay.append(Barred(order.key, given))
        else:
            items.append(Planned(str(order.pk), order.key, order.client_id, order.version, given))
    return plan_job(kind=f"{PREFIX}{action}", items=items, barred=stay, by=by, now=now)


def _to_hold(orders: Sequence[Order], by: Actor, now: datetime) -> Found:
    del by, now
    return {
        order.pk: said("It is “%(state)s”: there is nothing to hold.", state=within(order.get_state_display()))
        if order.state in ORDER_FINAL
        else {}
        for order in orders
    }


def _to_release(orders: Sequence[Order], by: Actor, now: datetime) -> Found:
    del now
    mine = Hold.objects.filter(order__in=[order.pk for order in orders], state=HoldState.ACTIVE, placed_by=by.id)
    held = set(mine.exclude(reason__in=HOLD_HAS_ITS_WAY).values_list("order_id", flat=True))
    return {order.pk: {} if order.pk in held else NOT_HELD for order in orders}


def _to_decide(orders: Sequence[Order], by: Actor, now: datetime) -> Found:
    del by
    looked = look_at(orders, active_book(), now)
    return {pk: one.message if isinstance(one, DomainError) else one.as_planned() for pk, one in looked.items()}


LOOK: Final[Mapping[str, Callable[[Sequence[Order], Actor, datetime], Found]]] = {
    "hold": _to_hold,
    "release": _to_release,
    "decide-anew": _to_decide,
}


def _hold(batch: Batch, given: Mapping[str, Any], by: Actor, changes: Changes) -> Came:
    came: Came = {}
    barred = _to_hold([docket.order for docket, _ in batch], by, changes.now)
    for docket, _ in batch:
        if isinstance(why := barred[docket.order.pk], str):
            came[docket.order.pk] = Result(why)
            continue
        hold = Hold(
            reason=HoldReason.PERSON,
            source=HoldSource.PERSON,
            words=given["reason"].strip(),
            customer_words=given.get("text", "").strip(),
            release_when={"kind": "person"},
        )
        came[docket.order.pk] = Result(undo={"hold": str(place(docket, hold, changes).pk)})
    return came


def _release(batch: Batch, given: Mapping[str, Any], by: Actor, changes: Changes) -> Came:
    """Those the actor placed; of a hold that is taken back, only that one."""
    came: Came = {}
    for docket, item in batch:
        mine = [
            hold
            for hold in docket.in_force
            if hold.placed_by == by.id
            and hold.reason not in HOLD_HAS_ITS_WAY
            and item.given.get("hold") in {None, str(hold.pk)}
        ]
        for hold in mine:
            let_go(docket, hold, changes, by=by.id, why=given["reason"].strip())
        came[docket.order.pk] = Result("" if mine else NOT_HELD)
    return came


def _decide_anew(batch: Batch, given: Mapping[str, Any], by: Actor, changes: Changes) -> Came:
    del given, by
    planned = {docket.order.pk: item.given for docket, item in batch}
    refused = decide_anew([docket for docket, _ in batch], planned, Desk(changes.book, changes.now), changes)
    return {
        pk: Result(refused[pk].message, is_overtaken=refused[pk].code == "changed") if pk in refused else Result()
        for pk in planned
    }


def _work(do: Do, items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
    def of_batch(some: Sequence[Item]) -> list[Result]:
        with acting(by, at=now, reason=given["reason"]):
            dockets = {str(docket.order.pk): docket for docket in load_dockets([UUID(item.id) for item in some])}
            for docket in dockets.values():
                require(by, WORK, docket.order)
            fresh = [(dockets[item.id], item) for item in some if item.seen in {None, dockets[item.id].order.version}]
            changes = Changes(now)
            came = do(fresh, given, by, changes)
            settle([docket for docket, _ in fresh if not came[docket.order.pk].why], changes)
            return [_result(dockets[item.id].order, came) for item in some]

    return in_halves(items=items, do=of_batch)


def _result(order: Order, came: Came) -> Result:
    result = came.get(order.pk, Result(CHANGED, is_overtaken=True))
    return result if result.why else replace(result, version=order.version)


def _check(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("reason", ""))
    if mistake := reason_mistake(given.get("text", ""), field="text", shortest=0):
        raise Invalid(mistake.detail, errors=[mistake])


def count_changed(items: Sequence[Item]) -> int:
    """How many are no longer at the version that was looked at."""
    versions = {str(pk): version for pk, version in _rows(items).values_list("pk", "version")}
    return sum(item.seen not in {None, versions.get(item.id)} for item in items)


def _rows(items: Sequence[Item]) -> QuerySet[Order]:
    return Order.objects.filter(pk__in=[UUID(item.id) for item in items])


def _kind(action: str, title: str, do: Do, *, undo: str = "") -> JobKind:
    return JobKind(
        f"{PREFIX}{action}",
        title,
        WORK,
        partial(_work, do),
        url=lambda key: f"/orders/{key}/",
        check=_check,
        changed=count_changed,
        undo=undo,
        route="fulfilment:bulk",
        noun=gettext_lazy("Order"),
    )


ORDER_KINDS: Final = (
    _kind("hold", noop("Put orders on hold"), _hold, undo=f"{PREFIX}release"),
    _kind("release", noop("Release holds of orders"), _release),
    _kind("decide-anew", noop("Apply the rules of today to orders"), _decide_anew),
)
