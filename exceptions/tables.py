"""A queue as a table for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Final

from audit.rest.fields import money
from exceptions.models import ExceptionCase

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
CALCULATED: Final = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    def write(self, line: str) -> str:
        """Hand the line back instead of keeping it."""
        return line


def csv_lines(cases: Iterable[ExceptionCase]) -> Iterator[str]:
    """The lines of the table, one at a time."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for case in cases:
        yield writer.writerow([harmless(text) for text in _texts(case)])


def _texts(case: ExceptionCase) -> list[str]:
    client = case.client.slug if case.client else ""
    amount = money(case.at_risk_minor, case.currency)["amount"]
    moments = (case.opened_at, case.acknowledge_by, case.due_at, case.urgent_at)
    return [
        *(case.key, case.type, case.state, case.severity, case.title, case.subject_key, client),
        *(case.owner.slug, case.backup.slug, amount, case.currency, case.cause, str(case.occurrences)),
        *(moment.astimezone(UTC).isoformat(timespec="seconds") for moment in moments),
    ]


def harmless(text: str) -> str:
    """The text as a spreadsheet shows it, never as one calculates it."""
    return f"'{text}" if text.startswith(CALCULATED) else text
