"""The people of teams who are there, and whose exceptions each of them may work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from rules.models import Owner, TeamMember
from rules.selectors.absences import clients_seen, who_can_work
from rules.selectors.people import Roster


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
