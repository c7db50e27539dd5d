"""One grammar of filters for pages, API and command line: `type=address&type=stock&owner!=me&due=overdue&risk=100..`.

A name given several times means any of them, different names mean all of them, `!` after a name excludes. What is not known never widens
the set: it is refused with the name that was probably meant.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said

SPAN = re.compile(r"^(\d{1,4})([mhdw])$")
UNITS: Final[Mapping[str, timedelta]] = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
LONGEST_VALUE: Final = 200
MOST_VALUES: Final = 50


class BadQuery(Invalid):
    """The query asks for something there is not; nothing was searched."""

    code = "bad-query"


class UnknownValueError(ValueError):
    """A filter's value that means nothing; the message says what would."""


@dataclass(frozen=True)
class Question:
    """Who asks, and when: what `me`, `today` and `overdue` refer to; days are those of the zone people are shown times in."""

    by: Actor
    now: datetime
    zone: tzinfo = field(default_factory=timezone.get_current_timezone)


Read: TypeAlias = Callable[[str, Question], Q]


@dataclass(frozen=True)
class Filter:
    """One name of the grammar: `read` turns a value into a condition, or raises `UnknownValueError`; `values` says what may be given."""

    name: str
    label: str
    read: Read
    values: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilterSet:
    """What one list can be filtered and sorted by; the first sort is the usual one and every one ends in a unique field."""

    filters: tuple[Filter, ...]
    sorts: Mapping[str, tuple[str, ...]]

    def names(self) -> tuple[str, ...]:
        """The names of the filters."""
        return tuple(one.name for one in self.filters)

    def apply(
        self, records: QuerySet[Any, Any], given: Mapping[str, Sequence[str]], question: Question
    ) -> QuerySet[Any, Any]:
        """The records that answer all of `given` (name, or name with `!`, to values). Raises `BadQuery` naming every problem."""
        known = {one.name: one for one in self.filters}
        errors: list[FieldError] = []
        for given_name, values in given.items():
            name = given_name.removesuffix("!")
            if name not in known:
                errors.append(_unknown(name, [*known, "sort", "limit", "count"]))
                continue
            condition = _any_of(known[name], values, question, errors)
            records = records.exclude(condition) if given_name.endswith("!") else records.filter(condition)
        if errors:
            raise BadQuery(" ".join(error.detail for error in errors), errors=errors)
        return records

    def order(self, sort: str) -> tuple[str, ...]:
        """The fields to order by, `-` for descending. Raises `BadQuery` for an unknown sort."""
        if not sort:
            return next(iter(self.sorts.values()))
        if sort not in self.sorts:
            error = FieldError(
                "sort",
                "unknown-value",
                said("Cannot sort by “%(sort)s”.%(sorts)s", sort=sort, sorts=_perhaps(sort, self.sorts)),
            )
            raise BadQuery(error.detail, errors=[error])
        return self.sorts[sort]


def _unknown(name: str, known: Iterable[str]) -> FieldError:
    shown = name[:40]
    return FieldError(
        shown,
        "unknown-filter",
        said("There is no filter “%(shown)s”.%(known)s", shown=shown, known=_perhaps(name, known)),
    )


def _perhaps(word: str, known: Iterable[str]) -> str:
    options = list(known)
    close = difflib.get_close_matches(word[:LONGEST_VALUE], options, n=1)
    if close:
        return f" Did you mean “{close[0]}”?"
    return f" There are: {', '.join(options[:20])}." if options else ""


def _any_of(one: Filter, values: Sequence[str], question: Question, errors: list[FieldError]) -> Q:
    condition = Q(pk__in=[])
    if len(values) > MOST_VALUES:
        errors.append(
            FieldError(
                one.name,
                "too-many",
                said("%(label)s takes at most %(value)s values.", label=one.label, value=MOST_VALUES),
            )
        )
        return condition
    for value in values:
        try:
            condition |= one.read(_clean(value), question)
        except UnknownValueError as unknown:
            errors.append(FieldError(one.name, "unknown-value", str(unknown)))
    return condition


def _clean(value: str) -> str:
    if len(value) > LONGEST_VALUE or not value.isprintable():
        raise UnknownValueError(f"A value may have {LONGEST_VALUE} printable characters; “{value[:20]!a}…” is not one.")
    return value.strip()


def choice(name: str, path: str, choices: Iterable[str], *, label: str = "") -> Filter:
    """One of a closed list."""
    options = tuple(str(option) for option in choices)
    label = label or _labelled(name)

    def read(value: str, _: Question) -> Q:
        if value not in options:
            raise UnknownValueError(f"{label} “{value}” is not known.{_perhaps(value, options)}")
        return Q(**{path: value})

    return Filter(name, label, read, f"one of {', '.join(options)}", options)


def record_of(
    name: str, path: str, records: Callable[[Actor], QuerySet[Any, Any]], *, field: str = "slug", label: str = ""
) -> Filter:
    """One of the records the actor may see, by its `field`; `path` leads to it from the listed record."""
    label = label or _labelled(name)

    def read(value: str, question: Question) -> Q:
        visible = records(question.by).order_by(field)
        try:
            found: Model | None = visible.filter(**{field: value}).first()
        except ValueError:
            found = None  # text where the field keeps a number
        if found is None:
            options = [str(option) for option in visible.values_list(field, flat=True)[:500]]
            raise UnknownValueError(f"{label} “{value}” is not known.{_perhaps(value, options)}")
        return Q(**{path: found.pk})

    return Filter(name, label, read, f"{field} of one you may see")


