"""Working exceptions. Every act has one shape: lock, look at what the person looked at, permission, edge, event, timers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound
from audit.models import User
from audit.services.events import record
from audit.subject_refs import subject_ref
from exceptions import subjects
from exceptions.errors import CaseTaken, CriteriaNotMet
from exceptions.models import CaseNote, CaseStep, ExceptionCase
from exceptions.services.notifications import notify
from exceptions.services.openings import ACKNOWLEDGE, CLOSE, ESCALATE, OVERRUN, PROGRESS, WAKE, first_timers
from exceptions.services.timers import TimerSetting, cancel_timers, set_timer, set_timers
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules
from rules.models import Owner

SILENCE = timedelta(hours=1)
REOPEN_WITHIN = timedelta(days=7)
LONGEST_WAIT = timedelta(days=30)
SHORTEST_REASON = 3
LONGEST_REASON = 280
LONGEST_NOTE = 10_000


@contextmanager
def _working(
    case_id: UUID,
    by: Actor,
    now: datetime,
    seen: int | None,
    permission: str = "exceptions.work_case",
    *,
    with_subject: bool = False,
) -> Iterator[ExceptionCase]:
    """The case, locked in one act, after its subject where the act goes on with that (locks go from the top app down).

    Raises `NotFound`, `Refused`, or `CaseTaken` when it is no longer what was `seen`.
    """
    with acting(by, at=now):
        if with_subject:
            _lock_subject(case_id)
        case = lock_case(case_id=case_id)
        require(by, permission, case)
        if seen is not None and case.version != seen:
            raise _overtaken(case)
        yield case


def _lock_subject(case_id: UUID) -> None:
    about = ExceptionCase.objects.filter(pk=case_id).values_list("subject_type", "subject_id").first()
    subject = subjects.subject_for(about[0]) if about else None
    if about is not None and subject is not None:
        subject.lock([about[1]])


def lock_case(*, case_id: UUID) -> ExceptionCase:
    """The case, locked until the transaction ends. Raises `NotFound`."""
    # No join here: a row that changed while we waited is joined anew, and drops out when its owner is another by then.
    case = ExceptionCase.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return case


def _overtaken(case: ExceptionCase) -> CaseTaken:
    last = case.history.order_by("-history_id").first()
    who = _name(last.history_actor)
    state = CaseState(case.state).label.lower()
    return CaseTaken(
        f"{who} was faster: {case.key} changed at {last.history_date:%H:%M} UTC and is now “{state}” with {case.owner.name}. "
        "Look at it again before you go on.",
        who=who,
        at=last.history_date,
    )


def _name(actor_id: str) -> str:
    if actor_id.startswith("user:"):
        user = User.objects.filter(pk=actor_id.removeprefix("user:")).first()
        return user.display_name if user else actor_id
    return "Handrail" if actor_id.startswith("system:") else actor_id


def _refuse_unless(case: ExceptionCase, *states: CaseState, act: str) -> None:
    if case.state not in states:
        label = CaseState(case.state).label.lower()
        raise IllegalTransition(f"{case.key} is “{label}”, so it cannot be {act} now.", at=case.updated_at)


def _reason(text: str, *, field: str = "reason", shortest: int = SHORTEST_REASON, longest: int = LONGEST_REASON) -> str:
    if len(text.strip()) < shortest:
        detail = f"Say why in at least {shortest} characters."
        raise Invalid(detail, errors=[FieldError(f"/{field}", "too-short", detail)])
    if len(text.strip()) > longest:
        detail = f"Say it in at most {longest} characters."
        raise Invalid(detail, errors=[FieldError(f"/{field}", "too-long", detail)])
    return text.strip()


def acknowledge_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """Take responsibility for an open case and stop its acknowledge timer; doing it again oneself changes nothing.

    `seen` is the version the person looked at. Raises `CaseTaken` when someone was faster (says who and when), `Refused` when `by`
    may not work this client's cases, `IllegalTransition` when the case is past that.
    """
    with acting(by, at=now):
        case = lock_case(case_id=case_id)
        require(by, "exceptions.work_case", case)
        if case.state == CaseState.ACKNOWLEDGED and case.acknowledged_by == by.id:
            return case
        if (case.acknowledged_by and case.acknowledged_by != by.id) or (seen is not None and case.version != seen):
            raise _overtaken(case)
        _refuse_unless(case, CaseState.OPEN, act="taken")
        case.acknowledge(by=by.id, at=now)
        _take_over(case, by, now)
        case.save()
        record("case.acknowledged", subject=case)
        _running(case, now)
    return case


def start_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """Begin to work on it."""
    with _working(case_id, by, now, seen) as case:
        _refuse_unless(case, CaseState.OPEN, CaseState.ACKNOWLEDGED, act="started")
        case.start(by=by.id, at=now)
        _take_over(case, by, now)
        case.save()
        record("case.started", subject=case)
        _running(case, now)
    return case


def _take_over(case: ExceptionCase, by: Actor, now: datetime) -> None:
    """A person who takes a team's case becomes its owner; the team stays behind it as backup."""
    person = Owner.objects.filter(user_id=by.user_id, is_active=True).first() if by.user_id else None
    if person is not None and person.pk != case.owner_id:
        team, case.owner = case.owner, person
        case.backup = team if case.backup_id == person.pk or team.team_id in by.teams else case.backup
    case.updated_at = now


