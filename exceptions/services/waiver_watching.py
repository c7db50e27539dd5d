"""Watching a time-limited exception: whoever does is told what happens to it, like who asked and who owns it."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import Conflict
from audit.services.events import record
from audit.words import said
from exceptions.models import WaiverWatch
from exceptions.selectors.approvers import person_behind
from exceptions.services.waiver_papers import locked_waiver

WATCH = "exceptions.view_case"


def watch_waiver(*, waiver_id: UUID, by: Actor, now: datetime) -> None:
    """Be told from now on what happens to it; saying so again changes nothing. Raises `Conflict` for who cannot be told."""
    with locked_waiver(waiver_id, by, now, WATCH) as waiver:
        person = person_behind(by.id)
        if person is None:
            raise Conflict(
                said("Nobody can be told on your behalf: you are not among the people who own work."),
                code="not-a-person",
            )
        _, is_new = WaiverWatch.objects.get_or_create(waiver=waiver, owner=person, defaults={"at": now})
        if is_new:
            record("waiver.watched", subject=waiver, changes={}, owner=person.slug)


def unwatch_waiver(*, waiver_id: UUID, by: Actor, now: datetime) -> None:
    """Be told no more, unless one asked for it or owns it; where nobody watched nothing changes."""
    with locked_waiver(waiver_id, by, now, WATCH) as waiver:
        person = person_behind(by.id)
        if person is not None and WaiverWatch.objects.filter(waiver=waiver, owner=person).delete()[0]:
            record("waiver.unwatched", subject=waiver, changes={}, owner=person.slug)
