"""Saying that one is on an exception. Nothing is written to the database: it locks nothing and is no part of the trail."""

import re
from datetime import datetime
from typing import Final

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from exceptions import presence
from exceptions.selectors.cases import case_for

PAGE: Final = re.compile(r"[a-z0-9]{0,40}", re.ASCII)


def note_presence(*, key: str, doing: str, page: str = "", by: Actor, now: datetime) -> None:
    """Tell the others that this person is looking at the exception, edits it or has left; `page` is which of the person's pages says so.

    Raises `NotFound` for an exception of others, `Refused` without the permission to see any and `Invalid` for something else to do.
    """
    require(by, "exceptions.view_case")
    if doing not in presence.DOING:
        detail = said("Choose one of: %(presence)s.", presence=", ".join(presence.DOING))
        raise Invalid(detail, errors=[FieldError("/doing", "unknown", detail)])
    if not PAGE.fullmatch(page):
        detail = said("A page is called by at most 40 letters and digits.")
        raise Invalid(detail, errors=[FieldError("/page", "unknown", detail)])
    case = case_for(by, key)
    presence.keep(key=case.key, person=by.id, name=by.name, page=page, doing=doing, now=now)
