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


def next_step(case: ExceptionCase, *, now: datetime) -> NextStep | None:
    """The next thing a timer does after `now`; None for finished cases."""
    if case.state not in CASE_LIVE:
        return None
    climb = _climb(case, now)
    if case.state == CaseState.OPEN and now <= case.acknowledge_by <= climb.at:
        return NextStep(case.acknowledge_by, case.backup.name, "not taken")
    return climb


def _climb(case: ExceptionCase, now: datetime) -> NextStep:
    """The next step of the ladder; at its top, the backup gets it each time another two days have passed."""
    rung = ladders.rung(case.ladder, case.ladder_step)
    if rung is not None:
        return NextStep(rung.due_at, ladders.target(rung.to) or case.backup.name, "not resolved")
    return NextStep(ladders.overrun(case.due_at, now=now), case.backup.name, "not resolved")
