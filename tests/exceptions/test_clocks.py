"""The clock of an exception against an oracle that looks at every single minute: waiting, resuming, solving, reopening, swapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import clocks
from exceptions.clocks import SOLVED, Began
from exceptions.states import CaseState, ClockState, WaitingOn
from rules.business_time import BusinessCalendar, Pause, used, warning_minutes
from rules.rulebook import CompiledBook, compile_book
from tests.rules.test_business_time import STARTS, calendars, open_by_the_wall_clock

MINUTE = timedelta(minutes=1)
LONGEST_LOOK = 60 * 24 * 60
TYPE = {
    "name": "Parcel",
    "owner": "ops",
    "severity": "P2",
    "sla": "usual",
    "acknowledge_within_minutes": 20,
    "route": "retry",
    "fallback": "ops",
    "ladder": [],
    "playbook": [],
    "acceptance": [],
    "outcomes": [],
    "weight_eur": 0,
    "gate": None,
}
LADDER: list[dict[str, Any]] = [{"after_minutes": 30, "to": "backup"}, {"after_minutes": 120, "to": "owner:ops"}]


def book_of(
    calendar: BusinessCalendar, basis: str = "business", targets: Mapping[str, Mapping[str, Any]] | None = None
) -> CompiledBook:
    """A rule book with one type of 120 minutes, one calendar and these targets: severity to minutes."""
    hours = [[shift.weekday, shift.opens.isoformat(), shift.closes.isoformat()] for shift in calendar.shifts]
    slas = {
        "usual": {"name": "2 h", "minutes": 120, "basis": basis, "calendar": None},
        "P1": {"name": "1 h", "minutes": 60, "basis": basis, "calendar": None},
        "P3": {"name": "5 h", "minutes": 300, "basis": basis, "calendar": None},
    }
    severe = {
        severity: {
            "name": severity,
            "type": "parcel",
            "severity": severity,
            "client": None,
            "acknowledge_within_minutes": 10,
            "sla": severity,
        }
        for severity in ("P1", "P3")
    }
    document = {
        "context": {"name": "order", "attributes": {}},
        "calendars": {
            "drawn": {
                "time_zone": calendar.time_zone,
                "hours": hours,
                "holidays": {day.isoformat(): "closed" for day in calendar.holidays},
            }
        },
        "house_calendar": "drawn",
        "owners": {},
        "slas": slas,
        "flows": {},
        "gates": {},
        "rules": [],
        "statuses": {},
        "exception_types": {"parcel": TYPE},
        "sla_targets": {**severe, **(targets or {})},
    }
    return compile_book(document, id=UUID(int=0), number=1)


@dataclass(frozen=True)
class Day:
    """What happened to an exception, in minutes since it was opened, and how bad it was found to be in the end."""

    calendar: BusinessCalendar
    opened_at: datetime
    basis: str
    severity: str
    stood: tuple[tuple[int, int, int, str], ...]

    def began(self) -> Began:
        """As the acts of people leave it: waits are entered with the end they are expected to have, and cut when that comes sooner."""
        rows: list[dict[str, str]] = []
        for start, expected, end, why in self.stood:
            since = self.opened_at + start * MINUTE
            rows = clocks.paused(rows, since=since, until=self.opened_at + expected * MINUTE, why=why)
            rows = clocks.went_on(rows, at=self.opened_at + end * MINUTE)
        return Began("parcel", self.severity, None, "drawn", self.opened_at, rows, LADDER)

    def due_by_counting(self, minutes: int) -> datetime:
        """The oracle: one minute after the other, counted where it is open and nothing is waited for."""
        while len(self.counted) < minutes:
            self.counted.append(next(self.running) + MINUTE)
        return self.counted[minutes - 1]

    @cached_property
    def counted(self) -> list[datetime]:
        """The ends of the minutes counted so far."""
        return []

    @cached_property
    def running(self) -> Iterator[datetime]:
        """The minutes in which the clock ran. Raises `StopIteration` for a calendar that hardly ever opens."""
        return (
            at
            for n, at in ((n, self.opened_at + n * MINUTE) for n in range(LONGEST_LOOK))
            if not any(start <= n < end for start, _, end, _ in self.stood)
            and (self.basis == "wall" or open_by_the_wall_clock(self.calendar, at))
        )


@st.composite
def days(draw: st.DrawFn) -> Day:
    calendar = draw(calendars().filter(_opens_enough))
    marks = sorted(draw(st.lists(st.integers(0, 3_000), max_size=6, unique=True)))
    stood = tuple(
        (start, end + draw(st.integers(0, 600)), end, draw(st.sampled_from([SOLVED, "waiting for carrier UPS"])))
        for start, end in list(pairwise(marks))[::2]
    )
    opened_at = draw(st.sampled_from(STARTS)) + draw(st.integers(0, 1_500)) * MINUTE
    basis, severity = draw(st.sampled_from(["business", "wall"])), draw(st.sampled_from(["P1", "P2", "P3"]))
    return Day(calendar, opened_at, basis, severity, stood)


def _opens_enough(calendar: BusinessCalendar) -> bool:
    return all(calendar.elapsed(start, start + timedelta(days=30)) > timedelta(hours=8) for start in STARTS)


MINUTES = {"P1": 60, "P2": 120, "P3": 300}


@settings(max_examples=30, deadline=None)
@given(days())
def test_a_deadline_is_what_counting_the_minutes_in_which_the_clock_ran_gives(day: Day) -> None:
    reckoned = clocks.reckon(day.began(), book_of(day.calendar, day.basis))
    minutes = MINUTES[day.severity]
    assert reckoned.due_at == day.due_by_counting(minutes)
    assert reckoned.warn_at == day.due_by_counting(minutes - warning_minutes(minutes))
    rungs = [datetime.fromisoformat(row["due_at"]) for row in reckoned.ladder]
    assert rungs == [day.due_by_counting(row["after_minutes"] * minutes // 120) for row in LADDER]


@settings(max_examples=20, deadline=None)
@given(days(), st.sampled_from(["P1", "P2", "P3"]))
def test_another_severity_counts_what_was_used_and_back_again_is_as_if_nothing_had_been(day: Day, other: str) -> None:
    book = book_of(day.calendar, day.basis)
    swapped = clocks.reckon(replace(day.began(), severity=other), book)
    assert swapped.due_at == day.due_by_counting(MINUTES[other])
    assert clocks.reckon(day.began(), book).due_at == day.due_by_counting(MINUTES[day.severity])


@settings(max_examples=20, deadline=None)
@given(days(), st.integers(0, 3_000), st.integers(1, 900))
def test_waiting_moves_the_deadline_by_the_business_time_waited(day: Day, start: int, length: int) -> None:
    plain = replace(day, stood=())
    began, book = plain.began(), book_of(day.calendar, day.basis)
    due = clocks.reckon(began, book).due_at
    since, until = day.opened_at + start * MINUTE, day.opened_at + (start + length) * MINUTE
    rows = clocks.paused([], since=since, until=until, why="waiting for carrier UPS")
    moved = clocks.reckon(replace(began, pauses=rows), book).due_at
    hours = used(since, until, basis=day.basis, calendar=day.calendar, pauses=())  # type: ignore[arg-type]
    if since >= due:
        assert moved == due
    else:
        gained = used(due, moved, basis=day.basis, calendar=day.calendar, pauses=())  # type: ignore[arg-type]
        assert gained == hours


@settings(max_examples=20, deadline=None)
@given(days(), st.integers(0, 5_000))
def test_the_time_used_is_what_counting_every_minute_gives(day: Day, length: int) -> None:
    pauses = clocks.pauses_of(day.began().pauses)
    until = day.opened_at + length * MINUTE
    told = used(day.opened_at, until, basis=day.basis, calendar=day.calendar, pauses=pauses)  # type: ignore[arg-type]
    ran = (
        day.basis == "wall" or open_by_the_wall_clock(day.calendar, day.opened_at + n * MINUTE)
        for n in range(length)
        if not any(start <= n < end for start, _, end, _ in day.stood)
    )
    assert told == sum(ran) * MINUTE


NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
BERLIN = BusinessCalendar("drawn", "Europe/Berlin", ())


def words(rows: Iterable[Mapping[str, str]], severity: str = "P2", **more: Any) -> str:
    began = Began("parcel", severity, None, "drawn", NINE, list(rows), LADDER, **more)
    return clocks.reckon(began, book_of(BERLIN, "wall")).due_words


def test_the_words_say_the_legs_the_pause_the_promise_and_the_book() -> None:
    waited = clocks.paused([], since=NINE + 30 * MINUTE, until=NINE + 90 * MINUTE, why="waiting for carrier UPS")
    assert words(waited) == (
        "Fri 10:00 + 30 min, not counted Fri 10:30 to Fri 11:30 (waiting for carrier UPS), Fri 11:30 + 1 h 30 min = Fri 13:00. "
        "2 h, by type “Parcel” of severity P2 (rule book v1)."
    )


def test_the_words_say_what_it_was_before() -> None:
    had = [{"severity": "P2", "until": (NINE + 30 * MINUTE).isoformat()}]
    assert words([], "P1", severities=had) == (
        "Fri 10:00 + 1 h = Fri 11:00. 1 h, by target “P1” of severity P1 (rule book v1). "
        "It was P2 until Fri 20 Nov 09:30 UTC; what was used by then counts."
    )


def test_opened_again_it_has_to_be_taken_anew() -> None:
    rows = clocks.paused([], since=NINE + 30 * MINUTE, until=NINE + 90 * MINUTE, why=SOLVED)
    reckoned = clocks.reckon(Began("parcel", "P2", None, "drawn", NINE, rows), book_of(BERLIN, "wall"))
    assert reckoned.acknowledge_by == NINE + 110 * MINUTE
    assert reckoned.acknowledge_words == "Fri 11:30 + 20 min = Fri 11:50"


def test_a_ladder_from_before_keeps_its_moments() -> None:
    old = [{"to": "backup", "due_at": "2026-11-20T10:00:00+00:00"}]
    reckoned = clocks.reckon(Began("parcel", "P1", None, "drawn", NINE, (), old), book_of(BERLIN, "wall"))
    assert reckoned.ladder == old


@pytest.mark.parametrize(("minutes", "before"), [(15, 7), (60, 30), (120, 30), (240, 60), (24 * 60, 360)])
def test_at_risk_is_a_quarter_or_half_an_hour_before_but_never_more_than_half_of_it(minutes: int, before: int) -> None:
    assert warning_minutes(minutes) == before


@pytest.mark.parametrize(
    ("state", "on", "at", "told"),
    [
        (CaseState.OPEN, "", 0, ClockState.RUNNING),
        (CaseState.OPEN, "", 90, ClockState.AT_RISK),
        (CaseState.OPEN, "", 120, ClockState.LATE),
        (CaseState.WAITING, WaitingOn.CARRIER, 30, ClockState.PAUSED),
        (CaseState.WAITING, WaitingOn.CARRIER, 60, ClockState.RUNNING),
        (CaseState.WAITING, WaitingOn.OURSELVES, 30, ClockState.RUNNING),
        (CaseState.WAITING, WaitingOn.CARRIER, 120, ClockState.LATE),
        (CaseState.RESOLVED, "", 500, ClockState.STOPPED),
    ],
)
def test_where_a_clock_stands(state: str, on: str, at: int, told: ClockState) -> None:
    stands = clocks.clock_state(
        state=state,
        waiting_on=on,
        waiting_until=NINE + 60 * MINUTE,
        due_at=NINE + 120 * MINUTE,
        warn_at=NINE + 90 * MINUTE,
        now=NINE + at * MINUTE,
    )
    assert stands is told


TARGETS: dict[str, dict[str, Any]] = {
    "anybody-p1": {"type": None, "severity": "P1", "client": None},
    "northwind": {"type": None, "severity": "", "client": "northwind"},
    "parcels-of-northwind": {"type": "parcel", "severity": "", "client": "northwind"},
    "all-three": {"type": "parcel", "severity": "P3", "client": "northwind"},
}


@pytest.mark.parametrize(
    ("severity", "client", "source"),
    [
        ("P2", None, "type “Parcel”"),
        ("P1", None, "target “P1”"),
        ("P2", "northwind", "target “parcels-of-northwind”"),
        ("P1", "northwind", "target “parcels-of-northwind”"),
        ("P3", "northwind", "target “all-three”"),
        ("P3", "fable", "target “P3”"),
    ],
)
def test_the_target_that_names_most_wins(severity: str, client: str | None, source: str) -> None:
    rows = {slug: {**row, "name": slug, "acknowledge_within_minutes": 5, "sla": "P1"} for slug, row in TARGETS.items()}
    promise = book_of(BERLIN, "wall", rows).promise("parcel", severity, client)
    assert promise.source == source


def test_pauses_may_come_in_any_order() -> None:
    early, late = Pause(NINE, NINE + MINUTE, "a"), Pause(NINE + 5 * MINUTE, NINE + 9 * MINUTE, "b")
    until = NINE + 10 * MINUTE
    assert used(NINE, until, basis="wall", calendar=BERLIN, pauses=[late, early]) == 5 * MINUTE
