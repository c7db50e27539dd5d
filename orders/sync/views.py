"""Systems, flows, dead letters and the sandbox's misbehaviour."""

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx2
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, back_to, explain
from audit.errors import Conflict, Invalid, NotFound, StaleVersion
from audit.filtering import Question
from audit.rest.pages import given_filters
from audit.texts import whole_number
from audit.transport import certificates
from audit.words import in_words
from exceptions.job_kinds import action_of
from exceptions.models import JobPlan
from exceptions.selectors.jobs import job_called
from exceptions.selectors.knowledge import runbooks_for_kind
from exceptions.views.plans import confirmed, plan_page
from orders.sync import selectors, services
from orders.sync.forms import PauseForm, WhyForm
from orders.sync.models import DEAD_LETTER_CASE, DEAD_LETTER_PREFIX, InboundEvent
from orders.sync.resources import LETTER_FILTERS
from orders.sync.sandbox import MODES
from orders.sync.selectors.flow_maps import flow_page, flow_rows
from orders.sync.selectors.landscape import landscape
from orders.sync.selectors.system_pages import system_page
from orders.sync.services import bulk as letters
from orders.sync.services.bulk import LETTER_ACTS
from orders.sync.services.stopping import PERMISSION as PAUSE
from rules import services as rules
from rules.states import FlowState

PER_PAGE = 50
PLACES_IN_A_LIST = frozenset({"after", "return"})


@login_required
@require_GET
def systems(request: HttpRequest) -> HttpResponse:
    """Every connected system, by where it stands around us."""
    by = actor_of(request, "sync.view_system")
    context = {
        "tiers": landscape(by, now=clock.now()),
        "allowed": selectors.allowed_delay() // timedelta(minutes=1),
        "can_edit": by.may("sync.edit_system"),
        "can_see_contracts": by.may("rules.view_rules"),
    }
    return render(request, "sync/systems.html", context)


@login_required
@require_GET
def system(request: HttpRequest, system: str) -> HttpResponse:
    """One system: whether it is told, what waits for it, what went wrong lately, its secrets."""
    by = actor_of(request, "sync.view_system")
    context = {
        "page": system_page(by, system, now=clock.now()),
        "allowed": selectors.allowed_delay() // timedelta(minutes=1),
        "can_edit": by.may("sync.edit_system"),
        "can_pause": by.may(PAUSE),
        "can_see_contracts": by.may("rules.view_rules"),
        "can_see_trail": by.may("audit.view_trail"),
    }
    return render(request, "sync/system.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def pause(request: HttpRequest, system: str) -> HttpResponse:
    """Hold back what is told to a system, or let it go on where it is held back."""
    by, now = actor_of(request, PAUSE), clock.now()
    page, stale = system_page(by, system, now=now), None
    is_paused = page.row.is_paused
    form = (WhyForm if is_paused else PauseForm)(request.POST or None, initial={"seen": page.system.version})
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("seen", "reason")}
        try:
            if isinstance(form, PauseForm):
                services.pause_system(slug=system, until=form.until(now), by=by, now=now, **given)
                done = _("%(system)s is paused. What it is to be told waits in line.")
            else:
                services.resume_system(slug=system, by=by, now=now, **given)
                done = _("%(system)s is told again, what has waited first.")
        except Invalid as invalid:
            explain(form, invalid)
        except StaleVersion as changed:
            stale = changed
        except Conflict as conflict:
            form.add_error(None, in_words(conflict.message))
        else:
            messages.success(request, done % {"system": page.system.name})
            return redirect("sync:system", system)
    context = {"page": page, "form": form, "stale": stale}
    return render(request, "sync/pause.html", context, status=409 if stale else 422 if form.errors else 200)


@login_required
@require_POST
def call(request: HttpRequest, system: str) -> HttpResponse:
    """Call a system once, now, and say what it answered."""
    by = actor_of(request, PAUSE)
    try:
        answer = services.call_system(slug=system, by=by, now=clock.now())
    except Conflict as conflict:
        messages.warning(request, in_words(conflict.message))
        return redirect("sync:system", system)
    told = {"status": answer.status, "took": answer.duration_ms, "error": answer.error, "head": answer.head}
    if answer.accepted:
        messages.success(request, _("It answered: HTTP %(status)s after %(took)s ms. %(head)s") % told)
    elif answer.status:
        messages.warning(
            request, _("It answered, but did not accept: HTTP %(status)s after %(took)s ms. %(head)s") % told
        )
    else:
        messages.warning(request, _("It did not answer: %(error)s") % told)
    return redirect("sync:system", system)


