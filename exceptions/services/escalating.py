"""Escalating before the time has come: somebody sends exceptions up their ladders, with a reason; one or many in as many statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.context import Actor
from audit.services.events import Entry, record_many
from audit.texts import reason_given
from exceptions.models import ExceptionCase
from exceptions.services.escalation import Move, Standing, move_cases, up_or_to_backup
from exceptions.services.working import refuse_unless, working
from exceptions.states import CaseState
from rules.selectors.people import Roster

# What waits for somebody else has its ladder stand still with its clock.
ESCALATABLE: Final = (CaseState.OPEN, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)
ESCALATED: Final = "case.escalated_now"


def escalate_case(*, case_id: UUID, reason: str, by: Actor, now: datetime, seen: int | None = None) -> ExceptionCase:
    """The next step of its ladder now, before its time; at the top it goes to the backup. The steps after it come when they would have.

    Raises `CaseTaken` when it is no longer what was `seen`, `Refused` without the permission, `IllegalTransition` while it waits for
    somebody else and when it is over.
    """
    with working(case_id, by, now, seen, "exceptions.reassign_case") as case:
        refuse_unless(case, *ESCALATABLE, act="escalated")
        climb([case], reason=reason_given(reason), now=now)
        case.refresh_from_db()
    return case


def climb(cases: Sequence[ExceptionCase], *, reason: str, now: datetime) -> None:
    """One step up for each of these, which are locked; inside `acting()`. A step that gives them to nobody else is told beside it."""

    def step(case: Standing, roster: Roster) -> Move:
        move = up_or_to_backup(case, roster)
        return move if move.event else Move(move.owner, move.backup, move.step, why=reason)

    ids = [str(case.pk) for case in cases]
    groups = move_cases(ids=ids, states=ESCALATABLE, decide=step, event=ESCALATED, now=now)
    apart = [case.ref for _, move, moved in groups if move.event for case in moved]
    record_many([Entry(ESCALATED, ref, reason=reason) for ref in apart])
