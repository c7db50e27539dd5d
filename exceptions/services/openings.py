"""Opening exceptions: one live case per type and subject, whoever reports it how often."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F

from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, kept, said
from exceptions import clocks, ladders
from exceptions.clocks import Began, Reckoning
from exceptions.models import ExceptionCase
from exceptions.selectors.shared_causes import causes_merged
from exceptions.services.assigning import Assigned, assign
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.states import CASE_LIVE
from rules import selectors as rules
from rules.models import Client
from rules.rulebook import CompiledBook, ExceptionTypeSpec
from rules.selectors.people import Roster
from rules.states import TRIAGE

ACKNOWLEDGE, AT_RISK, ESCALATE, PROGRESS, BREACH, HOLD, OVERRUN, WAKE, CLOSE, ROUTE, FALLBACK = (
    *("case.acknowledge", "case.at_risk", "case.escalate", "case.progress", "case.breach", "case.hold"),
    *("case.overrun", "case.wake", "case.close", "case.route", "case.fallback"),
)


class Term(NamedTuple):
    """The deadlines and the ladder of a type for a client, and when its route's step and the fallback come (never for older books)."""

    reckoning: Reckoning
    route_at: datetime | None
    fallback_at: datetime | None


# For everything opened at one moment.
Terms = dict[tuple[str, UUID | None], Term]
Identity = tuple[str, str, str]
CASE_TYPE = "exceptions.exceptioncase"
LONGEST_CAUSE = 200


@dataclass(frozen=True)
class CaseOpening:
    """What went wrong with which subject. `title` is the fact as one line; `evidence` is JSON without personal data.

    `owner` is who answers for the subject where that is somebody else than who has cases of the type.
    """

    type: str
    subject: SubjectRef
    subject_key: str
    client_id: UUID | None
    title: str
    summary: str = ""
    cause: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    at_risk_minor: int = 0
    currency: str = "EUR"
    owner: str = ""

    @property
    def identity(self) -> Identity:
        """What there may be only one live case of."""
        return self.type, self.subject.type, self.subject.id


def open_case(
    *,
    type: str,  # noqa: A002 -- the reader's word
    subject: SubjectRef,
    subject_key: str,
    client_id: UUID | None,
    title: str,
    summary: str = "",
    cause: str = "",
    evidence: Mapping[str, Any] | None = None,
    at_risk_minor: int = 0,
    currency: str = "EUR",
    by: Actor,
    now: datetime,
) -> ExceptionCase:
    """The live case of this type and subject: found (one more occurrence) or opened with owner, deadline, route and timers.

    A type the rule book does not know becomes one to triage, with the type in the evidence.
    """
    opening = CaseOpening(
        type, subject, subject_key, client_id, title, summary, cause, evidence or {}, at_risk_minor, currency
    )
    return open_cases(openings=[opening], by=by, now=now)[0]


def open_cases(*, openings: Sequence[CaseOpening], by: Actor, now: datetime) -> list[ExceptionCase]:
    """As `open_case`, for many in a fixed number of statements; the cases in the order of the openings."""
    if not openings:
        return []
    with acting(by, at=now):
        book, roster = rules.active_book(), rules.roster(now)
        openings = _where_merged([_foreseen(opening, book) for opening in openings])
        unique = {opening.identity: opening for opening in openings}
        times = Counter(opening.identity for opening in openings)
        known = _live(unique)
        _count_occurrences(known.values(), times, now)
        clients = Client.objects.select_related("calendar").in_bulk(
            {one.client_id for one in unique.values() if one.client_id}
        )
        terms: Terms = {}
        fresh = [
            _new_case(opening, book, roster, clients.get(opening.client_id), now, terms)
            for identity, opening in unique.items()
            if identity not in known
        ]
        for case in fresh:
            case.occurrences = times[_identity(case)]
        assigned = assign(cases=fresh, roster=roster)
        ExceptionCase.objects.bulk_create(fresh, ignore_conflicts=True)
        # Somebody may have opened the same at the same moment: theirs stands, and ours was an occurrence of it.
        opened = ExceptionCase.objects.select_related("owner", "backup").in_bulk([case.pk for case in fresh])
        overtaken = {_identity(case): unique[_identity(case)] for case in fresh if case.pk not in opened}
        found_late = _live(overtaken)
        _count_occurrences(found_late.values(), times, now)
        _announce(list(opened.values()), assigned, terms, now)
        cases = {**known, **found_late, **{_identity(case): case for case in opened.values()}}
    return [cases[opening.identity] for opening in openings]