@login_required
@require_GET
def flows(request: HttpRequest) -> HttpResponse:
    """The ways from a trigger to its outcome, and whether each is live."""
    by = actor_of(request, "rules.view_rules")
    return render(request, "sync/flows.html", {"rows": flow_rows(by), "can_edit": by.may("rules.edit_rules")})


@login_required
@require_GET
def flow(request: HttpRequest, flow: str) -> HttpResponse:
    """One flow: how it goes, what happened lately, what it says of itself, who touches it."""
    by = actor_of(request, "rules.view_rules")
    context = {
        "page": flow_page(by, flow),
        "can_edit": by.may("rules.edit_rules"),
        "can_see_trail": by.may("audit.view_trail"),
    }
    return render(request, "sync/flow.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def go_live(request: HttpRequest, flow: str) -> HttpResponse:
    """Let a flow go live, or pause one that is; refused with every field named that keeps it from going live."""
    by = actor_of(request, "rules.edit_rules")
    page = flow_page(by, flow)
    is_live, stale = page.flow.state == FlowState.ACTIVE, None
    form = WhyForm(request.POST or None, initial={"seen": page.flow.version})
    if request.method == "POST" and form.is_valid():
        act = rules.pause_flow if is_live else rules.activate_flow
        try:
            act(slug=page.flow.slug, by=by, now=clock.now(), **form.cleaned_data)
        except Invalid as invalid:
            explain(form, invalid)
        except StaleVersion as changed:
            stale = changed
        except Conflict as conflict:
            form.add_error(None, in_words(conflict.message))
        else:
            done = _("%(flow)s is paused.") if is_live else _("%(flow)s is live.")
            messages.success(request, done % {"flow": in_words(page.flow.name)})
            return redirect("sync:flow", page.flow.slug)
    context = {"page": page, "form": form, "stale": stale}
    return render(request, "sync/go_live.html", context, status=409 if stale else 422 if form.errors else 200)


@login_required
@require_GET
def dead_letters(request: HttpRequest) -> HttpResponse:
    """What could not be processed, newest first, and in which streams. A filter nobody knows shows nothing, and says so."""
    by = actor_of(request, "sync.view_system")
    after, problem = request.GET.get("after", ""), None
    try:
        waiting = _matching(by, request.GET)
    except Invalid as invalid:
        problem, waiting = invalid, selectors.dead_letters(by).none()
    if (mark := whole_number(after)) is not None:
        waiting = waiting.filter(number__lt=mark)
    found = list(waiting[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    given = {name: request.GET[name] for name in request.GET if name not in PLACES_IN_A_LIST}
    context = {
        "letters": shown,
        "after": after,
        "next_after": shown[-1].number if len(found) > PER_PAGE else "",
        "can_replay": by.may("sync.replay"),
        "streams": selectors.dead_streams(by),
        "query": urlencode(given),
        "problem": problem,
    }
    return render(request, "sync/dead_letters.html", context, status=400 if problem else 200)


def _matching(by: Actor, query: QueryDict) -> QuerySet[InboundEvent]:
    given = {
        name: values for name, values in given_filters(query).items() if name not in PLACES_IN_A_LIST and any(values)
    }
    return LETTER_FILTERS.apply(selectors.dead_letters(by), given, Question(by, clock.now()))


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """A plan for an act on the chosen letters, or on all that match; confirmed, the job that does it."""
    by = actor_of(request, "sync.replay")
    home = back_to(request, reverse("sync:dead-letters"))
    show = partial(plan_page, request, "sync/plan.html", home)
    if "plan" in request.POST:
        return confirmed(request, by, home, partial(_again, by), show)
    action = request.POST.get("do", "")
    try:
        plan = _planned(request, action, by) if action in LETTER_ACTS else None
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect(home)
    if plan is None or not (plan.items or plan.barred):
        messages.warning(request, _("Choose at least one dead letter and what to do with it."))
        return redirect(home)
    return show(plan)


def _planned(request: HttpRequest, action: str, by: Actor) -> JobPlan:
    given, now = request.POST, clock.now()
    if "job" in given:
        return letters.plan_rest(action=action, job=job_called(by, given["job"]), by=by, now=now)
    if "all" in given:
        found = _matching(by, QueryDict(given.get("query", "")))
        return letters.plan_found(action=action, found=found, by=by, now=now)
    numbers = [number for key in given.getlist("id") if (number := _number(key))]
    return letters.plan_chosen(action=action, numbers=numbers, by=by, now=now)


def _again(by: Actor, plan: JobPlan, now: datetime) -> JobPlan:
    numbers = [number for item in plan.items if (number := _number(item["key"]))]
    return letters.plan_chosen(action=action_of(plan.kind), numbers=numbers, by=by, now=now)


@login_required
@require_GET
def dead_letter(request: HttpRequest, key: str) -> HttpResponse:
    """One dead letter: cause, what breaks its contract, the payload without personal data."""
    by = actor_of(request, "sync.view_system")
    letter = _letter(by, key)
    preview = json.dumps(letter.preview, indent=2, ensure_ascii=False)
    context = {
        "letter": letter,
        "preview": preview,
        "runbooks": runbooks_for_kind(DEAD_LETTER_CASE, contract=letter.type),
        "can_replay": by.may("sync.replay"),
    }
    return render(request, "sync/dead_letter.html", context)


@login_required
@require_POST
def resolve(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Replay a dead letter, or discard it with a reason."""
    by = actor_of(request, "sync.replay")
    letter = _letter(by, key)
    reason = request.POST.get("reason", "")
    try:
        if action == "discard":
            services.discard(event_ids=[letter.pk], reason=reason, by=by, now=clock.now())
            messages.success(request, _("%(key)s is put away.") % {"key": letter.key})
        else:
            verdicts = services.replay(event_ids=[letter.pk], reason=reason, by=by, now=clock.now())
            messages.info(request, verdicts[letter.pk].words)
    except Invalid as invalid:
        messages.warning(request, in_words(invalid.message))
        return redirect("sync:dead-letter", key)
    return redirect("sync:dead-letters")


def _number(key: str) -> int:
    """The number in DL-12, 0 for what is no key."""
    return whole_number(key.upper().removeprefix(DEAD_LETTER_PREFIX)) or 0


def _letter(by: Actor, key: str) -> InboundEvent:
    letter = selectors.dead_letters(by).filter(number=_number(key)).first()
    if letter is None:
        raise NotFound(_("There is no such dead letter, it was replayed, or it is not yours to see."))
    return letter


@login_required
@require_http_methods(["GET", "POST"])
def sandbox(request: HttpRequest) -> HttpResponse:
    """In the demo: whether the sandbox's store places orders, and which failures the other systems play."""
    if not settings.DEMO:
        raise Http404
    actor_of(request, "sync.edit_system")
    url = f"{settings.SANDBOX_URL}/control"
    control: dict[str, Any] = {"rates": {}, "sells": False}
    try:
        with httpx2.Client(timeout=5, verify=certificates(), trust_env=False) as client:
            control = client.get(url).json()
            if request.method == "POST":
                wanted = {mode: float(request.POST.get(mode) or 0) / 100 for mode in MODES}
                rates = {mode: rate for mode, rate in wanted.items() if rate}
                answer = client.put(url, json={**control, "rates": rates, "sells": "sells" in request.POST})
                if answer.is_success:
                    messages.success(request, _("The sandbox systems now behave like this."))
                    return redirect("sync:sandbox")
                messages.warning(request, answer.json()["detail"])
    except (httpx2.HTTPError, ValueError):
        messages.warning(request, _("The sandbox cannot be reached, or a share is no number from 0 to 100."))
    modes = [(mode, words, round(control["rates"].get(mode, 0) * 100)) for mode, words in MODES.items()]
    return render(request, "sync/sandbox.html", {"modes": modes, "sells": control["sells"]})
