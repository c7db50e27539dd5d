"""What happens to an exception when nobody acts: pure arithmetic over a ladder that was copied when the case opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rules import ladders as steps

OVERRUN_AFTER = timedelta(
    hours=48
)  # a case this long past its deadline changes hands, and again each time as long passes
DEFAULT_HOLD = "escalation"


@dataclass(frozen=True)
class Step:
    """What a step does, with or for `to` ("backup" means whoever is the backup then, "" nobody).

    `number` is the step's in the ladder as it was written, `round` how often it has come by then.
    """

    to: str
    does: str = steps.REASSIGN
    skip_if_nobody: bool = False
    hold: str = ""
    number: int = 0
    round: int = 1

    @property
    def gives_to_backup(self) -> bool:
        """Whether it is what happens when nobody takes a case in time."""
        return self.does == steps.REASSIGN and self.to == steps.BACKUP


@dataclass(frozen=True)
class Rung:
    """A step with its moment."""

    due_at: datetime
    step: Step


def overrun(due_at: datetime, *, now: datetime) -> datetime:
    """When a case changes hands next because it is so long past its deadline."""
    passed = max(now - due_at, timedelta()) // OVERRUN_AFTER
    return due_at + (passed + 1) * OVERRUN_AFTER


def copied(ladder: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A type's ladder as a case keeps it, with its repeats written out; `clocks.reckon` adds the moments."""
    return [_row(one) for one in steps.planned(ladder)]


def _row(one: steps.Planned) -> dict[str, Any]:
    """What a case keeps of a step: what goes without saying is not said, for a hundred thousand keep it."""
    does = steps.does(one.step)
    row = {"step": one.number, "after_minutes": one.minutes, "to": one.step.get("to", "")}
    if does != steps.REASSIGN:
        row["do"] = does
    if does == steps.HOLD:
        row["hold"] = one.step.get("hold", DEFAULT_HOLD)
    if one.step.get("skip_if_nobody"):
        row["skip_if_nobody"] = True
    if one.round > 1:
        row["round"] = one.round
    return row


def rung(ladder: Sequence[Mapping[str, Any]], taken: int) -> Rung | None:
    """The next step to take when `taken` have been; None at the top."""
    if taken >= len(ladder):
        return None
    row = ladder[taken]
    return Rung(datetime.fromisoformat(row["due_at"]), step_in(row))


def step_in(row: Mapping[str, Any]) -> Step:
    """What a row of a copied ladder says, but for its moment."""
    return Step(
        to=row["to"],
        does=steps.does(row),
        skip_if_nobody=row.get("skip_if_nobody", False),
        hold=row.get("hold", ""),
        number=row.get("step", 0),
        round=row.get("round", 1),
    )


def rungs(ladder: Sequence[Mapping[str, Any]]) -> list[Rung]:
    """All steps, in their order."""
    return [one for taken in range(len(ladder)) if (one := rung(ladder, taken)) is not None]


def target(to: str) -> str | None:
    """The owner's slug a step names, or None for the backup."""
    return to.removeprefix(steps.OWNER) if to.startswith(steps.OWNER) else None


def last_resort(ladder: Sequence[Mapping[str, Any]]) -> str | None:
    """The slug of the owner at the top of the ladder; None where nobody above the backup is named."""
    named = [target(row["to"]) for row in ladder if steps.does(row) in {steps.REASSIGN, steps.PAGE}]
    return next((slug for slug in reversed(named) if slug), None)
