"""The people of a team beside its queue: who is there, and how much each of them has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Func, IntegerField, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from audit.access import require
from audit.context import Actor
from audit.models import Event
from exceptions.models import ExceptionCase
from exceptions.selectors import owners
from exceptions.selectors.queue import MOST_COUNTED, by_urgency, visible_cases
from exceptions.selectors.queue_filters import QueueFilters
from rules import selectors as rules


@dataclass(frozen=True)
class PersonRow:
    """One person: there or away (`away_until` is None where that has no end), and how much is open, late and was taken today.

    Counts stop after `MOST_COUNTED`.
    """

    slug: str
    name: str
    is_away: bool
    away_until: datetime | None
    is_on_shift: bool
    open_count: int
    late_count: int
    taken_count: int


@dataclass(frozen=True)
class People:
    """The people of the team of this slug, by name."""

    team: str
    rows: Sequence[PersonRow]
    most_counted: int = MOST_COUNTED


def people_beside(*, by: Actor, filters: QueueFilters, now: datetime) -> People | None:
    """The people of the team a list of all queues is narrowed to; None for any other list, and for a team that is not the reader's."""
    if filters.scope != "team" or not filters.owner.startswith(owners.TEAM):
        return None
    team = filters.owner.removeprefix(owners.TEAM)
    rows = team_people(by=by, team=team, now=now)
    return People(team, rows) if rows else None


def team_people(*, by: Actor, team: str, now: datetime) -> list[PersonRow]:
    """The people of a team with what they have, as far as it exists for the actor: one statement for all of them.

    Nobody for a team that is none of the actor's. What somebody took today is counted since midnight of the reader's clock, from the trail:
    what was given away or solved since counts too.
    """
    require(by, "exceptions.view_case")
    theirs = visible_cases(by).live().filter(owner=OuterRef("pk"))
    late = theirs.filter(
        urgent_at__lt=now, due_at__lt=now
    )  # nothing is urgent after it is due: told so, the index ends the search
    people = rules.people_of_team(team, by=by, at=now).annotate(
        open_count=counted(by_urgency(theirs)),
        late_count=counted(by_urgency(late)),
        taken_count=counted(_taken_since_midnight(by, now)),
    )
    return [
        PersonRow(
            slug=one.slug,
            name=one.name,
            is_away=one.is_away,
            away_until=one.away_until,
            is_on_shift=rules.is_on_shift(one.calendar.slug, book_id=one.book_id, at=now),
            open_count=one.open_count,
            late_count=one.late_count,
            taken_count=one.taken_count,
        )
        for one in people
    ]


def counted(found: QuerySet[ExceptionCase] | QuerySet[Event]) -> Func:
    """How many rows of the person's there are, looked at no further than the page says."""
    return Func(
        ArraySubquery(found.values("pk")[: MOST_COUNTED + 1]), function="cardinality", output_field=IntegerField()
    )


def _taken_since_midnight(by: Actor, now: datetime) -> QuerySet[Event]:
    person = Concat(Value("user:"), Cast(OuterRef("user_id"), CharField()))
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    taken = Event.objects.filter(type="case.acknowledged", actor=person, at__gte=midnight)
    seen = taken if by.clients is None else taken.filter(client_id__in=by.clients)
    return seen.order_by("-at", "-pk")
