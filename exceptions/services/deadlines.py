"""Working the deadlines of exceptions out anew, and setting what hangs on them: in one act, or for all when the rules have changed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.arrays import bare_array, text_array
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from exceptions import clocks, ladders
from exceptions.clocks import Began, Reckoning
from exceptions.models import ExceptionCase, Timer
from exceptions.models.timers import LIVE
from exceptions.services.openings import ACKNOWLEDGE, AT_RISK, BREACH, ESCALATE, OVERRUN
from exceptions.services.timers import TimerSetting, cancel_timers, set_timer, set_timers
from exceptions.states import CaseState
from exceptions.timer_kinds import Due
from rules import selectors as rules
from rules.models import Client
from rules.rulebook import CompiledBook

RECALCULATE: Final = "sla.recalculate"
RULES: Final = SubjectRef("rules.rulebook", "in force")
BATCH: Final = 2_000
# What a deadline depends on: while none of it differs, a new rule book moves none.
CLOCKWORK: Final = ("calendars", "house_calendar", "slas", "sla_targets")
OF_TYPES: Final = ("sla", "acknowledge_within_minutes")
MOVE: Final = """
    UPDATE exceptions_exceptioncase AS c
    SET due_at = g.due_at, due_words = g.due_words, warn_at = g.warn_at, acknowledge_by = g.acknowledge_by,
        acknowledge_words = g.acknowledge_words, ladder = g.ladder::jsonb, version = c.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[])
        AS g(id, due_at, due_words, warn_at, acknowledge_by, acknowledge_words, ladder)
    WHERE c.id = g.id
