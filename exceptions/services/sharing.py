"""Who would get which exception when work is shared out: proposed by load, done by nobody before somebody confirms it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.selectors.loads import SEVERITY_WEIGHTS, loads_of
from rules import selectors as rules
from rules.selectors.workers import Worker


@dataclass(frozen=True)
class Shares:
    """Who gets which exception, as an owner's slug, and why the others stay where they are."""

    to: Mapping[UUID, str] = field(default_factory=dict)
    stays: Mapping[UUID, str] = field(default_factory=dict)


def people_to_share(*, by: Actor, team: str = "", now: datetime) -> list[Worker]:
    """Who could get some: the people of the team who are there, of every team of the actor without one, each once and by name.

    Raises `NotFound` for a team that is none of the actor's.
    """
    teams = rules.teams_of(by)
    asked = [one.pk for one in (teams.filter(slug=team) if team else teams)]
    if team and not asked:
        raise NotFound("There is no such team, or it is not yours.")
    found = rules.workers_of(asked, rules.roster(now))
    people = {one.owner.pk: one for workers in found.values() for one in workers}
    return sorted(people.values(), key=lambda one: (one.owner.name, one.owner.slug))


def spread(cases: Sequence[ExceptionCase], *, among: Collection[str], by: Actor, now: datetime) -> Shares:
    """Each of these, in their order, for the one of the people named by their owners' slugs who then has the least open work.

    Raises `Invalid` for nobody and for somebody who is not there or in none of the actor's teams.
    """
    able = {one.owner.slug: one for one in people_to_share(by=by, now=now)}
    if unknown := sorted(set(among) - able.keys()):
        detail = said("“%(unknown)s” cannot take them: not there, or in none of your teams.", unknown=unknown[0])
        raise Invalid(detail, errors=[FieldError("/people", "unknown", detail)])
    if not among:
        detail = said("Choose at least one person.") if able else said("Nobody of your teams is there to take them.")
        raise Invalid(detail, errors=[FieldError("/people", "required", detail)])
    people = [able[slug] for slug in sorted(set(among))]
    loads = loads_of([one.owner.pk for one in people])
    for case in cases:
        loads[case.owner_id] -= SEVERITY_WEIGHTS[case.severity]
    to, stays = {}, {}
    for case in cases:
        chosen = _least_loaded(people, case, loads)
        if chosen is None:
            stays[case.pk] = said("None of the people chosen sees its client.")
            continue
        loads[chosen.owner.pk] += SEVERITY_WEIGHTS[case.severity]
        if chosen.owner.pk == case.owner_id:
            stays[case.pk] = said("%(name)s has it already and keeps it.", name=chosen.owner.name)
        else:
            to[case.pk] = chosen.owner.slug
    return Shares(to, stays)


def balance(cases: Sequence[ExceptionCase], *, people: Sequence[Worker]) -> Shares:
    """Which of these, in their order, would go to whom until no move makes the work of these people more even.

    They are what people of the team have and nobody has begun. What somebody has who is not among `people` goes in any case; of who is,
    only what is above an even share.
    """
    there = {one.owner.pk for one in people}
    loads = loads_of(there)
    waiting = [case for case in cases if case.owner_id not in there]
    total = sum(loads.values()) + sum(SEVERITY_WEIGHTS[case.severity] for case in waiting)
    even = total / len(people) if people else 0
    to = {}
    for case in [*waiting, *(case for case in cases if case.owner_id in there)]:
        weight, chosen = SEVERITY_WEIGHTS[case.severity], _least_loaded(people, case, loads)
        if chosen is None or chosen.owner.pk == case.owner_id:
            continue
        if case.owner_id in there:
            if loads[case.owner_id] <= even or loads[case.owner_id] - loads[chosen.owner.pk] <= weight:
                continue
            loads[case.owner_id] -= weight
        loads[chosen.owner.pk] += weight
        to[case.pk] = chosen.owner.slug
    return Shares(to)


def _least_loaded(people: Sequence[Worker], case: ExceptionCase, loads: Mapping[UUID, int]) -> Worker | None:
    """Who of those who see its client has least; who has it already among equals."""
    able = [one for one in people if one.reaches(case.client_id)]
    return min(able, key=lambda one: (loads[one.owner.pk], one.owner.pk != case.owner_id, one.owner.slug), default=None)
