"""Time-limited exceptions: asked for by one person, decided by another, in force by the clock alone."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db.models import Q

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound, Refused
from audit.services.events import record
from audit.subject_refs import SubjectRef
from audit.texts import reason_mistake
from audit.words import said
from exceptions.gates import gates_elsewhere
from exceptions.models import Waiver
from exceptions.selectors.queue import visible_cases
from exceptions.services.waiver_evidence import NewFile, set_evidence
from exceptions.services.waiver_news import (
    tell_approvers,
    tell_concerned,
    tell_subjects_of_ended,
)
from exceptions.services.waiver_papers import (
    a_comment,
    a_scope,
    content_hash,
    gate_of,
    locked_waiver,
    require_state,
    stop_holding,
    stop_waiting,
    wait_for_decision,
    whole_impact,
)
from exceptions.services.waiver_windows import LONGEST_ANSWER, minutes_asked, usual_answer_by, window_errors
from exceptions.states import WAIVER_ASKED, WaiverKind, WaiverReason, WaiverState
from exceptions.subjects import Passing
from rules.models import Owner
from rules.rulebook import GateSpec

SHORTEST_REASON, LONGEST_REASON = 20, 2_000
MOST_OTHERS = 199


class More(TypedDict, total=False):
    """What a request may say besides: when it may hold, what kind of reason it has, where its plan is followed, whether it is a draft.

    `evidence` are the numbers of files of its exception, `file` is a new one.
    """

    begin_at: datetime | None
    until: datetime | None
    reason_code: str
    plan_url: str
    evidence: Collection[int]
    file: NewFile | None
    is_draft: bool


def request_waiver(
    *,
    gate: str,
    subject: SubjectRef,
    subject_key: str,
    client_id: UUID | None,
    reason: str,
    plan: str,
    minutes: int | None = None,
    owner: str,
    answer_by: datetime | None = None,
    case_id: UUID | None = None,
    scope: Collection[str] = (),
    also: Collection[UUID] = (),
    by: Actor,
    now: datetime,
    **more: Unpack[More],
) -> Waiver:
    """Ask that `gate` lets the subject pass for `minutes` after an approval, or `until` a moment; not before `begin_at`.

    `scope` names the part of it (keys of the impact; empty for all). `also` names the exceptions of further subjects of the same kind and
    client, each of which passes as a whole. A draft is checked and handed back, and asked of nobody.

    Raises `Invalid` naming every field that is wrong, also for an exception of another client, `NotFound` for one that the actor does not
    see, `Refused` without the permission, `Conflict` when the same is asked already.
    """
    spec, begin_at, until = gate_of(gate), more.get("begin_at"), more.get("until")
    with acting(by, at=now):
        draft = Waiver(
            gate=gate,
            subject_type=subject.type,
            subject_id=subject.id,
            subject_key=subject_key,
            client_id=client_id,
            case_id=case_id,
            reason_code=more.get("reason_code", WaiverReason.OTHER),
            reason=reason.strip(),
            plan=plan.strip(),
            plan_url=more.get("plan_url", "").strip(),
            owner=an_owner(owner),
            begin_at=begin_at,
            end_by=until,
            effective_minutes=minutes_asked(minutes, begin_at, until, now),
        )
        draft.answer_by = answer_by or usual_answer_by(draft, now=now)
        is_draft = more.get("is_draft", False)
        set_evidence(draft, more.get("evidence", ()), None if is_draft else more.get("file"), by=by, now=now)
        return _asked(draft, spec, scope=scope, also=also, is_draft=is_draft, by=by, now=now)


def _asked(
    draft: Waiver,
    spec: GateSpec,
    *,
    scope: Collection[str],
    also: Collection[UUID] = (),
    is_draft: bool = False,
    by: Actor,
    now: datetime,
) -> Waiver:
    draft.requested_at, draft.requested_by, draft.requested_by_name = now, by.id, by.name
    for field, value in declared(spec, spec.max_hours).items():
        setattr(draft, field, value)
    require(by, "exceptions.request_waiver", draft)
    _refuse_elsewhere(draft, spec)
    refuse_invalid(draft, spec.max_hours, now)
    draft.others = draft.others or others_about(draft, also, by)
    refuse_repeated(draft)
    set_scope(draft, scope)
    if not is_draft:
        _put_to_approvers(draft, spec, now)
    return draft


def _refuse_elsewhere(draft: Waiver, spec: GateSpec) -> None:
    if spec.slug in gates_elsewhere(draft.subject_type):
        detail = said("“%(gate)s” cannot be asked for here.", gate=spec.name)
        raise Invalid(detail, errors=[FieldError("/gate", "unknown", detail)])


def others_about(draft: Waiver, also: Collection[UUID], by: Actor) -> dict[str, str]:
    """The further subjects these exceptions are about: key by id. Raises `NotFound`, `Invalid` for those of another client or kind."""
    wanted = set(also)
    cases = list(visible_cases(by).filter(pk__in=wanted)) if wanted else []
    if len(cases) < len(wanted):
        raise NotFound("There is no such exception, or it is not yours to see.")
    strange = [
        case.key for case in cases if (case.client_id, case.subject_type) != (draft.client_id, draft.subject_type)
    ]
    detail = (
        said("It can be asked for orders of one client only; of another: %(strange)s.", strange=", ".join(strange))
        if strange
        else ""
    )
    others = {case.subject_id: case.subject_key for case in cases if case.subject_id != draft.subject_id}
    if len(others) > MOST_OTHERS:
        detail = said("It can be asked for at most %(value)s orders at once.", value=MOST_OTHERS + 1)
    if detail:
        raise Invalid(detail, errors=[FieldError("/also", "strange" if strange else "too-many", detail)])
    return others


def set_scope(draft: Waiver, scope: Collection[str]) -> None:
    """What of it is asked for; of several all of them, spelled out. Raises `Invalid` for what is not there and where all passes anyway."""
    impact = whole_impact(draft)
    keys = list(draft.subject_keys.values()) if draft.others else []
    draft.scope, draft.base_hash = a_scope(scope or keys, impact, within=keys), impact.base if impact else ""
    if impact and draft.others and not draft.extends and impact.count(Passing.ANYWAY) == len(impact.items):
        detail = said("There is nothing to allow: all %(items)s pass this gate now.", items=len(impact.items))
        raise Invalid(detail, errors=[FieldError("/gate", "nothing-to-allow", detail)])


def _put_to_approvers(asked: Waiver, spec: GateSpec, now: datetime) -> None:
    asked.content_hash = content_hash(asked)
    asked.save()
    facts: dict[str, Any] = {"gate": asked.gate, "answer_by": asked.answer_by, "hash": asked.content_hash}
    facts |= {"extends": asked.extends.key} if asked.extends else {}
    facts |= {"subjects": asked.scope} if asked.others else {}
    record("waiver.requested", subject=asked, minutes=asked.effective_minutes, **facts)
    wait_for_decision(asked, now=now)
    tell_approvers(asked, spec=spec, now=now)


def extend_waiver(*, waiver_id: UUID, minutes: int, reason: str, plan: str = "", by: Actor, now: datetime) -> Waiver:
    """Ask that what is in force holds for `minutes` longer, counted from its end: a request of its own, which somebody else decides about.

    Nothing is longer in force until then. Raises `IllegalTransition` for what is not in force, `Conflict` for what is extended already or
    is being asked for, and what `request_waiver` raises.
    """
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        if waiver.kind == WaiverKind.EMERGENCY:
            raise IllegalTransition(
                said("%(key)s was broken open, so it cannot be extended. Ask for a new one.", key=waiver.key)
            )
        if not waiver.is_in_force(now):
            raise IllegalTransition(
                said("%(key)s is not in force, so it cannot be extended. Ask for a new one.", key=waiver.key)
            )
        later = waiver.extensions.filter(state=WaiverState.APPROVED).first()
        if later is not None:
            raise Conflict(
                said("%(key)s is already extended, by %(key_2)s.", key=waiver.key, key_2=later.key),
                code="already-extended",
            )
        draft = Waiver(
            gate=waiver.gate,
            subject_type=waiver.subject_type,
            subject_id=waiver.subject_id,
            subject_key=waiver.subject_key,
            others=dict(waiver.others),
            client_id=waiver.client_id,
            case_id=waiver.case_id,
            extends=waiver,
            reason=reason.strip(),
            plan=plan.strip() or waiver.plan,
            owner=an_owner(waiver.owner.slug),
            answer_by=min(waiver.expires_at or now, now + LONGEST_ANSWER),
            effective_minutes=minutes,
            reason_code=waiver.reason_code,
            plan_url=waiver.plan_url,
            evidence=waiver.evidence,
        )
        return _asked(draft, gate_of(waiver.gate), scope=waiver.granted_scope, by=by, now=now)


def withdraw_waiver(*, waiver_id: UUID, reason: str, by: Actor, now: datetime) -> Waiver:
    """Take the request back; only who asked may."""
    with locked_waiver(waiver_id, by, now, "exceptions.request_waiver") as waiver:
        require_state(waiver, *WAIVER_ASKED, act="withdrawn")
        if waiver.requested_by != by.id:
            raise Refused("Only who asked may withdraw the request.")
        waiver.withdraw(at=now, reason=a_comment(reason))
        waiver.save()
        record("waiver.withdrawn", subject=waiver, reason=reason)
        stop_waiting(waiver, now=now)
    return waiver


def revoke_waiver(*, waiver_id: UUID, reason: str, by: Actor, now: datetime) -> Waiver:
    """End it before its time; the gate is closed from this moment."""
    with locked_waiver(waiver_id, by, now, "exceptions.revoke_waiver") as waiver:
        require_state(waiver, WaiverState.APPROVED, act="revoked")
        waiver.revoke(at=now, reason=a_comment(reason))
        waiver.save()
        record("waiver.revoked", subject=waiver, reason=reason)
        stop_holding(waiver, now=now)
        words = said("Revoked by %(name)s: %(reason)s", name=by.name, reason=reason)
        tell_concerned(waiver, "waiver.revoked", words, now)
        _revoke_what_would_follow(waiver, by, now)
        tell_subjects_of_ended([waiver], by=by, now=now)
    return waiver


def _revoke_what_would_follow(waiver: Waiver, by: Actor, now: datetime) -> None:
    """An approved extension that has not begun ends with what it extends."""
    later = waiver.extensions.filter(state=WaiverState.APPROVED, starts_at__gt=now)
    for extension in later.select_for_update(of=("self",)).order_by("pk"):
        reason = said("%(key)s, which it extends, was revoked.", key=waiver.key)
        extension.revoke(at=now, reason=reason)
        extension.save()
        record("waiver.revoked", subject=extension, reason=reason)
        stop_holding(extension, now=now)
        words = said("Revoked by %(name)s: %(reason)s", name=by.name, reason=reason)
        tell_concerned(extension, "waiver.revoked", words, now)


def declared(spec: GateSpec, hours: int) -> dict[str, Any]:
    """What the gate asks for at this moment, as the request keeps it."""
    return {
        "longest_minutes": hours * 60,
        "approvals_needed": spec.approvals_needed,
        "client_agrees": spec.client_agrees,
        "risk": spec.risk,
    }


def refuse_repeated(draft: Waiver) -> None:
    """Raises `Conflict` when somebody waits already for a decision about the same gate and one of these subjects."""
    ids = list(draft.subject_keys)
    asked = Waiver.objects.filter(gate=draft.gate, subject_type=draft.subject_type, state__in=WAIVER_ASKED)
    asked = asked.exclude(pk=draft.pk)
    same = asked.filter(Q(subject_id__in=ids) | Q(others__has_any_keys=ids)).first()
    if same is not None:
        keys = ", ".join(sorted(draft.subject_keys[one] for one in set(ids) & set(same.subject_keys)))
        text = said("The same was already asked for %(keys)s and waits for a decision.", keys=keys)
        raise Conflict(text, code="already-asked")


def refuse_invalid(waiver: Waiver, max_hours: int, now: datetime) -> None:
    """Raises `Invalid` naming everything that is wrong with what is asked for."""
    mistake = reason_mistake(waiver.reason, shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    errors = [mistake] if mistake else []
    if not waiver.plan:
        errors.append(FieldError("/plan", "missing", "Say what will be done until it ends."))
    if waiver.reason_code and waiver.reason_code not in WaiverReason.values:
        errors.append(FieldError("/reason_code", "unknown", said("There is no such kind of reason.")))
    if waiver.plan_url and not waiver.plan_url.startswith(("https://", "http://")):
        errors.append(FieldError("/plan_url", "malformed", said("Enter an address that begins with https://.")))
    errors += window_errors(waiver, max_hours, now)
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def an_owner(slug: str) -> Owner:
    """The active owner of this slug. Raises `Invalid` for none."""
    owner = Owner.objects.filter(slug=slug, is_active=True).first()
    if owner is None:
        detail = said("There is no owner “%(slug)s”.", slug=slug)
        raise Invalid(detail, errors=[FieldError("/owner", "unknown", detail)])
    return owner
