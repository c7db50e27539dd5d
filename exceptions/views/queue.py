"""The queues, and acts on many of their rows."""

from dataclasses import fields
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from audit import clock
from audit.context import Actor
from audit.errors import DomainError, Invalid
from exceptions import selectors, services
from exceptions.selectors import QueueFilters, QueuePage
from exceptions.views.edge import actor_of, back_to
from rules import selectors as rules

MOST_AT_ONCE = 25


@login_required
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """What needs me, soonest first."""
    return _queue(request, "mine", _("My queue"))


@login_required
@require_GET
def team(request: HttpRequest) -> HttpResponse:
    """What needs anybody."""
    return _queue(request, "team", _("Team queues"))


@login_required
@require_GET
def unowned(request: HttpRequest) -> HttpResponse:
    """What has no owner who works."""
    return _queue(request, "unowned", _("Ownership gaps"))


def _queue(request: HttpRequest, scope: str, title: str) -> HttpResponse:
    by = actor_of(request, "exceptions.view_case")
    now = clock.now()
    filters = _filters(request, scope)
    problem = None
    try:
        page = selectors.queue_page(by=by, filters=filters, now=now)
    except Invalid as invalid:
        problem, page = invalid, QueuePage([], "", 0)
    context = {
        "title": title,
        "scope": scope,
        "filters": filters,
        "page": page,
        "problem": problem,
        "tabs": selectors.tabs(by=by, scope=scope, now=now),
        "choices": selectors.choices(by=by),
        "can_work": by.may("exceptions.work_case"),
        "query": _without_page(request),
    }
    return render(request, "exceptions/queue.html", context, status=400 if problem else 200)


def _filters(request: HttpRequest, scope: str) -> QueueFilters:
    names = {field.name for field in fields(QueueFilters)} - {"scope", "per"}
    given = {name: str(value).strip() for name, value in request.GET.items() if name in names}
    per = request.GET.get("per", "50")
    return QueueFilters(scope=scope, per=int(per) if per.isdigit() else 0, **given)


def _without_page(request: HttpRequest) -> str:
    kept = request.GET.copy()
    kept.pop("after", None)
    return kept.urlencode()


@login_required
@require_POST
def start_next(request: HttpRequest) -> HttpResponse:
    """Take the most urgent exception nobody has taken, and open it."""
    by = actor_of(request, "exceptions.work_case")
    now = clock.now()
    waiting = selectors.queue_page(by=by, filters=QueueFilters(scope="mine", state="open", per=25), now=now)
    for row in waiting.rows:
        try:
            case = services.acknowledge_case(case_id=row.id, by=by, now=now, seen=row.version)
        except DomainError:
            continue  # somebody was faster: the next one
        return redirect("exceptions:case", case.key)
    messages.info(request, _("Nothing in your queue waits to be taken."))
    return redirect("exceptions:queue")


@login_required
@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """A plan for an act on the chosen rows; confirmed, the act on exactly those, each by itself."""
    by = actor_of(request, "exceptions.work_case")
    action = request.POST.get("do", "")
    keys = request.POST.getlist("id")[: MOST_AT_ONCE + 1]
    home = back_to(request, "/queue/")
    if not keys or action not in {"acknowledge", "reassign", "note"}:
        messages.warning(request, _("Choose at least one exception and what to do with it."))
        return redirect(home)
    if len(keys) > MOST_AT_ONCE:
        messages.warning(request, _("At most %(most)d at once; choose fewer.") % {"most": MOST_AT_ONCE})
        return redirect(home)
    cases = [selectors.case_for(by, key) for key in keys]
    if "confirm" not in request.POST:
        rows = selectors.rows_of(cases, by=by)
        owners = rules.roster(clock.now()).owners.values()
        people = sorted((owner for owner in owners if owner.is_active), key=lambda owner: owner.name)
        return render(request, "exceptions/plan.html", {"rows": rows, "action": action, "home": home, "owners": people})
    seen = {
        key: int(version) for key, version in zip(keys, request.POST.getlist("seen"), strict=False) if version.isdigit()
    }
    done, skipped = [], []
    for case in cases:
        try:
            _act(action, case.pk, request, by, seen.get(case.key))
            done.append(case.key)
        except DomainError as refused:
            skipped.append(f"{case.key}: {refused.message}")
    if done:
        messages.success(
            request, ngettext("%(n)d exception done.", "%(n)d exceptions done.", len(done)) % {"n": len(done)}
        )
    for sentence in skipped:
        messages.warning(request, sentence)
    return redirect(home)


def _act(action: str, case_id: UUID, request: HttpRequest, by: Actor, seen: int | None) -> None:
    now = clock.now()
    if action == "acknowledge":
        services.acknowledge_case(case_id=case_id, by=by, now=now, seen=seen)
    elif action == "reassign":
        reason = request.POST.get("reason", "")
        services.reassign_case(case_id=case_id, to=request.POST.get("to", ""), reason=reason, by=by, now=now, seen=seen)
    else:
        services.note_case(case_id=case_id, text=request.POST.get("text", ""), by=by, now=now)