def _foreseen(opening: CaseOpening, book: CompiledBook) -> CaseOpening:
    """The opening, or where the book does not know its type one that is, for somebody to find out what it is."""
    if book.knows_type(opening.type):
        return opening
    kind = TRIAGE if book.knows_type(TRIAGE) else next(spec.slug for spec in book.exception_types())
    return replace(opening, type=kind, evidence={**opening.evidence, "reported_as": opening.type})


def _where_merged(openings: Sequence[CaseOpening]) -> list[CaseOpening]:
    """The same; what is told of a cause that people merged into another is told of that one."""
    others = causes_merged({(one.type, one.cause[:LONGEST_CAUSE]) for one in openings})
    if not others:
        return list(openings)
    return [replace(one, cause=others.get((one.type, one.cause[:LONGEST_CAUSE]), one.cause)) for one in openings]


def _identity(case: ExceptionCase) -> Identity:
    return case.type, case.subject_type, case.subject_id


def _live(unique: Mapping[Identity, CaseOpening]) -> dict[Identity, ExceptionCase]:
    if not unique:
        return {}
    candidates = ExceptionCase.objects.filter(
        state__in=CASE_LIVE,
        subject_type__in={key[1] for key in unique},
        subject_id__in={key[2] for key in unique},
        type__in={key[0] for key in unique},
    )
    return {
        _identity(case): case for case in candidates.select_for_update().order_by("pk") if _identity(case) in unique
    }


def _count_occurrences(cases: Iterable[ExceptionCase], times: Mapping[Identity, int], now: datetime) -> None:
    known = list(cases)
    by_times: dict[int, list[UUID]] = defaultdict(list)
    for case in known:
        by_times[times[_identity(case)]].append(case.pk)
    for more, ids in by_times.items():
        ExceptionCase.objects.filter(pk__in=ids).update(occurrences=F("occurrences") + more, updated_at=now)
    record_many(
        [
            Entry("case.occurred_again", case, data={"occurrences": case.occurrences + times[_identity(case)]})
            for case in known
        ]
    )


def _new_case(
    opening: CaseOpening, book: CompiledBook, roster: Roster, client: Client | None, now: datetime, terms: Terms
) -> ExceptionCase:
    spec = book.exception_type(opening.type)
    if (spec.slug, opening.client_id) not in terms:  # business time is counted once for all that open together
        hours = (book.client_calendar(client.slug) or client.calendar.slug) if client else None
        began = _began(spec, client, hours, now)
        terms[spec.slug, opening.client_id] = _term(began, spec, book)
    reckoning = terms[spec.slug, opening.client_id].reckoning
    regular = roster.regular(opening.owner or spec.owner)
    owner = roster.on_duty(opening.owner or spec.owner, of_type=spec.slug)
    # Whoever has it only for a while has those behind who will have it again.
    backup = roster.owners[owner.backup_id] if owner.pk == regular.pk else regular
    return ExceptionCase(
        type=opening.type,
        subject_type=opening.subject.type,
        subject_id=opening.subject.id,
        subject_key=opening.subject_key,
        client=client,
        severity=spec.severity,
        title=opening.title[:200],
        title_words=kept(opening.title),
        summary=opening.summary,
        summary_words=kept(opening.summary),
        cause=opening.cause[:LONGEST_CAUSE],
        evidence=dict(opening.evidence),
        owner=owner,
        backup=backup,
        at_risk_minor=opening.at_risk_minor or spec.weight_eur * 100,
        currency=opening.currency,
        opened_at=now,
        acknowledge_by=reckoning.acknowledge_by,
        acknowledge_words=reckoning.acknowledge_words,
        due_at=reckoning.due_at,
        due_words=reckoning.due_words,
        warn_at=reckoning.warn_at,
        book_number=book.number,
        progress_within_minutes=spec.progress_within_minutes,
        route=spec.route,
        route_plan={"to": spec.fallback, "approver_role": spec.route_approver_role},
        ladder=reckoning.ladder,
        playbook=spec.playbook,
        acceptance=spec.acceptance,
        outcomes=spec.outcomes,
        gate=spec.gate or "",
    )


