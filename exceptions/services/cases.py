"""Working exceptions. Every act has one shape: lock, look at what the person looked at, permission, edge, event, timers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from audit.access import Role, require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, Refused
from audit.services.events import record, record_many
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import at, listed, said
from exceptions import clocks, subjects
from exceptions.errors import CriteriaNotMet
from exceptions.models import ExceptionCase
from exceptions.selectors.playbook import Playbook, playbook_of
from exceptions.selectors.shared_causes import causes_merged
from exceptions.services.deadlines import start_timers, work_out
from exceptions.services.notes import note_within, write_note
from exceptions.services.notifications import Telling, notify_many, tell_watchers
from exceptions.services.openings import (
    ACKNOWLEDGE,
    AT_RISK,
    BREACH,
    CLOSE,
    ESCALATE,
    FALLBACK,
    HOLD,
    OVERRUN,
    PROGRESS,
    ROUTE,
    WAKE,
)
from exceptions.services.postmortems import draft_for_ended
from exceptions.services.timers import cancel_kinds, cancel_timers, set_timer
from exceptions.services.waiting import WAITABLE, asked_wait, begin_wait, refuse_unknown_event, told_of, wait_on
from exceptions.services.waiver_uses import Use, note_uses
from exceptions.services.working import (
    lock_case,
    overtaken,
    refuse_unless,
    refuse_unless_seen,
    running,
    working,
)
from exceptions.states import CASE_LIVE, CaseState, RootCause, WaitingOn
from rules import selectors as rules
from rules.catalogue import CANCELLED
from rules.models import Owner
from rules.selectors.people import Roster
from rules.states import OwnerKind, Route

REOPEN_WITHIN = timedelta(days=7)
ENDS = {CaseState.RESOLVED: "case.resolved", CaseState.WITHDRAWN: "case.withdrawn"}
PATIENT = frozenset({BREACH, ESCALATE, OVERRUN})


def acknowledge_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """Take responsibility for an open case and stop its acknowledge timer; where somebody has, nothing changes: see who.

    `seen` is the version the person looked at. Raises `CaseTaken` when it was changed in another way (says who and when), `Refused` when
    `by` may not work this client's cases, `IllegalTransition` when the case is past that.
    """
    with acting(by, at=now):
        case = lock_case(case_id=case_id)
        require(by, "exceptions.work_case", case)
        if case.state == CaseState.ACKNOWLEDGED:
            return case
        if case.acknowledged_by and case.acknowledged_by != by.id:
            raise overtaken(case)
        refuse_unless_seen(case, seen)
        refuse_unless(case, CaseState.OPEN, act="taken")
        case.acknowledge(by=by.id, at=now)
        take_over(case, person_of(by), by)
        case.save()
        record("case.acknowledged", subject=case)
        running(case, now)
    return case


def start_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """Begin to work on it."""
    with working(case_id, by, now, seen) as case:
        refuse_unless(case, CaseState.OPEN, CaseState.ACKNOWLEDGED, act="started")
        case.start(by=by.id, at=now)
        take_over(case, person_of(by), by)
        case.save()
        record("case.started", subject=case)
        running(case, now)
    return case


def person_of(by: Actor) -> Owner | None:
    """The owner the actor is; None for a program, and for somebody who owns nothing."""
    return Owner.objects.filter(user_id=by.user_id, is_active=True).first() if by.user_id else None


def take_over(case: ExceptionCase, person: Owner | None, by: Actor) -> None:
    """A person who takes a team's case becomes its owner; the team stays behind it as backup."""
    if person is not None and person.pk != case.owner_id:
        team, case.owner = case.owner, person
        case.backup = team if case.backup_id == person.pk or team.team_id in by.teams else case.backup


