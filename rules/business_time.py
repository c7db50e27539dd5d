"""Deadlines in business time, with their derivation in words.

A calendar is opening hours on the clock on the wall of one time zone, minus its holidays. It is turned into merged UTC
intervals once per span of years; adding and measuring are then a bisection, exact to the microsecond over every change
of summer time. A shift belongs to the day it opens on: a holiday cancels the shifts that open on it, and a night shift
that opened the evening before runs to its end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Literal
from zoneinfo import ZoneInfo

Basis = Literal["wall", "business"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
HORIZON_YEARS = 12
LEGS_SHOWN = 5
DAYS_WITHOUT_DATE = 6
LEAST_WARNING = 30


class CalendarNeverOpens(ValueError):
    """The calendar has no open hour within the horizon, so no deadline exists in it."""


@dataclass(frozen=True, order=True)
class Shift:
    """Opening hours of one weekday (Monday is 0). `closes` at or before `opens` means the next day; equal is 24 hours."""

    weekday: int
    opens: time
    closes: time

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Start and end of the shift that opens on `day`, as naive local times."""
        start = datetime.combine(day, self.opens)
        end = datetime.combine(day, self.closes)
        return start, end if end > start else end + timedelta(days=1)


ROUND_THE_CLOCK = tuple(Shift(weekday, time(0), time(0)) for weekday in range(7))


@dataclass(frozen=True)
class Derivation:
    """A deadline (aware UTC) and how it came about, in words, on the wall clock of the calendar."""

    due_at: datetime
    words: str


@dataclass(frozen=True)
class Pause:
    """A stretch during which the clock stands (both moments aware), and why, in words; it may end in the future."""

    starts_at: datetime
    ends_at: datetime
    why: str


@dataclass(frozen=True)
class Leg:
    """Business time used in one opening: when it began (aware UTC) and how much of it."""

    starts_at: datetime
    worked: timedelta