def _running(case: ExceptionCase, now: datetime) -> None:
    """Taken, not solved: silence from here on escalates too."""
    cancel_timers(timers=[(subject_ref(case), ACKNOWLEDGE)], now=now)
    set_timer(subject=subject_ref(case), kind=PROGRESS, due_at=min(now + SILENCE, max(case.due_at, now + SILENCE / 4)))


def wait_case(
    *, case_id: UUID, until: datetime, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> ExceptionCase:
    """Wait for somebody else, at most until `until`; the clock goes on, the case comes back by itself."""
    if not now < until <= now + LONGEST_WAIT:
        detail = f"Enter a time after now and before {now + LONGEST_WAIT:%d %b %Y}."
        raise Invalid(detail, errors=[FieldError("/until", "out-of-range", detail)])
    with _working(case_id, by, now, seen) as case:
        _refuse_unless(case, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS, act="put to waiting")
        case.wait(until=until, reason=_reason(reason))
        case.save()
        record("case.waiting", subject=case, reason=reason, until=until)
        cancel_timers(timers=[(subject_ref(case), PROGRESS)], now=now)
        set_timer(subject=subject_ref(case), kind=WAKE, due_at=until)
    return case


def resume_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """It is ours again."""
    with _working(case_id, by, now, seen) as case:
        _refuse_unless(case, CaseState.WAITING, act="resumed")
        case.resume()
        case.save()
        record("case.resumed", subject=case)
        cancel_timers(timers=[(subject_ref(case), WAKE)], now=now)
        _running(case, now)
    return case


def reassign_case(
    *, case_id: UUID, to: str, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> ExceptionCase:
    """Give it to another owner (a slug). The clock keeps running; somebody on leave is refused with who stands in."""
    with _working(case_id, by, now, seen, "exceptions.reassign_case") as case:
        _refuse_unless(case, *CASE_LIVE, act="reassigned")
        roster = rules.roster(now)
        new = next((owner for owner in roster.owners.values() if owner.slug == to and owner.is_active), None)
        if new is None:
            detail = f"There is no owner “{to}”."
            raise Invalid(detail, errors=[FieldError("/to", "unknown", detail)])
        if new.pk in roster.away:
            detail = f"{new.name} is away; {roster.on_duty(to).name} stands in."
            raise Invalid(detail, errors=[FieldError("/to", "away", detail)])
        if new.pk == case.owner_id:
            detail = f"{new.name} has it already."
            raise Invalid(detail, errors=[FieldError("/to", "unchanged", detail)])
        before = case.owner
        case.owner, case.backup = new, roster.owners[new.backup_id]
        case.save()
        record("case.reassigned", subject=case, reason=_reason(reason), changes={"owner": (before.slug, new.slug)})
        text = f"{case.key}: {case.title}. Given to you by {by.name}: {reason} Due {case.due_at:%a %d %b %H:%M} UTC."
        notify(
            owner=new,
            event="case.reassigned",
            text=text,
            url=f"/exceptions/{case.key}/",
            client_id=case.client_id,
            now=now,
        )
    return case


def note_case(*, case_id: UUID, text: str, by: Actor, now: datetime) -> CaseNote:
    """Write something down for everyone who opens the case."""
    with _working(case_id, by, now, None) as case:
        written = _reason(text, field="text", shortest=1, longest=LONGEST_NOTE)
        note = CaseNote.objects.create(case=case, at=now, author=by.id, author_name=by.name, text=written)
        record("case.noted", subject=case, changes={}, note=note.pk)
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            _running(case, now)
    return note


def complete_step(
    *,
    case_id: UUID,
    index: int,
    outcome: str,
    note: str = "",
    data: Mapping[str, Any] | None = None,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> CaseStep:
    """Do a step of the playbook: a "do" step runs its action, any other records what came of it. Each is done once."""
    with _working(case_id, by, now, seen, with_subject=True) as case:
        _refuse_unless(case, *CASE_LIVE, act="worked on")
        if not 0 <= index < len(case.playbook):
            raise NotFound(f"The playbook of {case.key} has no step {index + 1}.")
        step = case.playbook[index]
        action = subjects.action(step.get("action", ""))
        happened = (
            action(case, by=by, now=now, data=dict(data or {}))
            if action
            else _reason(outcome, field="outcome", shortest=1)
        )
        try:
            done = CaseStep.objects.create(
                case=case, index=index, at=now, by=by.id, by_name=by.name, outcome=happened[:80], note=note
            )
        except IntegrityError:
            raise Conflict(f"Step {index + 1} of {case.key} was already done.", code="step-done") from None
        record("case.step_done", subject=case, changes={}, step=index + 1, label=step["label"], outcome=happened[:80])
        case.refresh_from_db(fields=["state", "version"])
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            _running(case, now)
    return done


def unmet_criteria(case: ExceptionCase) -> list[str]:
    """The acceptance criteria that are known not to be met; what only a person can say is not among them."""
    return [row["label"] for row in case.acceptance if subjects.is_met(row.get("check", ""), case) is False]


def resolve_case(
    *, case_id: UUID, outcome: str, note: str = "", by: Actor, now: datetime, seen: int | None = None
) -> ExceptionCase:
    """Say that it is solved, and how; the subject goes on. Raises `CriteriaNotMet` naming what is missing."""
    with _working(case_id, by, now, seen, with_subject=True) as case:
        _refuse_unless(case, *CASE_LIVE, act="resolved")
        allowed = {row["slug"]: row["label"] for row in case.outcomes}
        if outcome not in allowed:
            detail = f"Choose one of: {', '.join(allowed.values())}."
            raise Invalid(detail, errors=[FieldError("/outcome", "unknown", detail)])
        if missing := unmet_criteria(case):
            raise CriteriaNotMet(f"{case.key} cannot be resolved yet: {'; '.join(missing)}.")
        if note.strip():
            CaseNote.objects.create(case=case, at=now, author=by.id, author_name=by.name, text=note.strip())
        case.resolve(outcome=outcome, at=now)
        case.save()
        record("case.resolved", subject=case, outcome=outcome)
        _stop(case, now)
        set_timer(subject=subject_ref(case), kind=CLOSE, due_at=now + REOPEN_WITHIN)
        _tell_subject(case, by, now)
    return case


def close_case(*, case_id: UUID, by: Actor, now: datetime) -> ExceptionCase:
    """Put a resolved case away."""
    with _working(case_id, by, now, None) as case:
        _refuse_unless(case, CaseState.RESOLVED, act="closed")
        case.close()
        case.save()
        record("case.closed", subject=case)
        cancel_timers(timers=[(subject_ref(case), CLOSE)], now=now)
    return case


def reopen_case(*, case_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """It was not solved after all; same key, a new acknowledge clock, the old deadline."""
    with _working(case_id, by, now, seen, with_subject=True) as case:
        _refuse_unless(case, CaseState.RESOLVED, CaseState.CLOSED, act="reopened")
        if case.resolved_at and now - case.resolved_at > REOPEN_WITHIN:
            raise IllegalTransition(
                f"{case.key} was resolved more than {REOPEN_WITHIN.days} days ago: a new exception has to be opened."
            )
        if (
            ExceptionCase.objects.live()
            .filter(type=case.type, subject_type=case.subject_type, subject_id=case.subject_id)
            .exists()
        ):
            raise Conflict(f"{case.subject_key} has another open exception of this type already.", code="another-open")
        case.reopen()
        case.acknowledge_by = now + (case.acknowledge_by - case.opened_at)
        case.save()
        record("case.reopened", subject=case, reason=_reason(reason))
        cancel_timers(timers=[(subject_ref(case), CLOSE)], now=now)
        set_timers(
            settings=[
                TimerSetting(one.subject, one.kind, max(one.due_at, case.acknowledge_by)) for one in first_timers(case)
            ]
        )
    return case


def withdraw_case(*, case_id: UUID, reason: str, by: Actor, now: datetime) -> ExceptionCase:
    """Its cause has gone away: nobody has to do anything any more."""
    with _working(case_id, by, now, None, with_subject=True) as case:
        _refuse_unless(case, *CASE_LIVE, act="withdrawn")
        case.withdraw()
        case.save()
        record("case.withdrawn", subject=case, reason=_reason(reason))
        _stop(case, now)
        _tell_subject(case, by, now)
    return case


def _stop(case: ExceptionCase, now: datetime) -> None:
    subject = subject_ref(case)
    cancel_timers(timers=[(subject, kind) for kind in (ACKNOWLEDGE, ESCALATE, PROGRESS, OVERRUN, WAKE)], now=now)


def _tell_subject(case: ExceptionCase, by: Actor, now: datetime) -> None:
    subject = subjects.subject_for(case.subject_type)
    if subject is not None:
        subject.on_case_ended(case, by=by, now=now)
