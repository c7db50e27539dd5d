"""Held orders, many at a time: planned with what each would do now, then let go together. Nothing that came before is repeated."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit.context import Actor, acting
from audit.texts import reason_given
from audit.words import Said, listed, said
from exceptions.job_kinds import Item, JobKind, Result
from exceptions.models import Job, JobPlan
from exceptions.selectors.jobs import items_for
from exceptions.services import Barred, Planned, plan_job
from exceptions.services.jobs import MOST_PLANNED
from exceptions.states import ItemState
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.orders import orders_for
from orders.fulfilment.selectors.outlooks import Outlook, outlooks
from orders.fulfilment.services.addresses import put_address
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import FULFILMENT_GONE

PERMISSION: Final = "orders.work_order"
NO_SUCH: Final = said("There is no such order, or it is not yours to see.")
CHANGED: Final = said("It changed since the plan was made.")


def plan_resubmission(*, keys: Collection[str], by: Actor, now: datetime) -> JobPlan:
    """A plan for those of these orders that would go on now; what keeps each of the others is told. Raises as `plan_job` does."""
    found = orders_for(by).filter(key__in=keys)
    there = set(found.values_list("key", flat=True))
    return plan_found(found=found, gone=sorted(set(keys) - there), by=by, now=now)


def plan_found(*, found: QuerySet[Order], by: Actor, now: datetime, gone: Collection[str] = ()) -> JobPlan:
    """As `plan_resubmission`, for all of these; `gone` are keys of orders there are none of. Raises as `plan_job` does."""
    views = outlooks(list(found.order_by("placed_at", "pk")[: MOST_PLANNED + 1]))
    barred = [Barred(key, NO_SUCH) for key in gone]
    barred += [Barred(one.order.key, why) for one in views if (why := _why_not(one, by))]
    items = [_planned(one) for one in views if not _why_not(one, by)]
    return plan_job(kind=RESUBMIT.name, items=items, barred=barred, by=by, now=now)


def plan_rest(*, job: Job, by: Actor, now: datetime) -> JobPlan:
    """A plan for what a job did not do, as it is now."""
    left = items_for(by, job).exclude(state=ItemState.DONE).values_list("key", flat=True)
    return plan_resubmission(keys=list(left), by=by, now=now)


def _planned(one: Outlook) -> Planned:
    takes = [
        [suggestion.field, suggestion.words] for suggestion in one.takes
    ]  # without the values, which may be personal
    return Planned(str(one.order.pk), one.order.key, one.order.client_id, one.order.version, {"takes": takes})


def _why_not(one: Outlook, by: Actor) -> Said | None:
    """What keeps an order where it is; None where it may go on."""
    if not by.may(PERMISSION, one.order.client_id):
        return NO_SUCH
    return listed(one.lacks, between="; ") if one.lacks else None


def resubmit(*, orders: Mapping[UUID, int | None], reason: str, by: Actor, now: datetime) -> dict[UUID, Result]:
    """Let those of these go on that lack nothing, each at the version that was looked at; what kept each of the others is its result.

    An order goes on at its address check with what is suggested for it. Raises `Invalid` without a reason.
    """
    with acting(by, at=now, reason=reason_given(reason)):
        dockets = {docket.order.pk: docket for docket in load_dockets(list(orders))}
        results, changes, going = dict.fromkeys(orders, Result(NO_SUCH)), Changes(now), []
        for one in outlooks([docket.order for docket in dockets.values()]):
            order = one.order
            results[order.pk] = _result(one, dockets[order.pk], orders[order.pk], by)
            if not results[order.pk].why:
                put_address(dockets[order.pk], one.address, changes, reason=reason)
                going.append(dockets[order.pk])
        if going:
            settle(going, changes)
    return results


def _result(one: Outlook, docket: Docket, seen: int | None, by: Actor) -> Result:
    if seen not in {None, one.order.version}:
        return Result(CHANGED, is_overtaken=True)
    if any(parcel.state in FULFILMENT_GONE for parcel in docket.parcels):
        return Result(said("%(key)s has left: its address cannot be changed any more.", key=one.order.key))
    return Result(_why_not(one, by) or "")


def _work(items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
    results = resubmit(orders={UUID(item.id): item.seen for item in items}, reason=given["reason"], by=by, now=now)
    return [results[UUID(item.id)] for item in items]


def _check(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("reason", ""))


def count_changed(items: Sequence[Item]) -> int:
    """How many are no longer at the version that was looked at."""
    versions = dict(Order.objects.filter(pk__in=[UUID(item.id) for item in items]).values_list("pk", "version"))
    return sum(versions.get(UUID(item.id)) != item.seen for item in items)


RESUBMIT: Final = JobKind(
    "order.resubmit",
    noop("Resubmit held orders"),
    PERMISSION,
    _work,
    url=lambda key: f"/orders/{key}/",
    check=_check,
    changed=count_changed,
    route="fulfilment:resubmit",
    noun=gettext_lazy("Order"),
)