"""


@dataclass(frozen=True)
class _Moved:
    """A case with its new deadlines, which it does not carry yet."""

    case: ExceptionCase
    reckoning: Reckoning


def work_out(case: ExceptionCase, *, now: datetime) -> list[TimerSetting]:
    """Give a locked case the deadlines that follow from its severity and pauses, unsaved; the timers they need.

    Set those with `start_timers` once the case is saved.
    """
    ((_, timers),) = work_out_many([case], now=now)
    return timers


def work_out_many(cases: Sequence[ExceptionCase], *, now: datetime) -> list[tuple[ExceptionCase, list[TimerSetting]]]:
    """As `work_out`, for many: each with the timers it needs."""
    active = rules.active_book()
    known, calendars = {spec.slug for spec in active.exception_types()}, _client_calendars(cases, active)
    timed = []
    for case in cases:
        book = active if case.type in known else rules.book_knowing(case.type, otherwise=case.book_number)
        timed.append((case, _take(case, clocks.reckon(_began(case, calendars), book), now)))
    return timed


def start_timers(case: ExceptionCase, timers: Sequence[TimerSetting], *, now: datetime) -> None:
    """Set these, and cancel what else hung on the deadlines of a case."""
    start_timers_of([(case, timers)], now=now)


def start_timers_of(timed: Sequence[tuple[ExceptionCase, Sequence[TimerSetting]]], *, now: datetime) -> None:
    """As `start_timers`, for many."""
    set_timers(settings=[timer for _, timers in timed for timer in timers])
    told = [case for case, timers in timed if AT_RISK not in {timer.kind for timer in timers}]
    cancel_timers(timers=[(subject_ref(case), AT_RISK) for case in told], now=now)


def on_new_book(*, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> None:
    """Have the deadlines of open cases worked out anew where a rule book says something else about time than the one before."""
    clients = before.get("client_calendars", {}).keys() & after.get("client_calendars", {}).keys()
    if before and _clockwork(before, clients) != _clockwork(after, clients):
        set_timer(subject=RULES, kind=RECALCULATE, due_at=now)


def on_recalculate(timers: Sequence[Due], *, now: datetime) -> None:
    """Work out the deadlines of the next batch of open cases, in one statement; then of the next, until none is left."""
    (timer,) = Timer.objects.filter(pk__in=[one.id for one in timers])
    last = _recalculate(after=timer.payload.get("after", ""), now=now)
    if last and not Timer.objects.filter(LIVE, kind=RECALCULATE).exists():
        set_timer(subject=RULES, kind=RECALCULATE, due_at=now, payload={"after": last})


def _recalculate(*, after: str, now: datetime) -> str:
    """The id of the last case of a whole batch, "" at the end."""
    book = rules.active_book()
    cases = ExceptionCase.objects.live().order_by("pk").select_for_update()
    batch = list((cases.filter(pk__gt=UUID(after)) if after else cases)[:BATCH])
    _work_out_all(batch, book, now)
    return str(batch[-1].pk) if len(batch) == BATCH else ""


def work_out_locked(*, ids: Sequence[str], now: datetime) -> None:
    """Work out the deadlines of these locked cases anew, in a fixed number of statements."""
    if ids:
        _work_out_all(list(ExceptionCase.objects.filter(pk__in=ids).order_by("pk")), rules.active_book(), now)


def _work_out_all(batch: Sequence[ExceptionCase], book: CompiledBook, now: datetime) -> None:
    known = {spec.slug for spec in book.exception_types()}
    calendars = _client_calendars(batch, book)
    reckoned = [_Moved(case, clocks.reckon(_began(case, calendars), book)) for case in batch if case.type in known]
    _move([one for one in reckoned if _differs(one)], now)


def _differs(moved: _Moved) -> bool:
    case, new = moved.case, moved.reckoning
    answer = case.state == CaseState.OPEN and case.acknowledge_by != new.acknowledge_by
    return (case.due_at, case.warn_at) != (new.due_at, new.warn_at) or answer or list(case.ladder) != new.ladder


def _move(moved: Sequence[_Moved], now: datetime) -> None:
    if not moved:
        return
    before = [one.case.due_at for one in moved]
    timed = [(one.case, _take(one.case, one.reckoning, now)) for one in moved]
    cases = [case for case, _ in timed]
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE,
            [
                now,
                bare_array([case.pk for case in cases]),
                bare_array([case.due_at.isoformat() for case in cases]),
                text_array([case.due_words for case in cases]),
                bare_array([one.reckoning.warn_at.isoformat() for one in moved]),
                bare_array([case.acknowledge_by.isoformat() for case in cases]),
                text_array([case.acknowledge_words for case in cases]),
                text_array([json.dumps(case.ladder) for case in cases]),
            ],
        )
    entries = [
        Entry("case.deadline_moved", case, data={"why": case.due_words}, changes={"due_at": (was, case.due_at)})
        for case, was in zip(cases, before, strict=True)
    ]
    record_many(entries)
    start_timers_of(timed, now=now)


def _take(case: ExceptionCase, new: Reckoning, now: datetime) -> list[TimerSetting]:
    """Write the deadlines onto the case, unsaved; the timers they need."""
    was_warned, was_late = case.warn_at is not None and case.warn_at <= now, case.due_at <= now
    case.due_at, case.due_words, case.warn_at, case.ladder = new.due_at, new.due_words, new.warn_at, new.ladder
    if case.state == CaseState.OPEN:
        case.acknowledge_by, case.acknowledge_words = new.acknowledge_by, new.acknowledge_words
    subject = subject_ref(case)
    timers = [TimerSetting(subject, OVERRUN, ladders.overrun(case.due_at, now=now))]
    if new.due_at > now or not was_late:
        timers.append(TimerSetting(subject, BREACH, max(new.due_at, now)))
    if new.warn_at > now or (now < case.due_at and not was_warned):
        timers.append(TimerSetting(subject, AT_RISK, max(new.warn_at, now)))
    if case.state == CaseState.OPEN:
        timers.append(TimerSetting(subject, ACKNOWLEDGE, max(case.acknowledge_by, now)))
    if (rung := ladders.rung(case.ladder, case.ladder_step)) is not None:
        timers.append(TimerSetting(subject, ESCALATE, max(rung.due_at, now)))
    return timers


def _began(case: ExceptionCase, calendars: Mapping[UUID, tuple[str, str]]) -> Began:
    client, calendar = calendars[case.client_id] if case.client_id else (None, None)
    return Began(case.type, case.severity, client, calendar, case.opened_at, case.pauses, case.ladder, case.severities)


def _client_calendars(cases: Sequence[ExceptionCase], book: CompiledBook) -> dict[UUID, tuple[str, str]]:
    """Slug and calendar of the clients of these cases, by id: the calendar of the book, where it knows the client."""
    clients = Client.objects.filter(pk__in={case.client_id for case in cases}).select_related("calendar")
    return {client.pk: (client.slug, book.client_calendar(client.slug) or client.calendar.slug) for client in clients}


def _clockwork(document: Mapping[str, Any], clients: Collection[str]) -> list[Any]:
    types = {slug: [row[field] for field in OF_TYPES] for slug, row in document.get("exception_types", {}).items()}
    hours = {client: document["client_calendars"][client] for client in clients}
    return [*(document.get(part) for part in CLOCKWORK), types, hours]
