"""Who gets an exception when nobody acts: pure arithmetic over a ladder that was copied when the case opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rules.rulebook import CompiledBook, ExceptionTypeSpec

OVERRUN_AFTER = timedelta(
    hours=48
)  # a case this long past its deadline changes hands, and again each time as long passes


@dataclass(frozen=True)
class Rung:
    """One step: at `due_at` the case goes to `owner` (a slug; "backup" means whoever is the backup then)."""

    to: str
    due_at: datetime


def unroll(
    spec: ExceptionTypeSpec, book: CompiledBook, *, opened_at: datetime, client_calendar: str | None
) -> list[dict[str, str]]:
    """The type's ladder with its minutes turned into moments, on the same kind of clock as its service level."""
    sla = book.sla(spec.sla)
    calendar = sla.calendar or client_calendar
    return [
        {
            "to": step["to"],
            "due_at": book.after(
                step["after_minutes"], opened_at, basis=sla.basis, calendar=calendar, in_words=False
            ).due_at.isoformat(),
        }
        for step in spec.ladder
    ]


def rung(ladder: Sequence[Mapping[str, Any]], step: int) -> Rung | None:
    """The next step to take when `step` have been taken; None at the top."""
    if step >= len(ladder):
        return None
    row = ladder[step]
    return Rung(row["to"], datetime.fromisoformat(row["due_at"]))


def target(to: str) -> str | None:
    """The owner's slug a step names, or None for the backup."""
    return to.removeprefix("owner:") if to.startswith("owner:") else None