def _began(spec: ExceptionTypeSpec, client: Client | None, hours: str | None, now: datetime) -> Began:
    ladder, named = ladders.copied(spec.ladder), client.slug if client else None
    return Began(spec.slug, spec.severity, named, hours, opened_at=now, ladder=ladder)


def _term(began: Began, spec: ExceptionTypeSpec, book: CompiledBook) -> Term:
    reckoning = clocks.reckon(began, book)
    if not spec.route_after_minutes:
        return Term(reckoning, None, None)
    after = spec.route_after_minutes, spec.route_after_minutes + spec.fallback_after_minutes
    return Term(reckoning, *clocks.moments(began, book, after))


def _announce(cases: Sequence[ExceptionCase], assigned: Mapping[UUID, Assigned], terms: Terms, now: datetime) -> None:
    """The events, timers and notifications of new cases."""
    record_many(
        [
            Entry(
                "case.opened",
                case,
                data={
                    "type": case.type,
                    "subject": case.subject_key,
                    "owner": case.owner.slug,
                    "backup": case.backup.slug,
                    "due_at": case.due_at,
                    "route": case.route,
                    "book": case.book_number,
                },
            )
            for case in cases
        ]
    )
    given = [(case, assigned[case.pk]) for case in cases if case.pk in assigned]
    record_many(
        [
            Entry("case.assigned", case, one.why, changes={"owner": (one.team.slug, case.owner.slug)})
            for case, one in given
        ]
    )
    timers = [timer for case in cases for timer in first_timers(case)]
    set_timers(settings=timers + [timer for case in cases for timer in _route_timers(case, terms)])
    notify_many(
        tellings=[
            Telling(
                owner,
                "case.opened",
                _opened(case, role),
                f"/exceptions/{case.key}/",
                case.client_id,
                case.pk,
                severity=case.severity,
            )
            for case in cases
            for owner, role in ((case.owner, said("Yours")), (case.backup, said("You are the backup")))
        ],
        now=now,
    )


def _opened(case: ExceptionCase, role: str) -> str:
    return said(
        "%(key)s: %(title)s. %(role)s. Due %(due)s; if nobody takes it by %(taken)s it goes to %(backup)s.",
        key=case.key,
        title=case.headline,
        role=role,
        due=at(case.due_at),
        taken=at(case.acknowledge_by),
        backup=case.backup.name,
    )


def first_timers(case: ExceptionCase) -> list[TimerSetting]:
    """What runs from the moment a case is open: somebody has to take it, the ladder begins, and overdue is never silent."""
    subject = subject_ref(case)
    timers = [
        TimerSetting(subject, ACKNOWLEDGE, case.acknowledge_by),
        TimerSetting(subject, BREACH, case.due_at),
        TimerSetting(subject, OVERRUN, case.due_at + ladders.OVERRUN_AFTER),
    ]
    if case.warn_at is not None:
        timers.append(TimerSetting(subject, AT_RISK, case.warn_at))
    if (rung := ladders.rung(case.ladder, case.ladder_step)) is not None:
        timers.append(TimerSetting(subject, ESCALATE, rung.due_at))
    return timers


def _route_timers(case: ExceptionCase, terms: Terms) -> list[TimerSetting]:
    """The one step of its route, and what comes of it when that did not help; both only while nobody has taken it."""
    term, subject = terms[case.type, case.client_id], subject_ref(case)
    due = ((ROUTE, term.route_at), (FALLBACK, term.fallback_at))
    return [TimerSetting(subject, kind, due_at) for kind, due_at in due if due_at is not None]
