"""Putting a running exception on the ladder of the rule book in force."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import Conflict
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.selectors.running_ladders import ladder_in_force
from exceptions.services.deadlines import start_timers, work_out
from exceptions.services.openings import ESCALATE
from exceptions.services.timers import cancel_timer
from exceptions.services.working import refuse_unless, working
from exceptions.states import CASE_LIVE


def rebase_case(*, case_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """Let it climb the ladder of the rule book in force from here on.

    Steps that were taken stay taken, and those that would have come by now come next, one after the other. Raises `Conflict` when that
    ladder is the one it climbs already, or when the rule book no longer has its type.
    """
    with working(case_id, by, now, seen, "exceptions.rebase_case") as case:
        refuse_unless(case, *CASE_LIVE, act="put on another ladder")
        new = ladder_in_force(case)
        if new is None or not new.differs:
            raise Conflict(
                said("%(key)s climbs the ladder of the rule book in force already.", key=case.key), code="same-ladder"
            )
        before = case.runs_on
        case.ladder, case.ladder_book = new.rows, new.book
        case.ladder_step = min(case.ladder_step, len(new.rows))
        timers = work_out(case, now=now)
        case.save()
        changes = {"ladder": (f"v{before}", f"v{new.book}")}
        record("case.rebased", subject=case, reason=reason_given(reason), changes=changes, step=case.ladder_step)
        start_timers(case, timers, now=now)
        if case.ladder_step == len(case.ladder):
            cancel_timer(subject=subject_ref(case), kind=ESCALATE, now=now)
    return case
