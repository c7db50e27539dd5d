"""The clock of an exception: pure arithmetic over its promise, when it began and the stretches in which it stood.

Every deadline is worked out from the beginning, so that another severity, service level or calendar counts what was used already, and
a stretch that is not counted moves everything after it by exactly its business time. It stands while a named third party is waited for
(at most until the moment the waiting ends by itself) and while the exception counted as solved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from exceptions.states import CASE_LIVE, PAUSING, CaseState, ClockState
from rules.business_time import Pause, warning_minutes
from rules.rulebook import CompiledBook, Promise

SOLVED: Final = "counted as solved"

PauseRow = Mapping[str, str]
Ladder = list[dict[str, Any]]


@dataclass(frozen=True)
class Began:
    """What a deadline is worked out from: the exception's kind, the moments it was opened at, its pauses and its ladder.

    `calendar` is that of the client; ladder rows carry the minutes their type gave them, or only a moment where they are older.
    """

    type: str
    severity: str
    client: str | None
    calendar: str | None
    opened_at: datetime
    pauses: Sequence[PauseRow] = ()
    ladder: Sequence[Mapping[str, Any]] = ()
    severities: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Reckoning:
    """Every deadline of an exception, with its words; what was promised, and by what."""

    promise: Promise
    due_at: datetime
    due_words: str
    warn_at: datetime
    acknowledge_by: datetime
    acknowledge_words: str
    ladder: Ladder


def reckon(began: Began, book: CompiledBook) -> Reckoning:
    """The deadlines of an exception by this book. Raises `LookupError` for a type the book does not know."""
    promise = book.promise(began.type, began.severity, began.client)
    own = book.sla(book.exception_type(began.type).sla)
    sla, pauses = promise.sla, pauses_of(began.pauses)
    calendar = sla.calendar or began.calendar
    start = answered_from(began.opened_at, began.pauses)
    due = book.after(sla.minutes, began.opened_at, basis=sla.basis, calendar=calendar, pauses=pauses)
    answer = book.after(promise.acknowledge_within_minutes, start, basis=sla.basis, calendar=calendar)
    warned = sla.minutes - warning_minutes(sla.minutes)

    def after(minutes: int) -> datetime:
        return book.after(
            minutes, began.opened_at, basis=sla.basis, calendar=calendar, in_words=False, pauses=pauses
        ).due_at

    return Reckoning(
        promise=promise,
        due_at=due.due_at,
        due_words=f"{due.words}. {sla.name}, by {promise.source} of severity {began.severity} (rule book v{book.number}).{_swaps(began)}",
        warn_at=after(warned),
        acknowledge_by=answer.due_at,
        acknowledge_words=answer.words,
        # A ladder is written for the promise of the type; under another promise its steps come in proportion.
        ladder=[
            {**row, "due_at": after(row["after_minutes"] * sla.minutes // own.minutes).isoformat()}
            if "after_minutes" in row
            else dict(row)
            for row in began.ladder
        ],
    )


def moments(began: Began, book: CompiledBook, minutes: Sequence[int]) -> list[datetime]:
    """When so many minutes have passed on the clock of its ladder. Raises `LookupError` for a type the book does not know."""
    rows = reckon(replace(began, ladder=[{"after_minutes": one} for one in minutes]), book).ladder
    return [datetime.fromisoformat(row["due_at"]) for row in rows]


def _swaps(began: Began) -> str:
    """What it was before, and that time used by then counts."""
    if not began.severities:
        return ""
    had = ", ".join(
        f"{row['severity']} until {datetime.fromisoformat(row['until']):%a %d %b %H:%M} UTC" for row in began.severities
    )
    return f" It was {had}; what was used by then counts."


def pauses_of(rows: Sequence[PauseRow]) -> list[Pause]:
    """The stretches that are not counted."""
    return [
        Pause(datetime.fromisoformat(row["from"]), datetime.fromisoformat(row["until"]), row["why"]) for row in rows
    ]


def paused(rows: Sequence[PauseRow], *, since: datetime, until: datetime, why: str) -> list[dict[str, str]]:
    """The stretches with one more; one of no length is none."""
    known = [dict(row) for row in rows]
    return [*known, {"from": since.isoformat(), "until": until.isoformat(), "why": why}] if until > since else known


def went_on(rows: Sequence[PauseRow], *, at: datetime) -> list[dict[str, str]]:
    """The stretches, none of them beyond `at`: what was waited for came earlier than expected."""
    cut = [{**row, "until": min(row["until"], at.isoformat(), key=datetime.fromisoformat)} for row in rows]
    return [row for row in cut if datetime.fromisoformat(row["from"]) < datetime.fromisoformat(row["until"])]


def answered_from(opened_at: datetime, rows: Sequence[PauseRow]) -> datetime:
    """Since when somebody has to take it: since it was opened, or opened again."""
    again = [datetime.fromisoformat(row["until"]) for row in rows if row["why"] == SOLVED]
    return max([opened_at, *again])


def clock_state(
    *,
    state: str,
    waiting_on: str,
    waiting_until: datetime | None,
    due_at: datetime,
    warn_at: datetime | None,
    now: datetime,
) -> ClockState:
    """Where the clock stands at `now`."""
    if state not in CASE_LIVE:
        return ClockState.STOPPED
    if now >= due_at:
        return ClockState.LATE
    if state == CaseState.WAITING and waiting_on in PAUSING and waiting_until is not None and now < waiting_until:
        return ClockState.PAUSED
    return ClockState.AT_RISK if warn_at is not None and now >= warn_at else ClockState.RUNNING
