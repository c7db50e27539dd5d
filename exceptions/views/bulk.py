"""One act on many exceptions: the plan, then a job that does exactly what the plan showed."""

import re
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to
from audit.errors import Conflict, Invalid
from audit.words import in_words
from exceptions import list_pages, services
from exceptions.forms import WaitManyForm
from exceptions.models import ExceptionCase, JobPlan
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.asking import MOST_OFFERED
from exceptions.selectors.bulk import case_plan, cases_to_plan, matching_cases
from exceptions.selectors.jobs import job_called, plan_called
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.services.job_work import AT_ONCE
from exceptions.states import RootCause
from exceptions.views.origins import filters_in
from exceptions.views.plans import MOST_SHOWN
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.workers import Worker

KEY = re.compile(rf"^{KEY_PREFIX}(\d{{1,15}})$", re.ASCII)
FIELDS = ("to", "reason", "text", "outcome", "root_cause", "step", "hours", "on", "party")
ANSWER = "data."  # how the step's own questions are called in its form
BUTTONS = {
    "acknowledge": gettext_lazy("Take"),
    "reassign": gettext_lazy("Reassign"),
    "escalate": gettext_lazy("Escalate"),
    "wait": gettext_lazy("Wait"),
    "note": gettext_lazy("Add note"),
    "step": gettext_lazy("Do it"),
    "resolve": gettext_lazy("Resolve"),
    "spread": gettext_lazy("Spread"),
    services.BALANCE: gettext_lazy("Move"),
}


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """A plan for an act on the chosen rows, a whole cause or everything that matches; confirmed, the job that does it."""
    by = actor_of(request, "exceptions.work_case")
    if "plan" in request.POST:
        return _confirmed(request, plan_called(by, request.POST["plan"]), by)
    home, action = back_to(request, "/queue/"), request.POST.get("do", "")
    if action == "ask":
        return _ask_for_all(request, by, home)
    try:
        plan = _planned(request, action, by) if action in BUTTONS else None
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect(home)
    if plan is None or not (plan.items or plan.barred):
        is_even = plan is not None and action == services.BALANCE
        nothing = _("Nothing to move: what nobody has taken yet is shared as evenly as it can be.")
        messages.warning(request, nothing if is_even else _("Choose at least one exception and what to do with it."))
        return redirect(home)
    return _plan_page(request, plan, by)


def _ask_for_all(request: HttpRequest, by: Actor, home: str) -> HttpResponse:
    """On to asking for a time-limited exception for the chosen rows or a whole cause, which are of one client."""
    try:
        cases = _chosen_cases(request, by)
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect(home)
    if not cases or len({case.client_id for case in cases}) > 1:
        messages.warning(request, _("Choose exceptions of one client to ask for a time-limited exception."))
        return redirect(home)
    first, *others = cases
    query = urlencode({"for": first.key, "also": [case.key for case in others]}, doseq=True)
    return redirect(f"{reverse('exceptions:ask')}?{query}")


def _chosen_cases(request: HttpRequest, by: Actor) -> list[ExceptionCase]:
    """What was ticked, or all that match. Raises `Invalid` for an unknown filter and for more than can be asked for at once."""
    given = request.POST
    if "all" in given:
        return matching_cases(by=by, filters=_asked_for(given), now=clock.now(), most=MOST_OFFERED)
    return cases_to_plan(by=by, numbers=_numbers(given))


def _asked_for(given: QueryDict) -> QueueFilters:
    """The list that was looked at. Raises `Invalid` for what it does not know: a bad filter never widens what is acted on."""
    scope, query = given.get("scope", "mine"), given.get("query", "")
    list_pages.refuse_foreign(list_pages.list_page(scope), query)
    return filters_in(QueryDict(query), scope)


def _numbers(given: QueryDict) -> list[int]:
    keys = [KEY.match(key) for key in given.getlist("id")]
    return [int(key[1]) for key in keys if key]


def _planned(request: HttpRequest, action: str, by: Actor) -> JobPlan:
    """What was ticked, all that match (a cause, say), what a job left undone, or what would make a team's work even."""
    given, now = request.POST, clock.now()
    if "job" in given:
        return services.plan_rest(job=job_called(by, given["job"]), by=by, now=now)
    if action == services.BALANCE:
        return services.plan_balance(team=given.get("team", ""), by=by, now=now)
    if "again" in given:
        return services.spread_again(
            plan=plan_called(by, given["again"]), people=given.getlist("people"), by=by, now=now
        )
    people = [one.owner.slug for one in _people(request, by)] if action == "spread" else []
    if "all" in given:
        asked = {"list": given.get("scope", "mine"), "query": given.get("query", "")}
        filters = _asked_for(given)
        return services.plan_matching(action=action, filters=filters, by=by, now=now, people=people, asked=asked)
    return services.plan_chosen(action=action, numbers=_numbers(given), by=by, now=now, people=people)


def _people(request: HttpRequest, by: Actor) -> list[Worker]:
    """Among whom exceptions can be spread: the people of the team the list is of, of all the reader's teams elsewhere."""
    return services.people_to_share(by=by, team=request.POST.get("team", ""), now=clock.now())


def _confirmed(request: HttpRequest, plan: JobPlan, by: Actor) -> HttpResponse:
    given, now = _given(request), clock.now()
    try:
        job = services.start_job(plan_id=plan.pk, given=given, by=by, now=now)
    except Invalid as invalid:
        return _plan_page(request, plan, by, problem=invalid, status=422)
    except Conflict as changed:
        again = services.plan_again(plan=plan, by=by, now=now)
        return _plan_page(request, again, by, changed=changed, status=409)
    home = urlencode({"return": back_to(request, "/queue/")})
    return redirect(f"{reverse('exceptions:job', args=[job.key])}?{home}")


def _given(request: HttpRequest) -> dict[str, Any]:
    """What was filled in, without what was left empty."""
    said = {name: value for name in request.POST if (value := request.POST.get(name, "").strip())}
    given: dict[str, Any] = {name: said[name] for name in FIELDS if name in said}
    data = {name.removeprefix(ANSWER): value for name, value in said.items() if name.startswith(ANSWER)}
    return {**given, "data": data} if data else given


def _plan_page(
    request: HttpRequest,
    plan: JobPlan,
    by: Actor,
    *,
    problem: Invalid | None = None,
    changed: Conflict | None = None,
    status: int = 200,
) -> HttpResponse:
    action = plan.kind.removeprefix("case.")
    people = _people(request, by) if action == "spread" else []
    context = {
        "plan": plan,
        "shown": case_plan(plan, by=by, now=clock.now()),
        "action": action,
        "button": BUTTONS[action],
        "home": back_to(request, "/queue/"),
        "owners": _owners() if action == "reassign" else (),
        "people": people,
        "chosen": set(request.POST.getlist("people")) or {one.owner.slug for one in people},
        "team": request.POST.get("team", ""),
        "root_causes": RootCause.choices,
        "wait_form": WaitManyForm(initial=_given(request)) if action == "wait" else None,
        "given": {"data": {}, **_given(request)},
        "at_once": AT_ONCE,
        "unshown_barred": max(len(plan.barred) - MOST_SHOWN, 0),
        "problem": problem,
        "changed": changed,
    }
    return render(request, "exceptions/plan.html", context, status=status)


def _owners() -> list[Owner]:
    owners = rules.roster(clock.now()).owners.values()
    return sorted((owner for owner in owners if owner.is_active), key=lambda owner: owner.name)
