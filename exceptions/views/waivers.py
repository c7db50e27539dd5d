"""Time-limited exceptions: asked for, decided about, looked up."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from audit import clock
from audit.context import Actor
from audit.errors import DomainError, Invalid, NotFound, Refused
from audit.subject_refs import SubjectRef
from exceptions import selectors, services
from exceptions.forms import CommentForm, DecisionForm, ExtendForm, WaiverForm
from exceptions.models import ExceptionCase, Waiver
from exceptions.states import WaiverState
from exceptions.views.edge import actor_of
from rules import selectors as rules

TABS = {"waiting": "Waiting for a decision", "live": "Live now", "all": "Decided"}


@login_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a time-limited exception about what an exception is about."""
    by = actor_of(request, "exceptions.request_waiver")
    case = selectors.case_for(by, request.GET.get("for", ""))
    form = WaiverForm(request.POST or None, case=case, user_id=by.user_id)
    if request.method == "POST" and form.is_valid():
        try:
            waiver = _request(case, form, by)
        except Refused:
            raise
        except DomainError as refused:
            _add_errors(form, refused)
        else:
            messages.success(
                request, _("%(key)s is asked for; it lapses if nobody decides in time.") % {"key": waiver.key}
            )
            return redirect("exceptions:waiver", waiver.key)
    return render(
        request, "exceptions/waiver_ask.html", {"case": case, "form": form}, status=422 if form.errors else 200
    )


def _request(case: ExceptionCase, form: WaiverForm, by: Actor) -> Waiver:
    given = form.cleaned_data
    return services.request_waiver(
        gate=given["gate"].slug,
        subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
        subject_key=case.subject_key,
        client_id=case.client_id,
        case_id=case.pk,
        reason=given["reason"],
        plan=given["plan"],
        minutes=given["hours"] * 60,
        owner=given["owner"].slug,
        by=by,
        now=clock.now(),
    )


@login_required
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, what is live, what was decided."""
    by = actor_of(request, "exceptions.view_case")
    tab = request.GET.get("tab", "waiting")
    if tab not in TABS:
        raise NotFound(_("There is no such list."))
    now = clock.now()
    book = rules.active_book()
    waivers = [
        (waiver, book.gate(waiver.gate).name, waiver.requested_by == by.id)
        for waiver in selectors.approvals(by=by, tab=tab, now=now)
    ]
    return render(request, "exceptions/approvals.html", {"waivers": waivers, "tab": tab, "tabs": TABS, "now": now})


@login_required
@require_http_methods(["GET", "POST"])
def waiver(request: HttpRequest, key: str) -> HttpResponse:
    """A time-limited exception: what it lets through, what happens, and the decision."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    form = DecisionForm(request.POST or None, initial={"seen_hash": found.content_hash})
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            done = _decide(found, form, by)
        except Refused:
            raise
        except Invalid as invalid:
            _add_errors(form, invalid)
        except DomainError as refused:
            conflict = refused
            found.refresh_from_db()
        else:
            messages.success(request, f"{done.key}: {WaiverState(done.state).label}.")
            return redirect("exceptions:waiver", key)
    return _waiver_page(request, found, form, by, conflict)


def _decide(found: Waiver, form: DecisionForm, by: Actor) -> Waiver:
    given = form.cleaned_data
    if given["decision"] == "deny":
        return services.reject_waiver(
            waiver_id=found.pk, comment=given["comment"], by=by, now=clock.now(), seen_hash=given["seen_hash"]
        )
    minutes = given["hours"] * 60 if given["hours"] else None
    return services.approve_waiver(
        waiver_id=found.pk,
        by=by,
        now=clock.now(),
        seen_hash=given["seen_hash"],
        minutes=minutes,
        comment=given["comment"],
    )


def _waiver_page(
    request: HttpRequest, found: Waiver, form: DecisionForm, by: Actor, conflict: DomainError | None
) -> HttpResponse:
    now = clock.now()
    why_not = ""
    try:
        services.refuse_unless_decidable(found, by=by, now=now)
        if not by.may("exceptions.decide_waiver", found.client_id):
            why_not = _("You may read this, not decide about it.")
    except DomainError as refused:
        why_not = refused.message
    gate = rules.active_book().gate(found.gate)
    context = {
        "waiver": found,
        "gate": gate,
        "form": form,
        "why_not": why_not,
        "conflict": conflict,
        "in_force": found.is_in_force(now),
        "state_label": WaiverState(found.state).label,
        "can_revoke": _may_still_hold(found, now) and by.may("exceptions.revoke_waiver", found.client_id),
        "can_extend": found.is_in_force(now) and by.may("exceptions.request_waiver", found.client_id),
        "can_withdraw": found.state == WaiverState.REQUESTED and found.requested_by == by.id,
    }
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "exceptions/waiver.html", context, status=status)


def _may_still_hold(waiver: Waiver, now: datetime) -> bool:
    """Whether it is in force, or will be without anybody doing anything."""
    return waiver.state == WaiverState.APPROVED and waiver.expires_at is not None and now < waiver.expires_at


@login_required
@require_http_methods(["GET", "POST"])
def end(request: HttpRequest, key: str, action: str) -> HttpResponse:
    """Revoke what is in force, or withdraw what was asked."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    form = CommentForm(request.POST or None)
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        run: Any = services.revoke_waiver if action == "revoke" else services.withdraw_waiver
        try:
            run(waiver_id=found.pk, reason=form.cleaned_data["comment"], by=by, now=clock.now())
        except Refused:
            raise
        except DomainError as refused:
            conflict = refused
        else:
            messages.success(request, _("%(key)s has ended.") % {"key": found.key})
            return redirect("exceptions:waiver", key)
    context = {"waiver": found, "form": form, "action": action, "conflict": conflict}
    return render(
        request, "exceptions/waiver_end.html", context, status=409 if conflict else 422 if form.errors else 200
    )


def _add_errors(form: Any, refused: DomainError) -> None:
    errors = refused.errors if isinstance(refused, Invalid) else ()
    for error in errors:
        name = {"minutes": "hours"}.get(error.pointer.strip("/"), error.pointer.strip("/"))
        form.add_error(name if name in form.fields else None, error.detail)
    if not errors:
        form.add_error(None, refused.message)


@login_required
@require_http_methods(["GET", "POST"])
def extend(request: HttpRequest, key: str) -> HttpResponse:
    """Ask that what is in force holds for longer."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    form = ExtendForm(request.POST or None, initial={"plan": found.plan})
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            asked = services.extend_waiver(
                waiver_id=found.pk,
                minutes=given["hours"] * 60,
                reason=given["reason"],
                plan=given["plan"],
                by=by,
                now=clock.now(),
            )
        except Refused:
            raise
        except Invalid as invalid:
            _add_errors(form, invalid)
        except DomainError as refused:
            conflict = refused
        else:
            messages.success(
                request, _("%(key)s is asked for; it lapses if nobody decides in time.") % {"key": asked.key}
            )
            return redirect("exceptions:waiver", asked.key)
    status = 409 if conflict else 422 if form.errors else 200
    context = {"waiver": found, "form": form, "conflict": conflict}
    return render(request, "exceptions/waiver_extend.html", context, status=status)
