"""What the pages of acts on many records share: the plan before it is confirmed, and the job that does it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from audit import clock
from audit.context import Actor
from audit.errors import Conflict, Invalid
from exceptions.job_kinds import action_of
from exceptions.models import JobPlan
from exceptions.selectors.jobs import plan_called
from exceptions.services import start_job

MOST_SHOWN: Final = 200
FIELDS: Final = ("reason", "text")

Again = Callable[[JobPlan, datetime], JobPlan]
Show = Callable[..., HttpResponse]


def plan_page(
    request: HttpRequest,
    template: str,
    home: str,
    plan: JobPlan,
    *,
    problem: Invalid | None = None,
    changed: Conflict | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """What would be done, to which of them, and what stays as it is."""
    context = {
        "plan": plan,
        "action": action_of(plan.kind),
        "count": len(plan.items),
        "shown": plan.items[:MOST_SHOWN],
        "unshown": max(len(plan.items) - MOST_SHOWN, 0),
        "unshown_barred": max(len(plan.barred) - MOST_SHOWN, 0),
        "given": _given(request),
        "home": home,
        "problem": problem,
        "changed": changed,
        **more,
    }
    return render(request, template, context, status=status)


def confirmed(request: HttpRequest, by: Actor, home: str, again: Again, show: Show) -> HttpResponse:
    """On to the job that does exactly what was planned; where that is not true any more, `show` the plan made `again`."""
    plan, now = plan_called(by, request.POST["plan"]), clock.now()
    try:
        job = start_job(plan_id=plan.pk, given=_given(request), by=by, now=now)
    except Invalid as invalid:
        return show(plan, problem=invalid, status=422)
    except Conflict as changed:
        return show(again(plan, now), changed=changed, status=409)
    return redirect(f"{reverse('exceptions:job', args=[job.key])}?{urlencode({'return': home})}")


def _given(request: HttpRequest) -> dict[str, Any]:
    """What was filled in, without what was left empty."""
    return {name: value for name in FIELDS if (value := request.POST.get(name, "").strip())}
