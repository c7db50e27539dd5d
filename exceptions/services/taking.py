"""Taking what comes next."""

from datetime import datetime

from audit.context import Actor
from audit.errors import Conflict
from exceptions.models import ExceptionCase
from exceptions.selectors import QueueFilters, queue_page
from exceptions.services.cases import acknowledge_case

TRIES = 25


def take_next(*, by: Actor, now: datetime) -> ExceptionCase | None:
    """Take the most urgent exception of one's own queue that nobody has taken; None when none waits. Raises `Refused`."""
    waiting = queue_page(by=by, filters=QueueFilters(scope="mine", state="open", per=TRIES), now=now)
    for row in waiting.rows:
        try:
            case = acknowledge_case(case_id=row.id, by=by, now=now, seen=row.version)
        except Conflict:
            continue
        if case.acknowledged_by == by.id:  # else somebody was faster: the next one
            return case
    return None
