"""Time-limited exceptions: asked for, decided about, looked up."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit import clock
from audit.context import Actor
from audit.edge import actor_of, explain
from audit.errors import Conflict, DomainError, Invalid, Refused
from audit.subject_refs import SubjectRef
from audit.words import at, in_words, said
from exceptions import selectors, services
from exceptions.forms import CommentForm
from exceptions.forms.waiver_changes import EditForm, ExtendForm
from exceptions.forms.waivers import AnswerForm, DecisionForm, ReviewForm, WaiverForm
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors.asking import chosen_together, could_join
from exceptions.selectors.precedents import changes_of, heads_up_of, precedents_of
from exceptions.selectors.previews import AskedOf, asked_of
from exceptions.selectors.waiver_files import evidence_files, files_to_choose
from exceptions.selectors.waiver_uses import uses_of
from exceptions.selectors.watching import watchers_of
from exceptions.states import WAIVER_ASKED, WaiverKind, WaiverState
from exceptions.subjects import Impact
from rules import selectors as rules
from rules.models import Owner

HOURS = {"minutes": "hours"}  # the domain counts minutes, people say hours


@login_required
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a time-limited exception about what an exception is about."""
    by = actor_of(request, "exceptions.request_waiver")
    case = selectors.case_for(by, request.GET.get("for", ""))
    together = chosen_together(case, keys=request.GET.getlist("also"), by=by)
    also = together.also
    previews = selectors.gate_previews(case, also=also, by=by, now=clock.now())
    # What there is something to allow about comes first.
    gates = sorted(previews, key=lambda one: one.impact is not None and not one.impact.marginal)
    choices = [
        (f"{one.gate.slug}:{item.key}", f"{one.gate.name}: {item.words}")
        for one in gates
        for item in (one.impact.marginal if one.impact and not also else ())
    ]
    given, files = (request.POST or None, request.FILES or None), files_to_choose(case)
    form = WaiverForm(*given, case=case, user_id=by.user_id, choices=choices, files=files)
    conflict: Conflict | None = None
    draft: Waiver | None = None
    looks = "preview" in request.POST
    if request.method == "POST" and form.is_valid():
        try:
            draft = _request(case, form, also, by, is_draft=looks)
        except Refused:
            raise
        except Conflict as faster:
            conflict = faster
        except DomainError as refused:
            explain(form, refused, renamed=HOURS)
    if draft is not None and not looks:
        messages.success(request, _("%(key)s is asked for; it lapses if nobody decides in time.") % {"key": draft.key})
        return redirect("exceptions:waiver", draft.key)
    context = {
        "draft": draft,
        "evidence": [file for file in files if draft and file.number in draft.evidence],
        "asked_of": _asked_of(draft, gates),
        "case": case,
        "together": together,
        "also": also,
        "form": form,
        "conflict": conflict,
        "gates": gates,
        "can_break": by.may("exceptions.break_glass", case.client_id),
    }
    if looks and request.headers.get("HX-Request"):
        return render(request, "exceptions/_ask_preview.html", context)
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, "exceptions/waiver_ask.html", context, status=status)


def _asked_of(draft: Waiver | None, gates: Sequence[selectors.GatePreview]) -> AskedOf | None:
    spec = next((one.gate for one in gates if draft is not None and one.gate.slug == draft.gate), None)
    return None if draft is None or spec is None else asked_of(draft, spec, now=clock.now())


def _request(
    case: ExceptionCase, form: WaiverForm, also: Sequence[ExceptionCase], by: Actor, *, is_draft: bool
) -> Waiver:
    given, now = form.cleaned_data, clock.now()
    return services.request_waiver(
        gate=given["gate"].slug,
        subject=SubjectRef(case.subject_type, case.subject_id, case.client_id),
        subject_key=case.subject_key,
        client_id=case.client_id,
        case_id=case.pk,
        reason=given["reason"],
        plan=given["plan"],
        owner=given["owner"].slug,
        answer_by=given["answer_by"],
        scope=form.chosen_scope(),
        also=[one.pk for one in also],
        reason_code=given["reason_code"],
        plan_url=given["plan_url"],
        evidence=given.get("evidence", ()),
        file=services.NewFile(*file) if (file := form.new_file()) else None,
        is_draft=is_draft,
        by=by,
        now=now,
        **form.window(now=now),
    )


