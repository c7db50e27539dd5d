"""Time-limited exceptions: asked for by one person, decided by another, in force by the clock alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit.access import require
from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound, Refused
from audit.services.events import record
from audit.subject_refs import SubjectRef, subject_ref
from exceptions import subjects
from exceptions.errors import OwnRequest, WaiverChanged
from exceptions.models import Waiver
from exceptions.services.timers import TimerSetting, cancel_timers, set_timer, set_timers
from exceptions.services.waiver_news import (
    tell_approvers,
    tell_concerned,
    tell_subjects_of_begun,
    tell_subjects_of_ended,
)
from exceptions.states import WaiverState
from rules import selectors as rules
from rules.models import ApiToken, Owner
from rules.rulebook import GateSpec

LAPSE, EXPIRE, HEADS_UP = "waiver.lapse", "waiver.expire", "waiver.heads_up"
LONGEST_ANSWER = timedelta(hours=24)
LONGEST_ANSWER_MINUTES = 24 * 60
SHORTEST_REASON = 20
HEADS_UP_BEFORE = timedelta(hours=4)


def request_waiver(
    *,
    gate: str,
    subject: SubjectRef,
    subject_key: str,
    client_id: UUID | None,
    reason: str,
    plan: str,
    minutes: int,
    owner: str,
    answer_by: datetime | None = None,
    case_id: UUID | None = None,
    extends: Waiver | None = None,
    by: Actor,
    now: datetime,
) -> Waiver:
    """Ask that `gate` lets the subject pass for `minutes` after an approval, or after the end of what it `extends`.

    Raises `Invalid` naming every field that is wrong, `Refused` without the permission, `Conflict` when the same is asked already.
    """
    spec = _gate(gate)
    with acting(by, at=now):
        draft = Waiver(
            gate=gate,
            subject_type=subject.type,
            subject_id=subject.id,
            subject_key=subject_key,
            client_id=client_id,
            case_id=case_id,
            extends=extends,
            reason=reason.strip(),
            plan=plan.strip(),
            owner=_owner(owner),
            requested_at=now,
            requested_by=by.id,
            requested_by_name=by.name,
            answer_by=answer_by or now + timedelta(minutes=min(max(minutes, 1), LONGEST_ANSWER_MINUTES)),
            effective_minutes=minutes,
        )
        require(by, "exceptions.request_waiver", draft)
        _refuse_invalid(draft, spec, now)
        _refuse_repeated(draft)
        draft.content_hash = content_hash(draft)
        draft.save()
        facts: dict[str, Any] = {"gate": gate, "answer_by": draft.answer_by, "hash": draft.content_hash}
        facts |= {"extends": extends.key} if extends else {}
        record("waiver.requested", subject=draft, minutes=minutes, **facts)
        set_timer(subject=subject_ref(draft), kind=LAPSE, due_at=draft.answer_by)
        tell_approvers(draft, role=spec.approver_role, now=now)
    return draft


def extend_waiver(*, waiver_id: UUID, minutes: int, reason: str, plan: str = "", by: Actor, now: datetime) -> Waiver:
    """Ask that what is in force holds for `minutes` longer, counted from its end: a request of its own, which somebody else decides about.

    Nothing is longer in force until then. Raises `IllegalTransition` for what is not in force, `Conflict` for what is extended already or
    is being asked for, and what `request_waiver` raises.
    """
    with _locked(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        if not waiver.is_in_force(now):
            raise IllegalTransition(f"{waiver.key} is not in force, so it cannot be extended. Ask for a new one.")
        later = waiver.extensions.filter(state=WaiverState.APPROVED).first()
        if later is not None:
            raise Conflict(f"{waiver.key} is already extended, by {later.key}.", code="already-extended")
        return request_waiver(
            gate=waiver.gate,
            subject=SubjectRef(waiver.subject_type, waiver.subject_id, waiver.client_id),
            subject_key=waiver.subject_key,
            client_id=waiver.client_id,
            reason=reason,
            plan=plan.strip() or waiver.plan,
            minutes=minutes,
            owner=waiver.owner.slug,
            answer_by=min(waiver.expires_at or now, now + LONGEST_ANSWER),
            case_id=waiver.case_id,
            extends=waiver,
            by=by,
            now=now,
        )


def edit_waiver(*, waiver_id: UUID, reason: str, plan: str, minutes: int, by: Actor, now: datetime) -> Waiver:
    """Change what was asked: a new content version, which is what has to be decided about. No change changes nothing."""
    with _locked(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        _refuse_unless(waiver, WaiverState.REQUESTED, act="changed")
        if waiver.requested_by != by.id:
            raise Refused("Only who asked may change the request.")
        waiver.reason, waiver.plan, waiver.effective_minutes = reason.strip(), plan.strip(), minutes
        _refuse_invalid(waiver, _gate(waiver.gate), now)
        if content_hash(waiver) != waiver.content_hash:
            waiver.content_version += 1
            waiver.content_hash = content_hash(waiver)
            waiver.save()
            record(
                "waiver.edited",
                subject=waiver,
                changes={},
                content_version=waiver.content_version,
                hash=waiver.content_hash,
            )
    return waiver


def approve_waiver(
    *,
    waiver_id: UUID,
    by: Actor,
    now: datetime,
    seen_hash: str | None = None,
    minutes: int | None = None,
    comment: str = "",
) -> Waiver:
    """Let the subject pass from now on, or from the end of what this extends, for as long as was asked or for fewer `minutes`.

    Raises `OwnRequest` for the requester and the owner, `WaiverChanged` when `seen_hash` is not what would be approved, `Refused` for
    somebody who is no approver of the gate, `IllegalTransition` when it is decided or lapsed.
    """
    with _deciding(waiver_id, by, now, seen_hash) as waiver:
        granted = waiver.effective_minutes if minutes is None else minutes
        if not 1 <= granted <= waiver.effective_minutes:
            detail = f"You may shorten it, not extend it: between 1 and {waiver.effective_minutes} minutes."
            raise Invalid(detail, errors=[FieldError("/minutes", "out-of-range", detail)])
        waiver.comment = comment.strip()
        starts = _start_of(waiver, now)
        ends = starts + timedelta(minutes=granted)
        waiver.approve(by=by.id, name=by.name, at=now, starts_at=starts, expires_at=ends)
        waiver.save()
        record("waiver.approved", subject=waiver, starts_at=starts, expires_at=ends, hash=waiver.content_hash)
        ref = subject_ref(waiver)
        cancel_timers(timers=[(ref, LAPSE)], now=now)
        warn = ends - min(HEADS_UP_BEFORE, timedelta(minutes=granted) / 5)
        set_timers(settings=[TimerSetting(ref, EXPIRE, ends), TimerSetting(ref, HEADS_UP, warn)])
        tell_concerned(waiver, "waiver.approved", f"Approved by {by.name} until {ends:%a %d %b %H:%M} UTC.", now)
        if waiver.is_in_force(now):
            tell_subjects_of_begun([waiver], by=by, now=now)
    return waiver


def reject_waiver(*, waiver_id: UUID, comment: str, by: Actor, now: datetime, seen_hash: str | None = None) -> Waiver:
    """Say no, and why; the requester reads it."""
    with _deciding(waiver_id, by, now, seen_hash) as waiver:
        waiver.reject(by=by.id, name=by.name, at=now, comment=_comment(comment))
        waiver.save()
        record("waiver.rejected", subject=waiver, reason=comment)
        cancel_timers(timers=[(subject_ref(waiver), LAPSE)], now=now)
        tell_concerned(waiver, "waiver.rejected", f"Denied by {by.name}: {comment}", now)
    return waiver


def withdraw_waiver(*, waiver_id: UUID, reason: str, by: Actor, now: datetime) -> Waiver:
    """Take the request back; only who asked may."""
    with _locked(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        _refuse_unless(waiver, WaiverState.REQUESTED, act="withdrawn")
        if waiver.requested_by != by.id:
            raise Refused("Only who asked may withdraw the request.")
        waiver.withdraw(at=now, reason=_comment(reason))
        waiver.save()
        record("waiver.withdrawn", subject=waiver, reason=reason)
        cancel_timers(timers=[(subject_ref(waiver), LAPSE)], now=now)
    return waiver


def revoke_waiver(*, waiver_id: UUID, reason: str, by: Actor, now: datetime) -> Waiver:
    """End it before its time; the gate is closed from this moment."""
    with _locked(waiver_id, by, now, "exceptions.revoke_waiver") as waiver:
        _refuse_unless(waiver, WaiverState.APPROVED, act="revoked")
        waiver.revoke(at=now, reason=_comment(reason))
        waiver.save()
        record("waiver.revoked", subject=waiver, reason=reason)
        cancel_timers(timers=[(subject_ref(waiver), EXPIRE), (subject_ref(waiver), HEADS_UP)], now=now)
        tell_concerned(waiver, "waiver.revoked", f"Revoked by {by.name}: {reason}", now)
        _revoke_what_would_follow(waiver, by, now)
        tell_subjects_of_ended([waiver], by=by, now=now)
    return waiver


def _revoke_what_would_follow(waiver: Waiver, by: Actor, now: datetime) -> None:
    """An approved extension that has not begun ends with what it extends."""
    later = waiver.extensions.filter(state=WaiverState.APPROVED, starts_at__gt=now)
    for extension in later.select_for_update(of=("self",)).order_by("pk"):
        reason = f"{waiver.key}, which it extends, was revoked."
        extension.revoke(at=now, reason=reason)
        extension.save()
        record("waiver.revoked", subject=extension, reason=reason)
        cancel_timers(timers=[(subject_ref(extension), EXPIRE), (subject_ref(extension), HEADS_UP)], now=now)
        tell_concerned(extension, "waiver.revoked", f"Revoked by {by.name}: {reason}", now)


def _start_of(waiver: Waiver, now: datetime) -> datetime:
    """From when it holds once approved: now, or where what it extends ends. Raises `IllegalTransition` when that was revoked."""
    base = waiver.extends
    if base is None:
        return now
    if base.state == WaiverState.REVOKED:
        raise IllegalTransition(f"{base.key}, which it extends, was revoked. It has to be asked for anew.")
    return base.expires_at if base.expires_at and base.is_in_force(now) else now


def content_hash(waiver: Waiver) -> str:
    """What an approval binds to: everything the approver reads."""
    return sha256_hex(
        canonical_json(
            {
                "gate": waiver.gate,
                "subject": [waiver.subject_type, waiver.subject_id],
                "reason": waiver.reason,
                "plan": waiver.plan,
                "owner": waiver.owner_id,
                "minutes": waiver.effective_minutes,
                "version": waiver.content_version,
                **({"extends": str(waiver.extends_id)} if waiver.extends_id else {}),
            }
        )
    )


@contextmanager
def _locked(waiver_id: UUID, by: Actor, now: datetime, permission: str) -> Iterator[Waiver]:
    """The waiver after its subject: locks go from the top app down. Raises `NotFound` or `Refused`."""
    with acting(by, at=now):
        found = Waiver.objects.filter(pk=waiver_id).first()
        if found is None:
            raise NotFound("There is no such time-limited exception, or it is not yours to see.")
        require(by, permission, found)
        if (subject := subjects.subject_for(found.subject_type)) is not None:
            subject.lock([found.subject_id])
        both = [pk for pk in (found.extends_id, waiver_id) if pk is not None]
        locked = Waiver.objects.select_for_update().filter(pk__in=both).order_by("pk")
        yield next(waiver for waiver in locked if waiver.pk == waiver_id)


@contextmanager
def _deciding(waiver_id: UUID, by: Actor, now: datetime, seen_hash: str | None) -> Iterator[Waiver]:
    with _locked(waiver_id, by, now, "exceptions.decide_waiver") as waiver:
        refuse_unless_decidable(waiver, by=by, now=now)
        if seen_hash is not None and seen_hash != waiver.content_hash:
            raise WaiverChanged(
                f"What you saw has changed: {waiver.key} is now version {waiver.content_version}. Read it again."
            )
        yield waiver


def refuse_unless_decidable(waiver: Waiver, *, by: Actor, now: datetime) -> None:
    """Why this person may not decide about it now, if so: `IllegalTransition`, `OwnRequest` or `Refused`."""
    _refuse_unless(waiver, WaiverState.REQUESTED, act="decided")
    if waiver.answer_by <= now:
        raise IllegalTransition(
            f"{waiver.key} lapsed at {waiver.answer_by:%d %b %H:%M} UTC; it has to be asked for again."
        )
    if by.kind == "integrator":
        raise Refused("A person has to decide about this; a program cannot.", permission="exceptions.decide_waiver")
    if _asked_by(waiver, by):
        raise OwnRequest("You asked for this, so somebody else has to decide.", permission="exceptions.decide_waiver")
    if waiver.owner.user_id is not None and waiver.owner.user_id == by.user_id:
        raise OwnRequest(
            "You own what this allows, so somebody else has to decide.", permission="exceptions.decide_waiver"
        )
    role = _gate(waiver.gate).approver_role
    if by.kind == "person" and role not in by.roles and "admin" not in by.roles:
        raise Refused(
            f"Approvers of this gate are people with the role {role.replace('_', ' ')}.",
            permission="exceptions.decide_waiver",
        )


def _asked_by(waiver: Waiver, by: Actor) -> bool:
    """Whether this person asked, be it through a program of theirs."""
    kind, _, prefix = waiver.requested_by.partition(":")
    return waiver.requested_by == by.id or (
        kind == "token"
        and by.user_id is not None
        and ApiToken.objects.filter(prefix=prefix, user_id=by.user_id).exists()
    )


def _refuse_unless(waiver: Waiver, state: WaiverState, *, act: str) -> None:
    if waiver.state != state:
        who = f" by {waiver.decided_by_name} at {waiver.decided_at:%H:%M} UTC" if waiver.decided_at else ""
        label = WaiverState(waiver.state).label.lower()
        raise IllegalTransition(
            f"{waiver.key} is “{label}”{who}, so it cannot be {act} now.",
            who=waiver.decided_by_name,
            at=waiver.decided_at or waiver.updated_at,
        )


def _refuse_repeated(draft: Waiver) -> None:
    same = Waiver.objects.filter(gate=draft.gate, subject_type=draft.subject_type, subject_id=draft.subject_id)
    if same.filter(state=WaiverState.REQUESTED).exists():
        text = f"The same was already asked for {draft.subject_key} and waits for a decision."
        raise Conflict(text, code="already-asked")


def _refuse_invalid(waiver: Waiver, spec: GateSpec, now: datetime) -> None:
    errors = []
    if len(waiver.reason) < SHORTEST_REASON:
        errors.append(FieldError("/reason", "too-short", f"Say why in at least {SHORTEST_REASON} characters."))
    if not waiver.plan:
        errors.append(FieldError("/plan", "missing", "Say what will be done until it ends."))
    if not 1 <= waiver.effective_minutes <= spec.max_hours * 60:
        longest = f"The longest allowed for this gate is {spec.max_hours} h."
        errors.append(FieldError("/minutes", "out-of-range", f"Enter a length of at least one minute. {longest}"))
    if not now < waiver.answer_by <= now + LONGEST_ANSWER:
        errors.append(
            FieldError("/answer_by", "out-of-range", "Enter a time to decide by that lies within the next 24 h.")
        )
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _gate(slug: str) -> GateSpec:
    try:
        return rules.active_book().gate(slug)
    except LookupError:
        detail = f"There is no gate “{slug}”."
        raise Invalid(detail, errors=[FieldError("/gate", "unknown", detail)]) from None


def _owner(slug: str) -> Owner:
    owner = Owner.objects.filter(slug=slug, is_active=True).first()
    if owner is None:
        detail = f"There is no owner “{slug}”."
        raise Invalid(detail, errors=[FieldError("/owner", "unknown", detail)])
    return owner


def _comment(text: str) -> str:
    if not text.strip():
        detail = "Say why; the people concerned read it."
        raise Invalid(detail, errors=[FieldError("/comment", "missing", detail)])
    return text.strip()
