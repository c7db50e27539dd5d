"""Break-glass: a gate opened at once on one person's word, for hours at most; leads are called, and somebody else reviews it afterwards."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, Refused
from audit.services.events import record
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, said
from exceptions import subjects
from exceptions.errors import OwnRequest
from exceptions.models import Waiver
from exceptions.selectors.approvers import leads_and_admins, person_behind
from exceptions.services.timers import cancel_timer, set_timer
from exceptions.services.waiver_decisions import watch_its_end
from exceptions.services.waiver_ends import waivers_of
from exceptions.services.waiver_news import page_leads, tell_concerned, tell_subjects_of_begun
from exceptions.services.waiver_papers import REVIEW, a_comment, content_hash, gate_of, locked_waiver, whole_impact
from exceptions.services.waivers import an_owner, declared, others_about, refuse_invalid, revoke_waiver
from exceptions.states import ReviewVerdict, WaiverKind, WaiverState
from exceptions.subjects import Impact
from exceptions.timer_kinds import Due
from rules.rulebook import GateSpec

BREAK = "exceptions.break_glass"
REVIEW_WITHIN = timedelta(hours=24)
REMIND_AGAIN = timedelta(hours=24)
ROLLED_BACK = "Rolled back by"


def break_glass(
    *,
    gate: str,
    subject: SubjectRef,
    subject_key: str,
    client_id: UUID | None,
    reason: str,
    plan: str,
    minutes: int,
    confirm: str,
    case_id: UUID | None = None,
    also: Collection[UUID] = (),
    by: Actor,
    now: datetime,
) -> Waiver:
    """Open the gate at once for the subject, and for those that the exceptions `also` are about, without anybody else's word.

    `confirm` is the subject's key, typed again; of several it is how many they are. Leads and admins are called, the review by somebody
    else is due within 24 h, and it can be rolled back in one act. Raises `Refused` without the permission, for a program and where the
    gate has no emergency, `Invalid` naming every field, `NotFound` for what the actor does not see, `Conflict` where it is broken already.
    """
    spec = gate_of(gate)
    with acting(by, at=now, reason=reason.strip()):
        _refuse_unless_allowed(spec, by)
        person = person_behind(by.id)
        waiver = Waiver(
            kind=WaiverKind.EMERGENCY,
            gate=gate,
            subject_type=subject.type,
            subject_id=subject.id,
            subject_key=subject_key,
            client_id=client_id,
            case_id=case_id,
            reason=reason.strip(),
            plan=plan.strip(),
            owner=an_owner(person.slug if person else ""),
            requested_at=now,
            requested_by=by.id,
            requested_by_name=by.name,
            answer_by=now + timedelta(minutes=1),
            effective_minutes=minutes,
            review_due_at=now + REVIEW_WITHIN,
            **declared(spec, spec.break_glass_hours),
        )
        require(by, BREAK, waiver)
        refuse_invalid(waiver, spec.break_glass_hours, now)
        waiver.others = others_about(waiver, also, by)
        _refuse_unconfirmed(confirm, waiver)
        _open(waiver, by, now)
    return waiver


def _open(waiver: Waiver, by: Actor, now: datetime) -> None:
    if (subject := subjects.subject_for(waiver.subject_type)) is not None:
        subject.lock(sorted(waiver.subject_keys))
    _refuse_broken_already(waiver, now)
    impact = whole_impact(waiver)
    _refuse_needless(waiver, impact)
    waiver.base_hash = impact.base if impact else ""
    if waiver.others:
        waiver.scope = waiver.granted_scope = sorted(waiver.all_keys)
        waiver.passing, waiver.bases = sorted(waiver.subject_keys), dict(impact.bases) if impact else {}
    waiver.content_hash = content_hash(waiver)
    waiver.save()
    waiver.break_glass(starts_at=now, expires_at=now + timedelta(minutes=waiver.effective_minutes))
    waiver.save()
    facts: dict[str, Any] = {
        "gate": waiver.gate,
        "expires_at": waiver.expires_at,
        "review_due_at": waiver.review_due_at,
        **({"subjects": waiver.scope} if waiver.others else {}),
    }
    record("waiver.glass_broken", subject=waiver, minutes=waiver.effective_minutes, hash=waiver.content_hash, **facts)
    watch_its_end(waiver, waiver.effective_minutes)
    set_timer(subject=subject_ref(waiver), kind=REVIEW, due_at=now + REVIEW_WITHIN)
    words = said(
        "%(name)s broke the glass until %(end)s. Review it within 24 h, or roll it back.",
        name=by.name,
        end=at(now + timedelta(minutes=waiver.effective_minutes)),
    )
    page_leads(waiver, "waiver.glass_broken", words, now=now)
    tell_subjects_of_begun([waiver], by=by, now=now)


def roll_back(*, waiver_id: UUID, reason: str = "", by: Actor, now: datetime) -> str:
    """End it at once and call back what passed and has not left the house; what was done, in words.

    Who broke the glass may do that too. Raises `IllegalTransition` for what is no emergency or has left no trace to take back.
    """
    with locked_waiver(waiver_id, by, now, "exceptions.revoke_waiver") as waiver:
        if waiver.kind != WaiverKind.EMERGENCY:
            raise IllegalTransition(said("%(key)s was approved, not broken open; it can be revoked.", key=waiver.key))
        if waiver.end_reason.startswith(ROLLED_BACK):
            raise IllegalTransition(said("%(key)s was rolled back already.", key=waiver.key))
        why = f"{ROLLED_BACK} {by.name}" + (f": {reason.strip()}" if reason.strip() else ".")
        if waiver.state == WaiverState.APPROVED:
            revoke_waiver(waiver_id=waiver_id, reason=why, by=by, now=now)
        back = subjects.roll_back_for(waiver.subject_type)
        done = back(waiver, by=by, now=now) if back else "The gate is closed."
        record("waiver.rolled_back", subject=waiver, reason=reason.strip(), done=done)
        page_leads(waiver, "waiver.rolled_back", said("%(why)s %(done)s", why=why, done=done), now=now)
    return done


def review_emergency(*, waiver_id: UUID, verdict: str, comment: str, by: Actor, now: datetime) -> Waiver:
    """Say afterwards whether the emergency was one; never who broke the glass. Raises `OwnRequest`, `Invalid`, `IllegalTransition`."""
    with locked_waiver(waiver_id, by, now, "exceptions.decide_waiver") as waiver:
        refuse_unless_reviewable(waiver, by=by)
        if verdict not in ReviewVerdict.values:
            detail = said("Say whether it was justified.")
            raise Invalid(detail, errors=[FieldError("/verdict", "unknown", detail)])
        waiver.review_comment = a_comment(comment)
        waiver.reviewed_at, waiver.reviewed_by, waiver.reviewed_by_name = now, by.id, by.name
        waiver.review_verdict = verdict
        waiver.save()
        record("waiver.reviewed", subject=waiver, verdict=verdict, reason=comment)
        cancel_timer(subject=subject_ref(waiver), kind=REVIEW, now=now)
        label = said(str(ReviewVerdict(verdict).label))
        words = said("Reviewed by %(name)s: %(verdict)s. %(comment)s", name=by.name, verdict=label, comment=comment)
        tell_concerned(waiver, "waiver.reviewed", words, now)
    return waiver


def refuse_unless_reviewable(waiver: Waiver, *, by: Actor) -> None:
    """Why this person may not review it now, if so."""
    if waiver.kind != WaiverKind.EMERGENCY or waiver.reviewed_at is not None:
        raise IllegalTransition(
            said("%(key)s needs no review.", key=waiver.key), who=waiver.reviewed_by_name, at=waiver.reviewed_at
        )
    if by.kind == "integrator":
        raise Refused("A person has to review this; a program cannot.", permission="exceptions.decide_waiver")
    if waiver.requested_by == by.id:
        raise OwnRequest(
            "You broke the glass, so somebody else has to review it.", permission="exceptions.decide_waiver"
        )


def on_review_due(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody reviewed it in time: call the leads, and again every day until somebody does."""
    for waiver in waivers_of(timers).filter(kind=WaiverKind.EMERGENCY, reviewed_at=None):
        record("waiver.review_overdue", subject=waiver, due=waiver.review_due_at)
        words = said("Nobody has reviewed this break-glass yet. It is overdue.")
        page_leads(waiver, "waiver.review_overdue", words, now=now)
        set_timer(subject=subject_ref(waiver), kind=REVIEW, due_at=now + REMIND_AGAIN)


