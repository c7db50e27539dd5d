"""Resubmitting several held orders: what each would do now, then exactly those."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to
from audit.errors import Conflict, Invalid
from audit.words import in_words
from exceptions.models import JobPlan
from exceptions.selectors.jobs import job_called, plan_called
from exceptions.services import start_job
from orders.fulfilment.decisions.addresses import label_of
from orders.fulfilment.selectors.quarantine import all_quarantined
from orders.fulfilment.services import resubmitting

MOST_SHOWN = 200


@login_required
@require_POST
def resubmit(request: HttpRequest) -> HttpResponse:
    """A plan for the chosen orders, for all that match, or for what a job left; confirmed, the job that does it."""
    by, now = actor_of(request, resubmitting.PERMISSION), clock.now()
    home = back_to(request, reverse("fulfilment:quarantine"))
    if "plan" in request.POST:
        return _confirmed(request, by, home)
    if "job" in request.POST:
        plan = resubmitting.plan_rest(job=job_called(by, request.POST["job"]), by=by, now=now)
    elif "all" in request.POST:
        asked = {name: request.POST.get(name, "").strip() for name in ("q", "client")}
        plan = resubmitting.plan_found(found=all_quarantined(**asked, by=by, now=now), by=by, now=now)
    else:
        keys = request.POST.getlist("id")
        if not keys:
            messages.warning(request, _("Choose at least one order."))
            return redirect(home)
        plan = resubmitting.plan_resubmission(keys=keys, by=by, now=now)
    return _plan_page(request, plan, home)


def _confirmed(request: HttpRequest, by: Actor, home: str) -> HttpResponse:
    plan = plan_called(by, request.POST["plan"])
    given = {"reason": request.POST.get("reason", "").strip()}
    try:
        job = start_job(plan_id=plan.pk, given=given, by=by, now=clock.now())
    except Invalid as invalid:
        return _plan_page(request, plan, home, problem=invalid, status=422)
    except Conflict as changed:
        keys = [item["key"] for item in plan.items]
        again = resubmitting.plan_resubmission(keys=keys, by=by, now=clock.now())
        return _plan_page(request, again, home, changed=changed, status=409)
    return redirect(f"{reverse('exceptions:job', args=[job.key])}?{urlencode({'return': home})}")


def _plan_page(request: HttpRequest, plan: JobPlan, home: str, *, status: int = 200, **said: Any) -> HttpResponse:
    shown = [(item["key"], _takes(item["given"].get("takes", ()))) for item in plan.items[:MOST_SHOWN]]
    context = {"plan": plan, "count": len(plan.items), "shown": shown, "home": home}
    context |= {"unshown": max(len(plan.items) - MOST_SHOWN, 0), "reason": request.POST.get("reason", ""), **said}
    return render(request, "orders/resubmit.html", context, status=status)


def _takes(found: list[list[str]]) -> str:
    """What is suggested for it and taken, without the values."""
    return "; ".join(f"{in_words(label_of(field))}: {in_words(words)}" for field, words in found)
