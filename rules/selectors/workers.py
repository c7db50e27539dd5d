"""The people of teams: who there is, who of them is there, and whose exceptions each of them may work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from audit.context import Actor
from rules.models import Absence, Owner, RuleBookVersion, Team, TeamMember
from rules.selectors.absences import clients_seen, who_can_work
from rules.selectors.books import book, hours_in
from rules.selectors.people import Roster
from rules.states import OwnerKind

MOMENT = timedelta(minutes=1)


@dataclass(frozen=True)
class Worker:
    """A person of a team and the clients the person sees, None for every client."""

    owner: Owner
    clients: frozenset[UUID] | None

    def reaches(self, client_id: UUID | None) -> bool:
        """Whether exceptions of this client (None: of the house) exist for the person."""
        return self.clients is None or client_id in self.clients


def workers_of(teams: Collection[UUID], roster: Roster) -> dict[UUID, list[Worker]]:
    """Per team its people who are there and may work exceptions, by slug; a fixed number of queries."""
    able, seen = who_can_work(), clients_seen()
    people = {
        owner.user_id: owner
        for owner in sorted(roster.owners.values(), key=lambda one: one.slug)
        if owner.user_id in able and owner.pk not in roster.away
    }
    found: dict[UUID, list[Worker]] = defaultdict(list)
    members = TeamMember.objects.filter(team__in=teams, is_active=True).values_list("team_id", "user_id")
    of_team: dict[UUID, set[int]] = defaultdict(set)
    for team_id, user_id in members:
        of_team[team_id].add(user_id)
    for team_id, users in of_team.items():
        found[team_id] = [Worker(owner, seen.get(pk, frozenset())) for pk, owner in people.items() if pk in users]
    return found


def teams_of(by: Actor) -> QuerySet[Team]:
    """The teams whose people exist for the actor: one's own, every team for who sees every client."""
    teams = Team.objects.filter(is_active=True)
    return teams if by.clients is None else teams.filter(pk__in=by.teams)


def people_of_team(team: str, *, by: Actor, at: datetime) -> QuerySet[Any]:
    """The people of the team of this slug by name, nobody where it is none of the actor's.

    Each has `is_away`, `away_until`, None where that has no end either, and `book_id`, the rule book in force, for `is_on_shift`.
    """
    teams = teams_of(by).filter(slug=team)
    members = TeamMember.objects.filter(team__in=teams, is_active=True, user__is_active=True)
    away = Absence.objects.during(at).filter(owner=OuterRef("pk"))
    in_force = RuleBookVersion.objects.filter(is_active=True)
    people = Owner.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=at),
        kind=OwnerKind.PERSON,
        is_active=True,
        user__in=members.values("user"),
    )
    return (
        people.select_related("calendar")
        .annotate(
            is_away=Exists(away),
            away_until=Subquery(away.order_by(F("ends_at").desc(nulls_first=True)).values("ends_at")[:1]),
            book_id=Subquery(in_force.values("pk")[:1]),
        )
        .order_by("name", "pk")
    )


def is_on_shift(calendar: str, *, book_id: UUID | None, at: datetime) -> bool:
    """Whether `at` lies in the business hours of this calendar, as frozen in the book; always, where there is no book."""
    if book_id is None:
        return True
    hours = hours_in(book(book_id), calendar)
    return hours.elapsed(at, at + MOMENT) > timedelta()