def _refuse_unless_allowed(spec: GateSpec, by: Actor) -> None:
    if by.kind == "integrator" or by.user_id is None:
        raise Refused("Only a person can break the glass.", permission=BREAK)
    if not spec.break_glass_hours:
        raise Refused(
            said("“%(name)s” cannot be opened in an emergency; ask for a time-limited exception.", name=spec.name)
        )
    if not [one for one in leads_and_admins() if one.user_id != by.user_id]:
        raise Refused("There is nobody else who could review it, so the glass stays whole.")


def _refuse_broken_already(waiver: Waiver, now: datetime) -> None:
    ids = set(waiver.subject_keys)
    broken = Waiver.objects.in_force(now).letting_through(waiver.subject_type, ids)
    about_these = broken.filter(kind=WaiverKind.EMERGENCY, gate=waiver.gate).order_by("pk")
    same = next((one for one in about_these if ids <= set(one.subject_keys)), None)
    if same is not None:
        text = said(
            "%(name)s has broken the glass for this already: %(key)s.", name=same.requested_by_name, key=same.key
        )
        raise Conflict(text, code="already-broken", who=same.requested_by_name, at=same.requested_at)


def _refuse_needless(waiver: Waiver, impact: Impact | None) -> None:
    if impact is not None and not impact.marginal:
        detail = said(
            "There is nothing to open: nothing of %(subject_key)s waits only for this gate now.",
            subject_key=", ".join(waiver.all_keys),
        )
        raise Invalid(detail, errors=[FieldError("/gate", "nothing-to-allow", detail)])


def _refuse_unconfirmed(confirm: str, waiver: Waiver) -> None:
    count = len(waiver.subject_keys)
    if confirm.strip() != (str(count) if waiver.others else waiver.subject_key):
        detail = (
            said("Type %(count)s, the number of orders, to confirm what you open the gate for.", count=count)
            if waiver.others
            else said("Type %(subject_key)s to confirm what you open the gate for.", subject_key=waiver.subject_key)
        )
        raise Invalid(detail, errors=[FieldError("/confirm", "different", detail)])
