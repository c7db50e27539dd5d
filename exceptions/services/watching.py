"""Watching an exception: whoever does is told what happens to it."""

from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import Conflict
from audit.services.events import record
from audit.words import said
from exceptions.models import CaseWatch
from exceptions.selectors.approvers import person_behind
from exceptions.services.working import working

WATCH = "exceptions.view_case"


def watch_case(*, case_id: UUID, by: Actor, now: datetime) -> None:
    """Be told from now on what happens to it; saying so again changes nothing. Raises `Conflict` for who cannot be told."""
    with working(case_id, by, now, None, WATCH) as case:
        person = person_behind(by.id)
        if person is None:
            raise Conflict(
                said("Nobody can be told on your behalf: you are not among the people who own work."),
                code="not-a-person",
            )
        _, is_new = CaseWatch.objects.get_or_create(case=case, owner=person, defaults={"at": now})
        if is_new:
            record("case.watched", subject=case, changes={}, owner=person.slug)


def unwatch_case(*, case_id: UUID, by: Actor, now: datetime) -> None:
    """Be told no more, unless it is yours; where nobody watched nothing changes."""
    with working(case_id, by, now, None, WATCH) as case:
        person = person_behind(by.id)
        if person is not None and CaseWatch.objects.filter(case=case, owner=person).delete()[0]:
            record("case.unwatched", subject=case, changes={}, owner=person.slug)
