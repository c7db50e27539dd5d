"""What can be done with an exception now, and why the rest cannot."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from audit.context import Actor
from audit.words import said, within
from exceptions.models import ExceptionCase
from exceptions.states import CASE_DONE, CASE_LIVE, CaseState

WORK: Final = "exceptions.work_case"


@dataclass(frozen=True)
class PossibleAction:
    """One act: whether it can be done, and if not why, in words."""

    action: str
    permission: str
    is_allowed: bool
    reason: str = ""


ACTS: Final[tuple[tuple[str, str, Collection[str]], ...]] = (
    ("acknowledge", WORK, (CaseState.OPEN,)),
    ("start", WORK, (CaseState.OPEN, CaseState.ACKNOWLEDGED)),
    ("wait", WORK, (CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)),
    ("resume", WORK, (CaseState.WAITING,)),
    ("reassign", "exceptions.reassign_case", CASE_LIVE),
    ("escalate", "exceptions.reassign_case", (CaseState.OPEN, CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)),
    ("severity", "exceptions.change_severity", CASE_LIVE),
    ("rebase", "exceptions.rebase_case", CASE_LIVE),
    ("step", WORK, CASE_LIVE),
    ("note", WORK, CaseState.values),
    ("link", WORK, CaseState.values),
    ("unlink", WORK, CaseState.values),
    ("watch", "exceptions.view_case", CaseState.values),
    ("unwatch", "exceptions.view_case", CaseState.values),
    ("resolve", WORK, CASE_LIVE),
    ("close", WORK, (CaseState.RESOLVED,)),
    ("reopen", WORK, CASE_DONE),
    ("withdraw", WORK, CASE_LIVE),
)


def possible_actions(case: ExceptionCase, *, by: Actor) -> list[PossibleAction]:
    """Every act on an exception, possible or not."""
    return [_possible(case, by, *act) for act in ACTS]


def barred_from(action: str, case: ExceptionCase, *, by: Actor) -> str:
    """Why the act cannot be done with the case as it is now; "" when it can."""
    return next((_possible(case, by, *act).reason for act in ACTS if act[0] == action), "")


def _possible(case: ExceptionCase, by: Actor, action: str, permission: str, states: Collection[str]) -> PossibleAction:
    if not by.may(permission, case.client_id):
        return PossibleAction(
            action,
            permission,
            is_allowed=False,
            reason=said("You lack the permission “%(permission)s”.", permission=permission),
        )
    if case.state not in states:
        label = within(str(CaseState(case.state).label))
        return PossibleAction(
            action, permission, is_allowed=False, reason=said("%(key)s is “%(state)s”.", key=case.key, state=label)
        )
    return PossibleAction(action, permission, is_allowed=True)
