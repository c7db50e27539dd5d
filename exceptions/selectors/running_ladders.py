"""The ladder an exception climbs, beside the one it would climb if it opened under the rule book in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exceptions import ladders
from exceptions.models import ExceptionCase
from rules import selectors as rules


@dataclass(frozen=True)
class LadderInForce:
    """The ladder of the rule book version `book` as a case keeps it, still without moments; `kind` is what it calls such exceptions."""

    book: int
    kind: str
    rows: Sequence[Mapping[str, Any]]
    differs: bool


def ladder_in_force(case: ExceptionCase) -> LadderInForce | None:
    """What the rule book in force says; None where it no longer has the case's type."""
    book = rules.active_book()
    try:
        spec = book.exception_type(case.type)
    except LookupError:
        return None
    rows = ladders.copied(spec.ladder)
    # Ladders copied long ago have moments, and neither minutes nor numbers.
    known = {"after_minutes"} if all("after_minutes" in row for row in case.ladder) else set()
    return LadderInForce(book.number, spec.name, rows, _said(rows, known) != _said(case.ladder, known))


def _said(rows: Sequence[Mapping[str, Any]], known: set[str]) -> list[Mapping[str, Any]]:
    asked = {"to", "do", "hold", "skip_if_nobody", "round", *known}
    return [{name: value for name, value in row.items() if name in asked} for row in rows]
