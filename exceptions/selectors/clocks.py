"""Where the clock of an exception stands, for everybody who shows it."""

from datetime import datetime

from exceptions import clocks
from exceptions.models import ExceptionCase
from exceptions.states import ClockState


def clock_of(case: ExceptionCase, *, now: datetime) -> ClockState:
    """Running, at risk, late, paused or stopped at `now`."""
    return clocks.clock_state(
        state=case.state,
        waiting_on=case.waiting_on,
        waiting_until=case.waiting_until,
        due_at=case.due_at,
        warn_at=case.warn_at,
        now=now,
    )