@login_required
@require_http_methods(["GET", "POST"])
def waiver(request: HttpRequest, key: str) -> HttpResponse:
    """A time-limited exception: what it lets through, what happens, and the decision."""
    by = actor_of(request, "exceptions.view_case")
    found = selectors.waiver_for(by, key)
    impact = services.impact_now(found)
    seen = {
        "seen_hash": found.content_hash,
        "seen_base": impact.base if impact else "",
        "seen_passing": str(len(impact.marginal)) if impact else "",
    }
    form = DecisionForm(request.POST or None, initial=seen, marginal=impact.marginal if impact else ())
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            done = _decide(found, form, by)
        except Refused:
            raise
        except Invalid as invalid:
            explain(form, invalid, renamed=HOURS)
        except DomainError as refused:
            conflict = refused
            found.refresh_from_db()
            form.look_again(**(seen | {"seen_hash": found.content_hash}))
        else:
            messages.success(request, in_words(_said(done)))
            return redirect("exceptions:waiver", key)
    return _waiver_page(request, found, form, by, conflict, impact)


def _said(done: Waiver) -> str:
    """What the decision did, from when until when, and who heard of it."""
    if done.state == WaiverState.REQUESTED:
        return said("%(key)s: your approval counts; it opens when everybody who has to has approved.", key=done.key)
    label = said(WaiverState(done.state).label)
    if done.starts_at is None or done.expires_at is None:
        return said("%(key)s: %(label)s. Who asked and who owns it are told.", key=done.key, label=label)
    return said(
        "%(key)s: %(label)s. It holds from %(start)s until %(end)s. Who asked and who owns it are told.",
        key=done.key,
        label=label,
        start=at(done.starts_at),
        end=at(done.expires_at),
    )


def _decide(found: Waiver, form: DecisionForm, by: Actor) -> Waiver:
    given = form.cleaned_data
    if given["decision"] == "deny":
        return services.reject_waiver(
            waiver_id=found.pk, comment=given["comment"], by=by, now=clock.now(), seen_hash=given["seen_hash"]
        )
    if given["decision"] == "ask":
        return services.ask_for_more(
            waiver_id=found.pk, question=given["comment"], by=by, now=clock.now(), seen_hash=given["seen_hash"]
        )
    minutes = given["hours"] * 60 if given["hours"] else None
    return services.approve_waiver(
        waiver_id=found.pk,
        by=by,
        now=clock.now(),
        seen_hash=given["seen_hash"],
        seen_base=given["seen_base"],
        seen_passing=given["seen_passing"],
        minutes=minutes,
        scope=form.chosen_scope(),
        comment=given["comment"],
    )


def _waiver_page(
    request: HttpRequest,
    found: Waiver,
    form: DecisionForm,
    by: Actor,
    conflict: DomainError | None,
    impact: Impact | None,
    answered: AnswerForm | None = None,
) -> HttpResponse:
    now = clock.now()
    book = rules.active_book()
    spec = book.gate(found.gate)
    why_not, behalf = _why_not(found, by, now)
    asked = found.state == WaiverState.REQUESTED
    may_ask = by.may("exceptions.request_waiver", found.client_id)
    votes = list(found.votes.filter(content_hash=found.content_hash).order_by("at", "pk"))
    context = {
        "emergency": selectors.live_emergency(
            SubjectRef(found.subject_type, found.subject_id, found.client_id), now=now
        ),
        "held_back": selectors.held_back_by(found) if found.kind == WaiverKind.EMERGENCY else 0,
        "waiver": found,
        "gate": spec,
        "gate_owner": selectors.gate_owner(spec, book),
        "form": form,
        "why_not": why_not,
        "behalf": behalf,
        "conflict": conflict,
        "impact": impact,
        "left_out": sorted(set(found.scope) - set(found.granted_scope)) if found.starts_at and found.others else (),
        "now": now,
        "precedents": precedents_of([found.gate], by=by, now=now, but=found)[found.gate],
        "changes": changes_of(found) if asked else (),
        "heads_up": heads_up_of(found) if found.is_in_force(now) else None,
        "window": services.window_if_approved(found, now=now),
        "in_force": found.is_in_force(now),
        "state_label": WaiverState(found.state).label,
        "votes": votes,
        "is_last_vote": len(votes) + 1 >= found.approvals_needed + found.client_agrees,
        "approvers": selectors.approvers_of(found, spec=spec, now=now) if asked else (),
        "questions": found.client_approvals.order_by("-sent_at"),
        "can_ask_client": asked and may_ask and found.client_id is not None,
        "can_extend": found.is_in_force(now) and found.kind == WaiverKind.ASKED and may_ask,
        "can_withdraw": found.state in WAIVER_ASKED and found.requested_by == by.id,
        "answer_form": answered or _answer_form(found, by),
        "review_form": _review_form(found, by),
        **_record(found, by, now),
    }
    status = 409 if conflict else 422 if form.errors or answered else 200
    return render(request, "exceptions/waiver.html", context, status=status)


