"""Business time against a minute-by-minute oracle, over changes of summer time, holidays and night shifts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.business_time import (
    ROUND_THE_CLOCK,
    BusinessCalendar,
    CalendarNeverOpens,
    Shift,
    derive,
    duration_words,
    overlapping,
)

WEEKDAYS_8_TO_18 = tuple(Shift(weekday, time(8), time(18)) for weekday in range(5))
BERLIN = BusinessCalendar("berlin", "Europe/Berlin", WEEKDAYS_8_TO_18)
# Starts near a change of summer time (Europe, Americas, half-hour Lord Howe) and in quiet weeks.
STARTS = [
    datetime(2026, 3, 27, 12, tzinfo=UTC),
    datetime(2026, 10, 23, 12, tzinfo=UTC),
    datetime(2026, 3, 6, 12, tzinfo=UTC),
    datetime(2026, 10, 30, 12, tzinfo=UTC),
    datetime(2026, 4, 3, 12, tzinfo=UTC),
    datetime(2026, 10, 2, 12, tzinfo=UTC),
    datetime(2026, 7, 6, 7, tzinfo=UTC),
    datetime(2026, 12, 30, 7, tzinfo=UTC),
]
ZONES = ["Europe/Berlin", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


def clock_times() -> st.SearchStrategy[time]:
    return st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@st.composite
def calendars(draw: st.DrawFn) -> BusinessCalendar:
    shifts = draw(st.lists(st.builds(Shift, st.integers(0, 6), clock_times(), clock_times()), min_size=1, max_size=9))
    holidays = draw(st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=30))
    near = draw(st.frozensets(st.sampled_from([s.date() + timedelta(days=n) for s in STARTS for n in range(5)])))
    return BusinessCalendar("drawn", draw(st.sampled_from(ZONES)), tuple(shifts), holidays | near)


def open_by_the_wall_clock(calendar: BusinessCalendar, minute: datetime) -> bool:
    """The oracle: look at the clock on the wall, today and for the shift that opened yesterday."""
    local = minute.astimezone(ZoneInfo(calendar.time_zone)).replace(tzinfo=None)
    for day in (local.date(), local.date() - timedelta(days=1)):
        if day in calendar.holidays:
            continue
        for shift in calendar.shifts:
            start, end = shift.on(day)
            if shift.weekday == day.weekday() and start <= local < end:
                return True
    return False


@settings(max_examples=40, deadline=None)
@given(calendars(), st.sampled_from(STARTS), st.integers(0, 1500), st.integers(0, 60 * 72))
def test_time_elapsed_is_what_counting_every_minute_gives(
    calendar: BusinessCalendar, base: datetime, offset: int, length: int
) -> None:
    start = base + timedelta(minutes=offset)
    counted = sum(open_by_the_wall_clock(calendar, start + timedelta(minutes=n)) for n in range(length))
    assert calendar.elapsed(start, start + timedelta(minutes=length)) == timedelta(minutes=counted)


@settings(max_examples=25, deadline=None)
@given(calendars(), st.sampled_from(STARTS), st.integers(0, 1500), st.integers(1, 900))
def test_a_deadline_is_the_first_minute_by_which_the_time_has_passed(
    calendar: BusinessCalendar, base: datetime, offset: int, minutes: int
) -> None:
    start = base + timedelta(minutes=offset)
    due = calendar.add(start, minutes)
    assert calendar.elapsed(start, due) == timedelta(minutes=minutes)
    assert calendar.elapsed(start, due - timedelta(minutes=1)) == timedelta(minutes=minutes - 1)
    assert open_by_the_wall_clock(calendar, due - timedelta(minutes=1))


@settings(max_examples=25, deadline=None)
@given(calendars(), st.sampled_from(STARTS), st.integers(0, 10**9), st.integers(1, 5000))
def test_the_legs_of_a_deadline_add_up_and_end_at_it(
    calendar: BusinessCalendar, base: datetime, micros: int, minutes: int
) -> None:
    start = base + timedelta(microseconds=micros)
    legs = calendar.legs(start, minutes)
    assert sum((leg.worked for leg in legs), timedelta()) == timedelta(minutes=minutes)
    assert legs[-1].starts_at + legs[-1].worked == calendar.add(start, minutes)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("start", STARTS)
def test_round_the_clock_business_time_is_wall_time(zone: str, start: datetime) -> None:
    calendar = BusinessCalendar("always", zone, ROUND_THE_CLOCK)
    assert calendar.add(start, 5000) == start + timedelta(minutes=5000)


def test_a_deadline_skips_the_night_and_says_so() -> None:
    monday_evening = datetime(2026, 2, 2, 16, 0, tzinfo=UTC)
    derived = derive(monday_evening, 240, basis="business", calendar=BERLIN)
    assert derived.due_at == datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
    assert derived.words == "Mon 17:00 + 1 h, Tue 08:00 + 3 h = Tue 11:00"


def test_a_deadline_skips_weekend_and_holiday() -> None:
    thursday = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
    easter = BusinessCalendar(
        "berlin", "Europe/Berlin", WEEKDAYS_8_TO_18, frozenset({date(2026, 4, 3), date(2026, 4, 6)})
    )
    derived = derive(thursday, 120, basis="business", calendar=easter)
    assert derived.words == "Thu 17:00 + 1 h, Tue 08:00 + 1 h = Tue 09:00"


def test_a_wall_clock_deadline_ignores_the_opening_hours() -> None:
    friday_night = datetime(2026, 2, 6, 21, 30, tzinfo=UTC)
    derived = derive(friday_night, 60, basis="wall", calendar=BERLIN)
    assert derived.words == "Fri 22:30 + 1 h = Fri 23:30"
    assert derived.due_at == friday_night + timedelta(hours=1)


def test_a_long_derivation_names_dates_and_folds_the_middle() -> None:
    monday = datetime(2026, 2, 2, 7, 0, tzinfo=UTC)
    derived = derive(monday, 60 * 75, basis="business", calendar=BERLIN)
    assert derived.words == (
        "Mon 2 Feb 08:00 + 10 h, Tue 3 Feb 08:00 + 10 h, Wed 4 Feb 08:00 + 10 h, 4 more openings + 40 h, "
        "Wed 11 Feb 08:00 + 5 h = Wed 11 Feb 13:00"
    )


def test_a_night_shift_counts_from_the_evening_into_the_morning() -> None:
    night = BusinessCalendar("night", "Europe/Berlin", (Shift(0, time(22), time(6)),))
    monday_2300 = datetime(2026, 6, 1, 21, 0, tzinfo=UTC)
    assert night.add(monday_2300, 120) == datetime(2026, 6, 1, 23, 0, tzinfo=UTC)


def test_a_holiday_cancels_the_shift_that_opens_on_it_and_not_the_one_that_runs_into_it() -> None:
    shifts = tuple(Shift(weekday, time(22), time(6)) for weekday in range(7))
    night = BusinessCalendar("night", "UTC", shifts, frozenset({date(2026, 6, 2)}))
    midnight = datetime(2026, 6, 2, tzinfo=UTC)
    assert night.elapsed(midnight, midnight + timedelta(days=1)) == timedelta(hours=6)


def test_a_calendar_without_hours_is_refused_by_name() -> None:
    with pytest.raises(CalendarNeverOpens, match="The calendar empty does not have 5 open minutes in 12 years"):
        BusinessCalendar("empty", "UTC", ()).add(STARTS[0], 5)


def test_no_time_at_all_is_due_at_once_even_while_closed() -> None:
    sunday = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)
    assert BERLIN.add(sunday, 0) == sunday
    assert derive(sunday, 0, basis="business", calendar=BERLIN).words == "Sun 13:00 = Sun 13:00"


def test_asking_for_an_earlier_year_later_gives_the_same_answer() -> None:
    fresh = BusinessCalendar("berlin", "Europe/Berlin", WEEKDAYS_8_TO_18)
    fresh.add(datetime(2030, 5, 1, tzinfo=UTC), 60)
    early = datetime(2019, 5, 2, 5, tzinfo=UTC)
    assert fresh.add(early, 60) == datetime(2019, 5, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 min"), (30, "30 s"), (2700, "45 min"), (5400, "1 h 30 min"), (172800, "48 h")]
)
def test_lengths_read_as_people_write_them(seconds: int, words: str) -> None:
    assert duration_words(timedelta(seconds=seconds)) == words


def test_overlapping_shifts_are_found() -> None:
    early, late = Shift(0, time(8), time(13)), Shift(0, time(12), time(18))
    assert overlapping([late, early, Shift(1, time(8), time(18))]) == [(early, late)]
