"""Lists as tables for spreadsheets and programs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from audit.rest.fields import money
from audit.spreadsheets import csv_of, json_of
from exceptions.models import ExceptionCase
from exceptions.selectors.jobs import ItemRow
from exceptions.subjects import Impact

COLUMNS: Final = (
    *(
        "key",
        "type",
        "state",
        "severity",
        "title",
        "about",
        "client",
        "owner",
        "backup",
        "at_risk",
        "currency",
        "cause",
    ),
    *("occurrences", "opened_at", "acknowledge_by", "due_at", "urgent_at"),
)
# What the columns of the page become; a file without a choice of columns has all of the above.
OF_COLUMN: Final[Mapping[str, tuple[str, ...]]] = {
    "due": ("due_at",),
    "title": ("title", "state"),
    "about": ("about", "client"),
    "risk": ("at_risk", "currency"),
    "owner": ("owner",),
    "next": ("acknowledge_by", "urgent_at"),
    "backup": ("backup",),
    "cause": ("cause",),
    "opened": ("opened_at",),
    "urgent": ("urgent_at",),
}


def csv_lines(cases: Iterable[ExceptionCase], columns: Collection[str] = ()) -> Iterator[str]:
    """The lines of the table, one at a time; with columns of the page given, no more than those and the key."""
    return csv_of(_names(columns), map(_texts, cases))


def json_lines(cases: Iterable[ExceptionCase], columns: Collection[str] = ()) -> Iterator[str]:
    """The same as a JSON array, an exception a line; what is not there is null."""
    return json_of(_names(columns), map(_values, cases))


PASSING: Final = ("key", "what", "missing", "value", "currency")


def passing_lines(impact: Impact) -> Iterator[str]:
    """What passes only with a time-limited exception, a line each."""
    rows = [
        dict(
            zip(
                PASSING,
                (one.key, one.words, one.missing, money(one.money_minor, impact.currency)["amount"], impact.currency),
                strict=True,
            )
        )
        for one in impact.marginal
    ]
    return csv_of(PASSING, rows)


def result_lines(rows: Iterable[ItemRow]) -> Iterator[str]:
    """What came of each record of an act on many, as CSV."""
    names = ["key", "state", "why", "at"]
    return csv_of(names, ({name: _written(getattr(row, name)) for name in names} for row in rows))


def _written(value: datetime | str | None) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else str(value or "")


def _names(columns: Collection[str]) -> list[str]:
    wanted = {"key", *(name for column in columns for name in OF_COLUMN[column])} if columns else set(COLUMNS)
    return [name for name in COLUMNS if name in wanted]


def _values(case: ExceptionCase) -> dict[str, object]:
    texts = {name: text or None for name, text in _texts(case).items()}
    return {**texts, "occurrences": case.occurrences}


def _texts(case: ExceptionCase) -> dict[str, str]:
    client = case.client.slug if case.client else ""
    amount = money(case.at_risk_minor, case.currency)["amount"]
    moments = (case.opened_at, case.acknowledge_by, case.due_at, case.urgent_at)
    texts = [
        *(case.key, case.type, case.state, case.severity, case.title, case.subject_key, client),
        *(case.owner.slug, case.backup.slug, amount, case.currency, case.cause, str(case.occurrences)),
        *(moment.astimezone(UTC).isoformat(timespec="seconds") for moment in moments),
    ]
    return dict(zip(COLUMNS, texts, strict=True))
