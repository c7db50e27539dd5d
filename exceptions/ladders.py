"""Who gets an exception when nobody acts: pure arithmetic over a ladder that was copied when the case opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

OVERRUN_AFTER = timedelta(
    hours=48
)  # a case this long past its deadline changes hands, and again each time as long passes


@dataclass(frozen=True)
class Rung:
    """One step: at `due_at` the case goes to `owner` (a slug; "backup" means whoever is the backup then)."""

    to: str
    due_at: datetime


def overrun(due_at: datetime, *, now: datetime) -> datetime:
    """When a case changes hands next because it is so long past its deadline."""
    passed = max(now - due_at, timedelta()) // OVERRUN_AFTER
    return due_at + (passed + 1) * OVERRUN_AFTER


def rung(ladder: Sequence[Mapping[str, Any]], step: int) -> Rung | None:
    """The next step to take when `step` have been taken; None at the top."""
    if step >= len(ladder):
        return None
    row = ladder[step]
    return Rung(row["to"], datetime.fromisoformat(row["due_at"]))


def target(to: str) -> str | None:
    """The owner's slug a step names, or None for the backup."""
    return to.removeprefix("owner:") if to.startswith("owner:") else None
