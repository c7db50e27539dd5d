"""What happens to an exception if nobody acts: when, and who has it then."""

from dataclasses import dataclass
from datetime import datetime

from exceptions import ladders
from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE, CaseState


@dataclass(frozen=True)
class NextStep:
    """At `at` the case goes to `to` (an owner's name or slug), because of `why`."""

    at: datetime
    to: str
    why: str


def next_step(case: ExceptionCase) -> NextStep | None:
    """The next thing a timer does; None for finished cases and at the top of the ladder."""
    if case.state not in CASE_LIVE:
        return None
    rung = ladders.rung(case.ladder, case.ladder_step)
    climb = NextStep(rung.due_at, ladders.target(rung.to) or case.backup.name, "not resolved") if rung else None
    if case.state == CaseState.OPEN and (climb is None or case.acknowledge_by <= climb.at):
        return NextStep(case.acknowledge_by, case.backup.name, "not taken")
    return climb
