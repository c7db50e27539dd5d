"""Who is away when, who may say so, and who can stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.access import GRANTS, Role, require
from audit.context import Actor
from audit.errors import NotFound, Refused
from audit.models import User
from audit.words import said
from rules.models import Absence, ClientAccess, Owner, TeamMember
from rules.selectors.people import HOUSE_ROLES, roster
from rules.states import OwnerKind

MANAGE = "rules.manage_absence"
EVERYBODY = "rules.edit_rules"
WORK = "exceptions.work_case"


def people_managed(by: Actor) -> QuerySet[Owner]:
    """Those whose absence the actor may enter: the actor, the people of teams a lead is in, everybody for admins."""
    people = Owner.objects.filter(kind=OwnerKind.PERSON, is_active=True).select_related("user", "backup", "calendar")
    if by.may(EVERYBODY):
        return people.order_by("name", "pk")
    mine = Q(user_id=by.user_id) if by.user_id is not None else Q(pk__in=[])
    if by.may(MANAGE):
        members = TeamMember.objects.filter(team_id__in=by.teams, is_active=True)
        mine |= Q(user_id__in=members.values("user_id"))
    return people.filter(mine).order_by("name", "pk")


def managed_person(slug: str, *, by: Actor) -> Owner:
    """The person whose absence the actor may enter. Raises `NotFound` for nobody of that name and `Refused` for somebody else's people."""
    person = Owner.objects.filter(slug=slug, kind=OwnerKind.PERSON).select_related("user", "backup", "calendar").first()
    if person is None:
        raise NotFound("There is nobody of that name.")
    if person.user_id is not None and person.user_id == by.user_id:
        return person
    require(by, MANAGE)
    if not people_managed(by).filter(pk=person.pk).exists():
        raise Refused(said("You lead none of the teams of %(name)s.", name=person.name), permission=MANAGE)
    return person


def absences_from(at: datetime, *, owners: QuerySet[Owner]) -> QuerySet[Absence]:
    """Their absences that are not over at `at`, the next first."""
    running = Absence.objects.not_over(at).filter(owner__in=owners.values("pk"))
    return running.select_related("owner", "owner__backup", "cover").order_by("starts_at", "pk")


def own_absences(by: Actor, *, at: datetime) -> QuerySet[Absence]:
    """What of the actor's own absences holds at `at`, the one that began first on top; nothing for who is no person."""
    return (
        Absence.objects.during(at)
        .filter(owner__user_id=by.user_id or 0, owner__kind=OwnerKind.PERSON)
        .order_by("starts_at", "pk")
    )


def can_cover(person: Owner, *, at: datetime) -> list[Owner]:
    """The people and teams that are there at `at`, may work exceptions and see every client this person sees, by name."""
    there, seen = roster(at), clients_seen()
    allowed = _who_can_work_for(seen.get(person.user_id or 0, frozenset()), seen)
    teams = set(TeamMember.objects.filter(user_id__in=allowed, is_active=True).values_list("team_id", flat=True))
    able = [
        owner
        for owner in there.owners.values()
        if owner.pk not in there.away and owner.pk != person.pk and (owner.user_id in allowed or owner.team_id in teams)
    ]
    return sorted(able, key=lambda owner: (owner.name, owner.slug))


def clients_seen() -> dict[int, frozenset[UUID] | None]:
    """Per user the clients given, None for those who see every client; a user without any is not in it."""
    given: dict[int, set[UUID]] = defaultdict(set)
    access = ClientAccess.objects.filter(is_active=True, client__is_active=True)
    for user_id, client_id in access.values_list("user_id", "client_id"):
        given[user_id].add(client_id)
    seen: dict[int, frozenset[UUID] | None] = {user_id: frozenset(clients) for user_id, clients in given.items()}
    house = User.objects.filter(Q(groups__name__in=[role.value for role in HOUSE_ROLES]) | Q(is_superuser=True))
    return seen | dict.fromkeys(house.values_list("pk", flat=True))


def who_can_work() -> set[int]:
    """The active users who may work exceptions."""
    roles = [role.value for role in Role if WORK in GRANTS[role]]
    workers = User.objects.filter(Q(groups__name__in=roles) | Q(is_superuser=True), is_active=True)
    return set(workers.values_list("pk", flat=True))


def _who_can_work_for(clients: frozenset[UUID] | None, seen: Mapping[int, frozenset[UUID] | None]) -> set[int]:
    """The active users who may work exceptions and see all of these clients."""
    return {pk for pk in who_can_work() if _reaches(seen.get(pk, frozenset()), clients)}


def _reaches(reach: frozenset[UUID] | None, clients: frozenset[UUID] | None) -> bool:
    return reach is None or (clients is not None and clients <= reach)
