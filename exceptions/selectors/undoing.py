"""Whether what was done to an exception can still be taken back, and why not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from audit.context import Actor
from audit.words import at, said
from exceptions.selectors.cases import TrailEntry

UNDO_WITHIN: Final = timedelta(minutes=15)
# What depends on how the exception stood: once anything of it has changed since, taking it back would undo that too.
MOVES: Final = frozenset({"case.reassigned", "case.waiting", "case.severity_changed"})
# What is taken back by its opposite, whatever else has happened.
OPPOSITES: Final[Mapping[str, str]] = {
    "case.linked": "case.unlinked",
    "case.unlinked": "case.linked",
    "case.watched": "case.unwatched",
    "case.unwatched": "case.watched",
}


def undoable(trail: Sequence[TrailEntry], *, by: Actor, now: datetime) -> set[int]:
    """The numbers of those entries of the newest that the actor can take back now."""
    return {entry.number for entry in trail if not why_it_stays(entry, trail, by=by, now=now)}


def why_it_stays(entry: TrailEntry, trail: Sequence[TrailEntry], *, by: Actor, now: datetime) -> str:
    """Why it cannot be taken back, in words; "" when it can. `trail` holds all that came after it."""
    if entry.type not in MOVES and entry.type not in OPPOSITES:
        return said("This cannot be taken back.")
    if entry.actor != by.id:
        return said("Only who did it can take it back: %(who)s.", who=entry.who)
    if entry.at < now - UNDO_WITHIN:
        return said("It could be taken back until %(at)s.", at=at(entry.at + UNDO_WITHIN))
    later = [one for one in reversed(trail) if one.number > entry.number]
    if entry.type in OPPOSITES:
        back = (OPPOSITES[entry.type], entry.exception, entry.actor)
        is_back = any((one.type, one.exception, one.actor) == back for one in later)
        return said("It was taken back already.") if is_back else ""
    moved = next((one for one in later if one.is_move), None)
    if moved is None:
        return ""
    return said(
        "Something has happened since: %(who)s %(what)s, %(at)s.",
        who=moved.who,
        what=moved.sentence,
        at=at(moved.at),
    )
