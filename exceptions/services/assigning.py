"""What opens for a team that works by load goes to the one of its people who is there and has the least open work."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.selectors.loads import SEVERITY_WEIGHTS, loads_of
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster
from rules.states import Assignment


@dataclass(frozen=True)
class Assigned:
    """Which of a team's people got an exception, and why in words."""

    team: Owner
    why: str


def assign(*, cases: Sequence[ExceptionCase], roster: Roster) -> dict[UUID, Assigned]:
    """Give new exceptions (not yet written) of such teams to people, the worst first; who got what, by exception.

    The team stays behind as backup. Two statements more than without for any number of exceptions, none where no team works so.
    """
    teams = {case.owner_id: case.owner for case in cases if _works_by_load(case.owner)}
    if not teams:
        return {}
    workers = rules.workers_of([owner.team_id for owner in teams.values() if owner.team_id], roster)
    loads = loads_of({one.owner.pk for team in workers.values() for one in team})
    assigned = {}
    for case in sorted((case for case in cases if case.owner_id in teams), key=lambda case: case.severity):
        team = case.owner
        able = (
            [one.owner for one in workers.get(team.team_id, ()) if one.reaches(case.client_id)] if team.team_id else []
        )
        if not able:
            continue
        chosen = min(able, key=lambda owner: (loads[owner.pk], owner.slug))
        others = ", ".join(f"{owner.slug} {loads[owner.pk]}" for owner in able if owner.pk != chosen.pk)
        case.owner, case.backup = chosen, team
        why = said(
            "%(name)s has the least open work of those of %(team)s who are there: %(load)s",
            name=chosen.slug,
            team=team.slug,
            load=f"{loads[chosen.pk]}; {others}" if others else loads[chosen.pk],
        )
        assigned[case.pk] = Assigned(team, why)
        loads[case.owner_id] += SEVERITY_WEIGHTS[case.severity]
    return assigned


def _works_by_load(owner: Owner) -> bool:
    return owner.team is not None and owner.team.assignment == Assignment.LEAST_LOAD
