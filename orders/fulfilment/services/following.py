"""A system that begins to follow orders is told of the open ones that are there, by a job that says how far it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.words import said
from exceptions.job_kinds import Item, JobKind, Result
from exceptions.services import Planned, plan_job, start_job
from exceptions.services.jobs import MOST_PLANNED
from orders.fulfilment.models import Order
from orders.fulfilment.services.exports import send_newest
from orders.fulfilment.states import ORDER_FINAL
from orders.sync.models import System

NAME: Final = "export.backfill"
NOT_ROUTED: Final = said("No rule has decided about it yet; it is told when one has.")


def tell_open_orders(system: System, by: Actor, now: datetime) -> None:
    """Start the job, or several where there are more open orders than one job holds."""
    orders = Order.objects.exclude(state__in=ORDER_FINAL).filter(decision__isnull=False).order_by("pk")
    if system.client_id is not None:
        orders = orders.filter(client=system.client_id)
    items = [Planned(str(pk), key, client) for pk, key, client in orders.values_list("pk", "key", "client_id")]
    for start in range(0, len(items), MOST_PLANNED):
        plan = plan_job(kind=NAME, items=items[start : start + MOST_PLANNED], by=by, now=now)
        start_job(plan_id=plan.pk, given={"system": system.slug}, by=by, now=now)


def _work(items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime) -> list[Result]:
    del by
    system = System.objects.filter(slug=given["system"], wants_exports=True, is_active=True).first()
    if system is None:
        return [Result(said("The system does not follow orders any more.")) for _ in items]
    told = send_newest(order_ids=[UUID(item.id) for item in items], system=system, now=now)
    return [Result(told.get(UUID(item.id), NOT_ROUTED)) for item in items]


BACKFILL: Final = JobKind(
    NAME,
    noop("Tell a system of the open orders"),
    "sync.edit_system",
    _work,
    url=lambda key: f"/orders/{key}/",
    route="",
    noun=gettext_lazy("Order"),
)