def record_kind(name: str, path: str, kinds: Callable[[], QuerySet[Any, Any]], *, label: str = "") -> Filter:
    """The slug of a configured kind, kept by value in the listed record."""
    label = label or _labelled(name)

    def read(value: str, _: Question) -> Q:
        known = list(kinds().values_list("slug", flat=True))
        if value not in known:
            raise UnknownValueError(f"{label} “{value}” is not known.{_perhaps(value, known)}")
        return Q(**{path: value})

    return Filter(name, label, read, "slug of a configured one")


def exact(name: str, path: str, *, label: str = "") -> Filter:
    """Exactly this text."""
    return Filter(name, label or _labelled(name), lambda value, _: Q(**{path: value}), "text, compared exactly")


def identifier(name: str, path: str, *, label: str = "") -> Filter:
    """A UUID."""
    label = label or _labelled(name)

    def read(value: str, _: Question) -> Q:
        try:
            return Q(**{path: UUID(value)})
        except ValueError as broken:
            raise UnknownValueError(f"{label} “{value}” is not a UUID.") from broken

    return Filter(name, label, read, "a UUID")


def search(*paths: str, label: str = "Search") -> Filter:
    """`q`: any of the fields contains it."""

    def read(value: str, _: Question) -> Q:
        found = Q(pk__in=[])
        for path in paths:
            found |= Q(**{f"{path}__icontains": value})
        return found if value else Q()

    return Filter("q", label, read, "text contained in any searched field")


def flag(name: str, path: str, *, label: str = "") -> Filter:
    """`true` or `false`."""
    label = label or _labelled(name)

    def read(value: str, _: Question) -> Q:
        if value not in {"true", "false"}:
            raise UnknownValueError(f"{label} is true or false, not “{value}”.")
        return Q(**{path: value == "true"})

    return Filter(name, label, read, "true or false", ("true", "false"))


def amount(name: str, path: str, *, label: str = "", scale: int = 100) -> Filter:
    """An amount or a range of amounts (`100..`, `..50`, `10..20`) in currency units, kept in minor ones."""
    label = label or _labelled(name)

    def number(text: str) -> int:
        try:
            minor = Decimal(text) * scale
        except InvalidOperation as broken:
            raise UnknownValueError(f"{label} “{text}” is not a number.") from broken
        if not minor.is_finite() or abs(minor) >= Decimal(10) ** 15:
            raise UnknownValueError(f"{label} “{text}” is not an amount.")
        return int(minor)

    def read(value: str, _: Question) -> Q:
        low, dots, high = value.partition("..")
        if not dots:
            return Q(**{path: number(value)})
        return (Q(**{f"{path}__gte": number(low)}) if low else Q()) & (
            Q(**{f"{path}__lte": number(high)}) if high else Q()
        )

    return Filter(name, label, read, "a number, or a range such as 100.. or 10..20")


def moment(name: str, path: str, *, ahead: bool = False, label: str = "") -> Filter:
    """A time: `7d` (the last seven days, or the next where the time lies ahead), `today`, `overdue`, or a range of days or times."""
    label = label or _labelled(name)

    def read(value: str, question: Question) -> Q:
        if span := SPAN.match(value):
            length = int(span[1]) * UNITS[span[2]]
            return (
                Q(**{f"{path}__lte": question.now + length}) if ahead else Q(**{f"{path}__gte": question.now - length})
            )
        if value == "today" and ahead:
            return Q(**{f"{path}__lt": question.now + timedelta(days=1)})
        if value == "today":
            start = _midnight(question.now.astimezone(question.zone).date(), question.zone)
            return Q(**{f"{path}__gte": start, f"{path}__lt": start + timedelta(days=1)})
        if value == "overdue" and ahead:
            return Q(**{f"{path}__lt": question.now})
        return _between(path, value, question.zone, label)

    words = "1h, 7d, today, overdue" if ahead else "1h, 7d, today"
    return Filter(name, label, read, f"{words}, or a range such as 2026-11-01..2026-11-20")


def _between(path: str, value: str, zone: tzinfo, label: str) -> Q:
    low, dots, high = value.partition("..")
    if not dots:
        high = low
    if not (low or high):
        raise UnknownValueError(f"{label} needs a start or an end: 2026-11-01..2026-11-20.")
    return (Q(**{f"{path}__gte": _instant(low, zone, label)}) if low else Q()) & (
        Q(**{f"{path}__lt": _instant(high, zone, label, after=True)}) if high else Q()
    )


def _instant(text: str, zone: tzinfo, label: str, *, after: bool = False) -> datetime:
    """The start of a day, or the moment itself; `after` gives the first moment beyond."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _exact_instant(text, zone, label) + (timedelta(microseconds=1) if after else timedelta())
    if not date(1970, 1, 1) <= day <= date(9000, 1, 1):
        raise UnknownValueError(f"{label} “{text}” is not a day anyone works on.")
    return _midnight(day + timedelta(days=1) if after else day, zone)


def _exact_instant(text: str, zone: tzinfo, label: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 9000:  # noqa: PLR2004 -- beyond it nothing was or will be recorded
        raise UnknownValueError(f"{label} “{text}” is not a time. Write 1h, 7d, today or 2026-11-01..2026-11-20.")
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _labelled(name: str) -> str:
    return name.replace("_", " ").capitalize()
