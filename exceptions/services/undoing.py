"""Taking back what was just done to an exception: through the door that does the opposite, as an act of its own."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require
from audit.context import Actor
from audit.errors import Conflict, NotFound
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.selectors.cases import TrailEntry, trail_of
from exceptions.selectors.undoing import why_it_stays
from exceptions.services.cases import reassign_case, resume_case
from exceptions.services.links import link_cases, unlink_cases
from exceptions.services.severity import change_severity
from exceptions.services.watching import unwatch_case, watch_case

TAKEN_BACK: Final = said("Taken back")


def undo_act(*, case_id: UUID, entry: int, by: Actor, now: datetime) -> None:
    """Take back the act the numbered entry of the activity tells of.

    Raises `NotFound` for an entry there is not, `Conflict` saying why it stays: it cannot be taken back, it was somebody else's, it is too
    long ago, or something has happened since.
    """
    case = ExceptionCase.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    require(by, "exceptions.view_case", case)
    trail = trail_of(case)
    found = next((one for one in trail if one.number == entry), None)
    if found is None:
        raise NotFound("There is no such entry, or too much has happened since.")
    if why := why_it_stays(found, trail, by=by, now=now):
        raise Conflict(why, code="stays")
    # What changes between this look and the door is refused by the door: it is told which version was looked at.
    BACK[found.type](case, found, {"case_id": case.pk, "by": by, "now": now})


def _reassign(case: ExceptionCase, entry: TrailEntry, told: dict[str, Any]) -> None:
    reassign_case(**told, to=entry.changes["owner"][0], reason=TAKEN_BACK, seen=case.version)


def _severity(case: ExceptionCase, entry: TrailEntry, told: dict[str, Any]) -> None:
    change_severity(**told, severity=entry.changes["severity"][0], reason=TAKEN_BACK, seen=case.version)


BACK: Final[Mapping[str, Callable[[ExceptionCase, TrailEntry, dict[str, Any]], object]]] = {
    "case.reassigned": _reassign,
    "case.severity_changed": _severity,
    "case.waiting": lambda case, _entry, told: resume_case(**told, seen=case.version),
    "case.linked": lambda _case, entry, told: unlink_cases(**told, exception=entry.exception),
    "case.unlinked": lambda _case, entry, told: link_cases(**told, exception=entry.exception),
    "case.watched": lambda _case, _entry, told: unwatch_case(**told),
    "case.unwatched": lambda _case, _entry, told: watch_case(**told),
}
