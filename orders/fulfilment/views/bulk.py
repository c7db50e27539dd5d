"""One act on many orders: the plan, then a job that does exactly what the plan showed."""

from datetime import datetime
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to
from audit.errors import Invalid
from audit.words import in_words
from exceptions.job_kinds import action_of
from exceptions.models import JobPlan
from exceptions.selectors.jobs import job_called
from exceptions.views.plans import MOST_SHOWN, confirmed, plan_page
from orders.fulfilment.selectors.anew import planned_changes
from orders.fulfilment.services import bulk as many
from orders.fulfilment.services.bulk import ORDER_ACTS
from orders.fulfilment.views.lists import asked_for

DECIDE_ANEW: Final = "order.decide-anew"


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """A plan for the chosen orders, or for all that match; confirmed, the job that does it."""
    by = actor_of(request, "orders.work_order")
    home = back_to(request, reverse("fulfilment:orders"))
    show = partial(_plan_page, request, by, home)
    if "plan" in request.POST:
        return confirmed(request, by, home, partial(_again, by), show)
    action = request.POST.get("do", "")
    try:
        plan = _planned(request, action, by) if action in ORDER_ACTS else None
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect(home)
    if plan is None or not (plan.items or plan.barred):
        messages.warning(request, _("Choose at least one order and what to do with it."))
        return redirect(home)
    return show(plan)


def _plan_page(request: HttpRequest, by: Actor, home: str, plan: JobPlan, **more: Any) -> HttpResponse:
    """With what would change, where that is another thing for each of them."""
    shown = plan.items[:MOST_SHOWN] if plan.kind == DECIDE_ANEW else []
    return plan_page(request, "orders/plan.html", home, plan, changes=planned_changes(shown, by=by), **more)


def _planned(request: HttpRequest, action: str, by: Actor) -> JobPlan:
    given, now = request.POST, clock.now()
    if "job" in given:
        return many.plan_rest(job=job_called(by, given["job"]), by=by, now=now)
    if "all" in given:
        filters, _columns = asked_for(QueryDict(given.get("query", "")))
        return many.plan_matching(action=action, filters=filters, by=by, now=now)
    return many.plan_chosen(action=action, keys=given.getlist("id"), by=by, now=now)


def _again(by: Actor, plan: JobPlan, now: datetime) -> JobPlan:
    return many.plan_chosen(action=action_of(plan.kind), keys=[item["key"] for item in plan.items], by=by, now=now)