@dataclass(frozen=True)
class BusinessCalendar:
    """Opening hours in one time zone. Cheap to ask, built once per span of years, safe to share between threads."""

    slug: str
    time_zone: str
    shifts: tuple[Shift, ...]
    holidays: frozenset[date] = frozenset()
    _spans: dict[int, _Span] = field(default_factory=dict, compare=False, repr=False)

    def add(self, start: datetime, length: int | timedelta) -> datetime:
        """Earliest moment at which `length` (minutes, where a number) of business time has passed since `start`; aware UTC."""
        amount = _amount(length)
        if amount <= 0:
            return start.astimezone(UTC)
        return _moment(self._target(_micros(start), amount))

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Business time between two aware moments; negative when `end` is before `start`."""
        if end < start:
            return -self.elapsed(end, start)
        span = self._span_covering(start.astimezone(UTC).year, end.astimezone(UTC).year)
        return timedelta(microseconds=span.worked_until(_micros(end)) - span.worked_until(_micros(start)))

    def legs(self, start: datetime, length: int | timedelta) -> list[Leg]:
        """The openings that `length` of business time from `start` is made of, in order."""
        due = _micros(self.add(start, length))
        begin = _micros(start)
        span = self._span_covering(start.astimezone(UTC).year, _moment(due).year)
        index = max(bisect_right(span.starts, begin) - 1, 0)
        legs = []
        while index < len(span.starts) and span.starts[index] < due:
            opens, closes = max(span.starts[index], begin), min(span.ends[index], due)
            if closes > opens:
                legs.append(Leg(_moment(opens), timedelta(microseconds=closes - opens)))
            index += 1
        return legs

    def _target(self, begin: int, amount: int) -> int:
        year = _moment(begin).year
        for ahead in range(1, HORIZON_YEARS + 1):
            span = self._span_covering(year, min(year + ahead, 9998))
            target = span.worked_until(begin) + amount
            if target <= span.total:
                return span.moment_when_worked(target)
        message = f"The calendar {self.slug} does not have {amount // MINUTE} open minutes in {HORIZON_YEARS} years."
        raise CalendarNeverOpens(message)

    def _span_covering(self, first_year: int, last_year: int) -> _Span:
        """The opening intervals of whole years, with a year of margin; a wider span replaces a narrower one."""
        span = self._spans.get(0)
        if span is None or first_year < span.first_year or last_year > span.last_year:
            low = first_year if span is None else min(first_year, span.first_year)
            high = last_year + 1 if span is None else max(last_year, span.last_year)
            span = _Span.of(self, low, min(high, 9998))
            self._spans[0] = span
        return span


@dataclass(frozen=True)
class _Span:
    """Merged openings of some years as microseconds since 1970, and the business time that passed before each."""

    first_year: int
    last_year: int
    starts: list[int]
    ends: list[int]
    worked_before: list[int]
    total: int

    @classmethod
    @lru_cache(maxsize=64)  # every new rule book compiles its calendars anew, and most are as they were
    def of(cls, calendar: BusinessCalendar, first_year: int, last_year: int) -> _Span:
        merged = _merge(_openings(calendar, first_year, last_year))
        worked = list(accumulate((end - start for start, end in merged), initial=0))
        starts, ends = [start for start, _ in merged], [end for _, end in merged]
        return cls(first_year, last_year, starts, ends, worked[:-1], worked[-1])

    def worked_until(self, at: int) -> int:
        index = bisect_right(self.starts, at) - 1
        return 0 if index < 0 else self.worked_before[index] + min(at, self.ends[index]) - self.starts[index]

    def moment_when_worked(self, amount: int) -> int:
        index = bisect_right(self.worked_before, amount - 1) - 1
        return self.starts[index] + amount - self.worked_before[index]


def derive(
    start: datetime,
    minutes: int,
    *,
    basis: Basis,
    calendar: BusinessCalendar,
    in_words: bool = True,
    pauses: Sequence[Pause] = (),
) -> Derivation:
    """Deadline `minutes` after `start`, by the wall clock or in the calendar's business time, and its words.

    Time that lies in one of the `pauses` is not counted.
    """
    start = start.astimezone(UTC)
    hours = calendar if basis == "business" else _round_the_clock(calendar.time_zone)
    runs = list(_runs(start, timedelta(minutes=minutes), hours, pauses))
    due = hours.add(runs[-1].starts_at, runs[-1].length)
    return Derivation(due, _words(start, runs, due, hours) if in_words else "")


def used(
    start: datetime, until: datetime, *, basis: Basis, calendar: BusinessCalendar, pauses: Sequence[Pause]
) -> timedelta:
    """How much of its time a clock that began at `start` has used by `until`."""
    hours = calendar if basis == "business" else _round_the_clock(calendar.time_zone)
    at, counted = start, timedelta()
    for pause in sorted(pauses, key=_by_start):
        if at < min(pause.starts_at, until):
            counted += hours.elapsed(at, min(pause.starts_at, until))
        at = max(at, pause.ends_at)
    return counted + (hours.elapsed(at, until) if at < until else timedelta())


def warning_minutes(minutes: int) -> int:
    """How long before its end a promise of so many minutes is at risk: a quarter or half an hour, but never more than half of it."""
    return min(max(minutes // 4, LEAST_WARNING), minutes // 2)


@dataclass(frozen=True)
class _Run:
    """A stretch in which the clock runs: for how long it is needed, and the pause that ends it."""

    starts_at: datetime
    length: timedelta
    then: Pause | None = None


def _runs(start: datetime, length: timedelta, hours: BusinessCalendar, pauses: Sequence[Pause]) -> Iterator[_Run]:
    at, left = start, length
    for pause in sorted(pauses, key=_by_start):
        if pause.ends_at <= at:
            continue
        ran = hours.elapsed(at, max(pause.starts_at, at))
        if ran >= left:
            break
        yield _Run(at, ran, pause)
        at, left = pause.ends_at.astimezone(UTC), left - ran
    yield _Run(at, left)


def _by_start(pause: Pause) -> datetime:
    return pause.starts_at


@cache
def _round_the_clock(time_zone: str) -> BusinessCalendar:
    return BusinessCalendar("always", time_zone, ROUND_THE_CLOCK)


def duration_words(length: timedelta) -> str:
    """A length of time as people write it: `3 h`, `1 h 30 min`, `45 min`, `30 s`."""
    seconds = round(length.total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{amount} {unit}" for amount, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if amount]
    return " ".join(parts) or "0 min"


def _words(start: datetime, runs: Sequence[_Run], due: datetime, hours: BusinessCalendar) -> str:
    zone, dated = ZoneInfo(hours.time_zone), (due - start) > timedelta(days=DAYS_WITHOUT_DATE)

    def clock(at: datetime) -> str:
        local = at.astimezone(zone)
        day = f"{local:%a} {local.day} {local:%b}" if dated else f"{local:%a}"
        return f"{day} {local:%H:%M}"

    said = []
    for run in runs:
        said += _folded(hours.legs(run.starts_at, run.length), clock)
        if run.then is not None:
            said.append(f"not counted {clock(run.then.starts_at)} to {clock(run.then.ends_at)} ({run.then.why})")
    return f"{', '.join(said) or clock(start)} = {clock(due)}"


def _folded(legs: Sequence[Leg], clock: Callable[[datetime], str]) -> list[str]:
    shown = [f"{clock(leg.starts_at)} + {duration_words(leg.worked)}" for leg in legs]
    if len(shown) > LEGS_SHOWN:
        hidden = legs[LEGS_SHOWN - 2 : -1]
        between = duration_words(sum((leg.worked for leg in hidden), timedelta()))
        shown[LEGS_SHOWN - 2 : -1] = [f"{len(hidden)} more openings + {between}"]
    return shown


def _openings(calendar: BusinessCalendar, first_year: int, last_year: int) -> Iterator[tuple[int, int]]:
    zone = ZoneInfo(calendar.time_zone)
    by_weekday: dict[int, list[Shift]] = {}
    for shift in calendar.shifts:
        by_weekday.setdefault(shift.weekday, []).append(shift)
    day, last = date(first_year, 1, 1) - timedelta(days=2), date(last_year, 12, 31) + timedelta(days=2)
    while day <= last:
        if day not in calendar.holidays:
            for shift in by_weekday.get(day.weekday(), ()):
                yield from _as_utc(*shift.on(day), zone)
        day += timedelta(days=1)


def _as_utc(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """UTC intervals during which the wall clock shows a time from `start` until `end`.

    The wall clock is the rule: an hour that summer time skips is not worked, one it repeats is worked twice.
    """
    before, after = _offset(start - timedelta(days=1), zone), _offset(end + timedelta(days=1), zone)
    if before == after == _offset(start, zone) == _offset(end, zone):
        yield _naive_micros(start) - before, _naive_micros(end) - before
        return
    change = _change_of_offset(start - timedelta(days=1), end + timedelta(days=1), zone)
    first = _naive_micros(start) - before, min(_naive_micros(end) - before, change)
    second = max(_naive_micros(start) - after, change), _naive_micros(end) - after
    yield from (part for part in (first, second) if part[1] > part[0])


def _change_of_offset(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    """The first moment, in microseconds, with the offset that holds at `end`; the two offsets differ."""
    low, high = start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
    final = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(zone).utcoffset() == final:
            high = middle
        else:
            low = middle
    return _micros(high)


def _merge(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals, key=itemgetter(0)):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _offset(local: datetime, zone: ZoneInfo) -> int:
    offset = local.replace(tzinfo=zone).utcoffset()
    return round(offset.total_seconds() * 1_000_000) if offset else 0


def _amount(length: int | timedelta) -> int:
    return length // timedelta(microseconds=1) if isinstance(length, timedelta) else length * MINUTE


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _naive_micros(local: datetime) -> int:
    return _micros(local.replace(tzinfo=UTC))


def _moment(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def overlapping(shifts: Iterable[Shift]) -> list[tuple[Shift, Shift]]:
    """Pairs of shifts of one calendar that overlap, for the form that edits them."""
    monday = date(2024, 1, 1)
    spans = sorted((shift.on(monday + timedelta(days=shift.weekday)), shift) for shift in shifts)
    return [(left[1], right[1]) for left, right in pairwise(spans) if right[0][0] < left[0][1]]
