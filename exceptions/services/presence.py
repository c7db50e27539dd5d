"""Saying that one is on an exception. Nothing is written to the database: it locks nothing and is no part of the trail."""

from datetime import datetime

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid
from exceptions import presence
from exceptions.selectors.cases import case_for


def note_presence(*, key: str, doing: str, by: Actor, now: datetime) -> None:
    """Tell the others that this person is looking at the exception, edits it or has left.

    Raises `NotFound` for an exception of others, `Refused` without the permission to see any and `Invalid` for something else to do.
    """
    require(by, "exceptions.view_case")
    if doing not in presence.DOING:
        detail = f"Choose one of: {', '.join(presence.DOING)}."
        raise Invalid(detail, errors=[FieldError("/doing", "unknown", detail)])
    case = case_for(by, key)
    presence.keep(key=case.key, person=by.id, name=by.name, doing=doing, now=now)
