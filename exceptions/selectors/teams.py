"""The queues of teams side by side: how much each has, how pressing it is, and who is there; in as many statements for one as for all."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from statistics import median
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, Subquery

from audit.access import require
from audit.context import Actor
from exceptions.selectors.people import counted
from exceptions.selectors.queue import MOST_COUNTED, by_urgency, visible_cases
from exceptions.states import CaseState
from rules import selectors as rules
from rules.models import Absence, Owner, RuleBookVersion, Team, TeamMember
from rules.states import OwnerKind

SOON: Final = timedelta(hours=1)
# What a page says of one team's most urgent, added up; an amount per currency.
OF_TEAM: Final = """
    SELECT %s::uuid, currency, count(*), count(*) FILTER (WHERE due_at < %s), count(*) FILTER (WHERE due_at BETWEEN %s AND %s),
        count(*) FILTER (WHERE due_at > %s AND warn_at <= %s), count(*) FILTER (WHERE state = %s), min(opened_at),
        sum(at_risk_minor)::bigint
    FROM ({cases}) AS urgent GROUP BY currency
"""
COLUMNS: Final = ("currency", "due_at", "warn_at", "state", "opened_at", "at_risk_minor")


@dataclass(frozen=True)
class Away:
    """Somebody who is away, until when."""

    name: str
    until: datetime | None


@dataclass
class TeamRow:
    """One team: what it and its people have open, and who is there. Of more than `MOST_COUNTED` the most urgent are counted."""

    slug: str
    name: str
    open_count: int = 0
    late_count: int = 0
    soon_count: int = 0
    at_risk_count: int = 0
    untaken_count: int = 0
    oldest_at: datetime | None = None
    at_risk: dict[str, int] = field(default_factory=dict)
    people_count: int = 0
    on_shift_count: int = 0
    away: Sequence[Away] = ()
    median_load: float | None = None

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.open_count > MOST_COUNTED


def team_rows(*, by: Actor, now: datetime) -> list[TeamRow]:
    """The teams whose people exist for the actor, by name, with what they have as far as it exists for the actor: three statements."""
    require(by, "exceptions.view_case")
    teams = list(rules.teams_of(by).order_by("name", "pk"))
    owners = _owners(teams, by, now)
    rows = {team.pk: TeamRow(team.slug, team.name) for team in teams}
    for team in teams:
        _say_people(rows[team.pk], [one for one in owners[team.pk] if one.kind == OwnerKind.PERSON], now)
    for team_id, currency, count, late, soon, at_risk, untaken, oldest_at, minor in _added_up(owners, by, now):
        row = rows[team_id]
        row.open_count, row.late_count = row.open_count + count, row.late_count + late
        row.soon_count, row.at_risk_count = row.soon_count + soon, row.at_risk_count + at_risk
        row.untaken_count += untaken
        row.oldest_at = min(filter(None, (row.oldest_at, oldest_at)))
        if minor:
            row.at_risk[currency] = minor
    return list(rows.values())


def _owners(teams: Sequence[Team], by: Actor, now: datetime) -> Mapping[UUID, list[Any]]:
    """What stands for each team in queues: the team, and the people in it who are not gone, with how much each has open."""
    members = TeamMember.objects.filter(team__in=teams, is_active=True, user__is_active=True)
    away = Absence.objects.during(now).filter(owner=OuterRef("pk"))
    theirs = visible_cases(by).live().filter(owner=OuterRef("pk"))
    found = (
        Owner.objects.filter(Q(valid_until=None) | Q(valid_until__gt=now), is_active=True)
        .filter(Q(team__in=teams) | Q(kind=OwnerKind.PERSON, user__in=members.values("user")))
        .select_related("calendar")
        .annotate(
            of_teams=ArraySubquery(members.filter(user=OuterRef("user")).values("team")),
            is_away=Exists(away),
            away_until=Subquery(away.order_by(F("ends_at").desc(nulls_first=True)).values("ends_at")[:1]),
            book_id=Subquery(RuleBookVersion.objects.filter(is_active=True).values("pk")[:1]),
            open_count=counted(by_urgency(theirs)),
        )
        .order_by("name", "pk")
    )
    owners: dict[UUID, list[Any]] = defaultdict(list)
    for one in found:
        for team_id in {*one.of_teams, one.team_id} - {None}:
            owners[team_id].append(one)
    return owners


def _say_people(row: TeamRow, people: Sequence[Any], now: datetime) -> None:
    row.people_count = len(people)
    there = [one for one in people if not one.is_away]
    row.on_shift_count = sum(rules.is_on_shift(one.calendar.slug, book_id=one.book_id, at=now) for one in there)
    row.away = [Away(one.name, one.away_until) for one in people if one.is_away]
    row.median_load = median(one.open_count for one in there) if there else None


def _added_up(owners: Mapping[UUID, Sequence[Any]], by: Actor, now: datetime) -> list[tuple[Any, ...]]:
    """Per team and currency; owners are told by their ids, with which PostgreSQL walks the index of what they have."""
    visible, asked = visible_cases(by).live(), []
    for team_id, found in owners.items():
        cases = by_urgency(visible.filter(owner__in=[one.pk for one in found])).values(*COLUMNS)[: MOST_COUNTED + 1]
        sql, values = cases.query.sql_with_params()
        own = (team_id, now, now, now + SOON, now, now, CaseState.OPEN)
        asked.append((OF_TEAM.format(cases=sql), (*own, *values)))
    if not asked:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(sql for sql, _ in asked), list(chain.from_iterable(one for _, one in asked)))
        return list(cursor.fetchall())
