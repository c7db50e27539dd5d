"""Passing what somebody has answered for long enough to the next of the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, NotFound, StaleVersion
from audit.words import on, said
from rules import selectors
from rules.models import Owner
from rules.selectors.rotation import ROTATED, Holding
from rules.services.books import freeze_rule_book
from rules.services.editing import save_edited


@dataclass(frozen=True)
class Rotated:
    """What went from whom to whom, and whether it is in force: with other edits waiting, it waits with them for the next rule book."""

    what: str
    before: Owner
    owner: Owner
    is_in_force: bool


def rotate_ownership(*, kind: str, slug: str, by: Actor, now: datetime, seen: int | None = None) -> Rotated:
    """Make the next of the team answer for a flow, a rule or a contract; the old, the new and the backup are told.

    Raises `NotFound`, `Refused` without the permission to edit rules, `Conflict` when nobody else of the team is there, `StaleVersion`
    when it changed since it was `seen`.
    """
    with acting(by, at=now, reason=said("rotation")):
        require(by, "rules.edit_rules")
        found = _held(kind, slug, by, now)
        if found.next is None:
            raise Conflict(
                said("Nobody else of the team of %(name)s is there: name somebody in the admin.", name=found.owner.name)
            )
        if seen is not None and found.record.version != seen:
            raise StaleVersion(
                said("%(record)s changed since you looked at it. Nothing was saved.", record=found.record)
            )
        what = ROTATED[kind]
        freezes = what.is_in_books and selectors.is_all_in_force() and by.may("rules.freeze_rules")
        setattr(found.record, what.column, found.next)
        save_edited(
            edited=found.record,
            by=by,
            now=now,
            seen=found.record.version,
            reason=said("rotation: %(name)s since %(day)s", name=found.owner.slug, day=on(found.since.date())),
            told_as="ownership.rotated",
        )
        if freezes:
            freeze_rule_book(by=by, now=now, note=f"rotation of {slug}")
    return Rotated(str(found.record), found.owner, found.next, freezes or not what.is_in_books)


def _held(kind: str, slug: str, by: Actor, now: datetime) -> Holding:
    if kind in ROTATED:
        what = ROTATED[kind]
        # Whoever rotates the same waits here, and then sees what it has become.
        same = what.model._default_manager.filter(**{what.name: slug}).select_for_update(no_key=True, of=("self",))
        list(same.values_list("pk"))
    found = selectors.holding(kind, slug, at=now)
    if found is None or not selectors.is_of_house_or_reached(by, found.record):
        raise NotFound("There is no such flow, rule or contract, or a system has it.")
    return found