def _record(found: Waiver, by: Actor, now: datetime) -> dict[str, Any]:
    """What it has let through, who watches it, and who may end it."""
    watchers = [one.owner for one in watchers_of(found)]
    may_revoke = by.may("exceptions.revoke_waiver", found.client_id)
    return {
        "can_roll_back": found.kind == WaiverKind.EMERGENCY and may_revoke,
        "uses": uses_of(found) if found.starts_at else None,
        "evidence": evidence_files(found),
        "watchers": watchers,
        "is_watching": any(one.user_id == by.user_id for one in watchers),
        "can_watch": bool(by.owners),
        "can_shorten": _may_still_hold(found, now) and services.may_shorten(found, by=by),
        "can_revoke": _may_still_hold(found, now) and may_revoke,
    }


def _answer_form(found: Waiver, by: Actor) -> AnswerForm | None:
    return AnswerForm() if found.state == WaiverState.RETURNED and found.requested_by == by.id else None


@login_required
@require_POST
def answer(request: HttpRequest, key: str) -> HttpResponse:
    """Answer what an approver wants to know about one's own request."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    form = AnswerForm(request.POST)
    if form.is_valid():
        services.answer_question(waiver_id=found.pk, **form.cleaned_data, by=by, now=clock.now())
        messages.success(request, _("Your answer is there; the time to decide goes on."))
        return redirect("exceptions:waiver", key)
    seen = DecisionForm(initial={"seen_hash": found.content_hash})
    return _waiver_page(request, found, seen, by, None, services.impact_now(found), form)


def _why_not(found: Waiver, by: Actor, now: datetime) -> tuple[str, Owner | None]:
    """Why this person may not decide, or in whose place they do."""
    try:
        return "", services.refuse_unless_decidable(found, by=by, now=now).behalf
    except DomainError as refused:
        return refused.message, None


def _review_form(found: Waiver, by: Actor) -> ReviewForm | None:
    try:
        services.refuse_unless_reviewable(found, by=by)
    except DomainError:
        return None
    return ReviewForm() if by.may("exceptions.decide_waiver", found.client_id) else None


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
    if action == "revoke":
        context |= {"uses": uses_of(found), "follows": found.extensions.filter(state=WaiverState.APPROVED)}
    return render(
        request, "exceptions/waiver_end.html", context, status=409 if conflict else 422 if form.errors else 200
    )


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change one's own request; approvals of what it was are void."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    initial = {
        "hours": found.effective_minutes // 60,
        "reason": found.reason,
        "plan": found.plan,
        "plan_url": found.plan_url,
        "reason_code": found.reason_code,
        "evidence": found.evidence,
        "seen_hash": found.content_hash,
    }
    case = found.case if found.extends is None else None
    offered = could_join(case, keys=(), by=by) if case is not None and case.client_id is not None else ()
    files = files_to_choose(found.case)
    form = EditForm(request.POST or None, initial=initial, waiver=found, offered=offered, files=files)
    seen = request.POST.get("seen_hash") or None
    act = partial(services.edit_waiver, waiver_id=found.pk, by=by, now=clock.now(), seen_hash=seen)
    return _ask_again(request, found, form, act, _("%(key)s is changed."), "exceptions/waiver_edit.html")


@login_required
@require_http_methods(["GET", "POST"])
def extend(request: HttpRequest, key: str) -> HttpResponse:
    """Ask that what is in force holds for longer."""
    by = actor_of(request, "exceptions.request_waiver")
    found = selectors.waiver_for(by, key)
    form = ExtendForm(request.POST or None, initial={"plan": found.plan})
    act = partial(services.extend_waiver, waiver_id=found.pk, by=by, now=clock.now())
    done = _("%(key)s is asked for; it lapses if nobody decides in time.")
    return _ask_again(request, found, form, act, done, "exceptions/waiver_extend.html")


def _ask_again(
    request: HttpRequest,
    found: Waiver,
    form: EditForm | ExtendForm,
    act: Callable[..., Waiver],
    done: str,
    template: str,
) -> HttpResponse:
    conflict: DomainError | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            asked = act(reason=given["reason"], plan=given["plan"], minutes=given["hours"] * 60, **form.more())
        except Refused:
            raise
        except Invalid as invalid:
            explain(form, invalid, renamed=HOURS)
        except DomainError as refused:
            conflict = refused
            if isinstance(form, EditForm):
                form.look_again(seen_hash=found.content_hash)
        else:
            messages.success(request, done % {"key": asked.key})
            return redirect("exceptions:waiver", asked.key)
    status = 409 if conflict else 422 if form.errors else 200
    return render(request, template, {"waiver": found, "form": form, "conflict": conflict}, status=status)