def wait_case(
    *,
    case_id: UUID,
    until: datetime,
    reason: str,
    on: str = WaitingOn.OURSELVES,
    party: str = "",
    event: str = "",
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> ExceptionCase:
    """Wait for somebody else, at most until `until`, or until `event` happens to the subject; the case comes back by itself.

    While a third party is waited for its clock stands: `on` says what kind, `party` which one (the customer needs no other name). It
    goes on while the wait is for one of ours.
    """
    wait = asked_wait(until=until, reason=reason, on=on, party=party, event=event, now=now)
    with working(case_id, by, now, seen) as case:
        refuse_unless(case, *WAITABLE, act="put to waiting")
        refuse_unknown_event(case, event)
        begin_wait(case, wait, now)
        timers = work_out(case, now=now)
        case.save()
        record_many([told_of(case, wait)])
        wait_on([(case, timers)], wait, now=now)
    return case


def resume_case(*, case_id: UUID, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """It is ours again."""
    with working(case_id, by, now, seen) as case:
        refuse_unless(case, CaseState.WAITING, act="resumed")
        case.resume()
        case.pauses = clocks.went_on(case.pauses, at=now)
        timers = work_out(case, now=now)
        case.save()
        record("case.resumed", subject=case)
        start_timers(case, timers, now=now)
        cancel_timers(timers=[(subject_ref(case), WAKE)], now=now)
        running(case, now)
    return case


def reassign_case(
    *, case_id: UUID, to: str, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> ExceptionCase:
    """Give it to another owner (a slug). The clock keeps running.

    Somebody on leave is refused with who stands in, and a person for whom the client's exceptions do not exist.
    """
    with working(case_id, by, now, seen, "exceptions.reassign_case") as case:
        refuse_unless(case, *CASE_LIVE, act="reassigned")
        roster = rules.roster(now)
        new, before = owner_to_be(to, roster), case.owner
        give_to(case, new, roster, seen=rules.clients_seen())
        case.save()
        record("case.reassigned", subject=case, reason=reason_given(reason), changes={"owner": (before.slug, new.slug)})
        notify_many(tellings=[handed_over(case, new, by, reason)], now=now)
    return case


def owner_to_be(to: str, roster: Roster) -> Owner:
    """The owner with this slug, who is there. Raises `Invalid`, for somebody on leave with who stands in."""
    new = next((owner for owner in roster.owners.values() if owner.slug == to and owner.is_active), None)
    if new is None:
        detail = said("There is no owner “%(to)s”.", to=to)
        raise Invalid(detail, errors=[FieldError("/to", "unknown", detail)])
    if new.pk in roster.away:
        detail = said("%(name)s is away; %(name_2)s stands in.", name=new.name, name_2=roster.on_duty(to).name)
        raise Invalid(detail, errors=[FieldError("/to", "away", detail)])
    return new


def give_to(case: ExceptionCase, new: Owner, roster: Roster, *, seen: Mapping[int, frozenset[UUID] | None]) -> None:
    """The case's next owner, with the backup of that one; `seen` as `rules.clients_seen()`.

    Raises `Invalid` for who has it already, and for a person who would not find it.
    """
    if new.pk == case.owner_id:
        detail = said("%(name)s has it already.", name=new.name)
        raise Invalid(detail, errors=[FieldError("/to", "unchanged", detail)])
    clients = seen.get(new.user_id or 0, frozenset()) if new.kind == OwnerKind.PERSON else None
    if clients is not None and case.client_id not in clients:
        detail = said(
            "%(name)s does not see this client: choose somebody who does, or have an admin change that.", name=new.name
        )
        raise Invalid(detail, errors=[FieldError("/to", "out-of-reach", detail)])
    case.owner, case.backup = new, roster.owners[new.backup_id]


def handed_over(case: ExceptionCase, new: Owner, by: Actor, reason: str) -> Telling:
    """What the new owner is told."""
    text = said(
        "%(key)s: %(title)s. Given to you by %(name)s: %(reason)s Due %(due)s.",
        key=case.key,
        title=case.headline,
        name=by.name,
        reason=reason,
        due=at(case.due_at),
    )
    url = f"/exceptions/{case.key}/"
    return Telling(new, "case.reassigned", text, url, case.client_id, case.pk, severity=case.severity)


def resolve_case(
    *,
    case_id: UUID,
    outcome: str,
    root_cause: str = "",
    note: str = "",
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> ExceptionCase:
    """Say that it is solved, how, and what lay behind it; the subject goes on. Raises `CriteriaNotMet` naming what is missing.

    Where somebody has said the same nothing changes; only what is noted now is kept.
    """
    with working(case_id, by, now, None, with_subject=True) as case:
        if is_solved_so(case, outcome, root_cause):
            refuse_unless_asked(case, outcome, by)
            _note_once(case, note, by, now)
            return case
        refuse_unless_seen(case, seen)
        refuse_unless(case, *CASE_LIVE, act="resolved")
        book = playbook_of(case, now=now)
        refuse_unless_solved(case, outcome, root_cause, book)
        refuse_unless_asked(case, outcome, by)
        note_uses(uses=uses_by(case, book), now=now)
        written = write_note(case, note, field="note", by=by, now=now, is_news=False) if note.strip() else None
        end_wait(case, now)
        case.resolve(outcome=outcome, root_cause=root_cause, at=now)
        case.save()
        record("case.resolved", subject=case, outcome=outcome, root_cause=root_cause, note=written and written.pk)
        stop_timers([case], now)
        set_timer(subject=subject_ref(case), kind=CLOSE, due_at=now + REOPEN_WITHIN)
        draft_for_ended([case], now=now)
        tell_of_end([case], by, now)
    return case


def uses_by(case: ExceptionCase, book: Playbook) -> list[Use]:
    """That a time-limited exception lets it be resolved, where nothing else would."""
    return [Use(book.allowed_by, case.subject_key)] if book.allowed_by else []


def is_solved_so(case: ExceptionCase, outcome: str, root_cause: str) -> bool:
    """Whether it is resolved with this outcome already, and what lay behind it, if said, is the same too."""
    return case.state == CaseState.RESOLVED and case.outcome == outcome and root_cause in {"", case.root_cause}


def _note_once(case: ExceptionCase, note: str, by: Actor, now: datetime) -> None:
    """Kept unless it is there: whoever sent the same form twice wrote it once."""
    if note.strip() and not case.notes.filter(author=by.id, text=note.strip()).exists():
        note_within(case, note, field="note", by=by, now=now)


def end_wait(case: ExceptionCase, now: datetime) -> None:
    """The clock of a case that waits goes on now, before it stops for good."""
    if case.state == CaseState.WAITING:
        case.pauses = clocks.went_on(case.pauses, at=now)
        work_out(case, now=now)


def refuse_unless_solved(case: ExceptionCase, outcome: str, root_cause: str, book: Playbook) -> None:
    """Raises `Invalid` for words nobody offered, `CriteriaNotMet` naming what is missing."""
    allowed = {row["slug"]: row["label"] for row in case.outcomes}
    if outcome not in allowed:
        detail = said("Choose one of: %(values)s.", values=", ".join(allowed.values()))
        raise Invalid(detail, errors=[FieldError("/outcome", "unknown", detail)])
    if root_cause and root_cause not in RootCause.values:
        detail = said("Choose one of: %(values)s.", values=", ".join(RootCause.values))
        raise Invalid(detail, errors=[FieldError("/root_cause", "unknown", detail)])
    if book.missing:
        raise CriteriaNotMet(
            said(
                "%(key)s cannot be resolved yet. Still missing: %(missing)s.",
                key=case.key,
                missing=listed(book.missing, between="; "),
            )
        )


def refuse_unless_asked(case: ExceptionCase, outcome: str, by: Actor) -> None:
    """Where cancelling is the route, only those who are asked say yes."""
    role = case.route_plan.get("approver_role", "")
    asked = by.kind == "system" or by.roles & {role, Role.ADMIN.value}
    if case.route == Route.CANCEL and outcome == CANCELLED and not asked:
        words = role.replace("_", " ")
        raise Refused(
            said("Whether %(key)s is cancelled is decided by: %(words)s, admin.", key=case.key, words=words),
            who_can=[words, "admin"],
        )


def close_case(*, case_id: UUID, by: Actor, now: datetime) -> ExceptionCase:
    """Put a resolved case away."""
    with working(case_id, by, now, None) as case:
        refuse_unless(case, CaseState.RESOLVED, act="closed")
        case.close()
        case.save()
        record("case.closed", subject=case)
        draft_for_ended([case], now=now)
        cancel_timers(timers=[(subject_ref(case), CLOSE)], now=now)
    return case


def reopen_case(*, case_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """It was not solved after all; same key, somebody has to take it anew, and its clock goes on where it stood when it was solved."""
    with working(case_id, by, now, seen, with_subject=True) as case:
        refuse_unless(case, CaseState.RESOLVED, CaseState.CLOSED, act="reopened")
        if case.resolved_at and now - case.resolved_at > REOPEN_WITHIN:
            raise IllegalTransition(
                said(
                    "%(key)s was resolved more than %(days)s days ago: a new exception has to be opened.",
                    key=case.key,
                    days=REOPEN_WITHIN.days,
                )
            )
        if (
            ExceptionCase.objects.live()
            .filter(type=case.type, subject_type=case.subject_type, subject_id=case.subject_id)
            .exists()
        ):
            raise Conflict(
                said("%(subject_key)s has another open exception of this type already.", subject_key=case.subject_key),
                code="another-open",
            )
        solved_at = case.resolved_at or now
        case.reopen()
        case.cause = causes_merged({(case.type, case.cause)}).get((case.type, case.cause), case.cause)
        case.pauses = clocks.paused(case.pauses, since=solved_at, until=now, why=clocks.SOLVED)
        timers = work_out(case, now=now)
        case.save()
        record("case.reopened", subject=case, reason=reason_given(reason))
        tell_watchers([case], "case.reopened", now=now)
        cancel_timers(timers=[(subject_ref(case), CLOSE)], now=now)
        # Nobody is passed over before there was time to take it.
        held = [
            replace(one, due_at=max(one.due_at, case.acknowledge_by)) if one.kind in PATIENT else one for one in timers
        ]
        start_timers(case, held, now=now)
    return case


def withdraw_case(*, case_id: UUID, reason: str, by: Actor, now: datetime) -> ExceptionCase:
    """Its cause has gone away: nobody has to do anything any more.

    Raises `CriteriaNotMet` for somebody who withdraws what only a time-limited exception lets be, while the product sees it to be so.
    """
    with working(case_id, by, now, None, with_subject=True) as case:
        refuse_unless(case, *CASE_LIVE, act="withdrawn")
        if by.kind != "system":
            refuse_while_it_is_so(case, playbook_of(case, now=now))
        case.withdraw()
        case.save()
        record("case.withdrawn", subject=case, reason=reason_given(reason))
        stop_timers([case], now)
        tell_of_end([case], by, now)
    return case


def refuse_while_it_is_so(case: ExceptionCase, book: Playbook) -> None:
    """Raises `CriteriaNotMet` naming what only a time-limited exception lets be, and the product still sees."""
    criteria = zip(case.acceptance, book.criteria, strict=True)
    unmet = [criterion.label for row, criterion in criteria if "unless" in row and criterion.met is False]
    if unmet:
        raise CriteriaNotMet(
            said("%(key)s cannot be withdrawn yet. Still missing: %(missing)s.", key=case.key, missing="; ".join(unmet))
        )


def stop_timers(cases: Sequence[ExceptionCase], now: datetime) -> None:
    """Nothing calls anybody about these any more."""
    kinds = (ACKNOWLEDGE, AT_RISK, ESCALATE, PROGRESS, BREACH, HOLD, OVERRUN, WAKE, ROUTE, FALLBACK)
    cancel_kinds(subjects=[subject_ref(case) for case in cases], kinds=kinds, now=now)


def tell_of_end(cases: Sequence[ExceptionCase], by: Actor, now: datetime) -> None:
    """Who watches these hears that they are over; so does what they were about, and goes on."""
    for state, event in ENDS.items():
        tell_watchers([case for case in cases if case.state == state], event, now=now)
    about: dict[str, list[ExceptionCase]] = {}
    for case in cases:
        about.setdefault(case.subject_type, []).append(case)
    for kind, ended in about.items():
        if (subject := subjects.subject_for(kind)) is not None:
            subject.on_cases_ended(ended, by=by, now=now)
