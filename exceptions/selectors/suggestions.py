"""What to do next about an exception: the one act a key or a button in a list leads to."""

from dataclasses import dataclass

from exceptions.models import ExceptionCase
from exceptions.selectors.playbook import Playbook, Step
from exceptions.states import CaseState


@dataclass(frozen=True)
class Suggestion:
    """The act, and the step of the playbook where it is one."""

    action: str
    step: Step | None = None


def suggestion(case: ExceptionCase, book: Playbook) -> Suggestion | None:
    """Go on with what waits, else the first step that can be done, else resolve; None when nothing of this can be done now."""
    if not case.is_live:
        return None
    if case.state == CaseState.WAITING:
        return Suggestion("resume")
    open_step = next((step for step in book.steps if step.state == "open"), None)
    if open_step is not None:
        return Suggestion("step", open_step)
    return None if book.missing else Suggestion("resolve")
