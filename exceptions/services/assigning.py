"""What opens for a team that works by load goes to the one of its people who is there and has the least open work."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Case, IntegerField, Sum, Value, When

from exceptions.models import ExceptionCase
from rules import selectors as rules
from rules.models import Owner
from rules.selectors.people import Roster
from rules.selectors.workers import Worker
from rules.states import Assignment, Severity

# What an open exception weighs on who has it.
SEVERITY_WEIGHTS: Final[Mapping[str, int]] = {Severity.P1: 4, Severity.P2: 2, Severity.P3: 1}


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
    loads = _loads(workers)
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
        why = f"{chosen.slug} has the least open work of those of {team.slug} who are there: {loads[chosen.pk]}"
        assigned[case.pk] = Assigned(team, f"{why}; {others}" if others else why)
        loads[case.owner_id] += SEVERITY_WEIGHTS[case.severity]
    return assigned


def _works_by_load(owner: Owner) -> bool:
    return owner.team is not None and owner.team.assignment == Assignment.LEAST_LOAD


def _loads(workers: Mapping[UUID, Sequence[Worker]]) -> dict[UUID, int]:
    """The weight of what each of them has open; nothing weighs 0."""
    people = {one.owner.pk for team in workers.values() for one in team}
    weight = Case(
        *(When(severity=severity, then=Value(weight)) for severity, weight in SEVERITY_WEIGHTS.items()),
        output_field=IntegerField(),
    )
    open_work = ExceptionCase.objects.live().filter(owner__in=people).values("owner").annotate(load=Sum(weight))
    return defaultdict(int, open_work.values_list("owner", "load"))
