"""Who is there, who may see what, and who acts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import F, OuterRef, Q, QuerySet, SlugField, Value
from django.db.models.functions import Coalesce

from audit.access import GRANTS, Role, system_actor
from audit.context import Actor
from audit.errors import FieldError, Refused
from audit.models import User
from audit.words import said
from rules.models import Absence, ApiToken, Client, ClientAccess, Owner, TeamMember, TemporaryOwnership
from rules.selectors.books import active_book, hours_in
from rules.states import OpenWork, OwnerKind

# Roles that work for the whole house; the others see the clients they were given access to.
HOUSE_ROLES: Final = frozenset({Role.ADMIN, Role.OPS_LEAD, Role.AUDITOR})
LONGEST_COUNTED: Final = timedelta(days=366)


@dataclass(frozen=True)
class Roster:
    """All owners and who of them is away at one moment; two queries for any number of questions.

    `covers` are those who stand in instead of the backup while somebody is away; `lent` and `lent_types` those who have for a while
    what comes to an owner, or what comes of a type of exception.
    """

    owners: dict[UUID, Owner]
    away: frozenset[UUID]
    covers: Mapping[UUID, UUID] = field(default_factory=dict)
    lent: Mapping[UUID, UUID] = field(default_factory=dict)
    lent_types: Mapping[str, UUID] = field(default_factory=dict)

    def on_duty(self, slug: str, *, of_type: str = "") -> Owner:
        """Who has it for a while, else the owner, or the first of those who stand in who is there; the owner itself when all are away.

        `of_type` is the type of exception it is about. Raises `LookupError` for a slug that no owner has.
        """
        owner = self._named(slug)
        holder = self.lent_types.get(of_type, self.lent.get(owner.pk))
        return (holder and self._there(self.owners[holder])) or self.regular(slug)

    def regular(self, slug: str) -> Owner:
        """As `on_duty`, whoever has it for a while."""
        owner = self._named(slug)
        return self._there(owner) or owner

    def _named(self, slug: str) -> Owner:
        owner = next((owner for owner in self.owners.values() if owner.slug == slug), None)
        if owner is None:
            raise LookupError(f"There is no owner {slug}.")
        return owner

    def _there(self, owner: Owner) -> Owner | None:
        asked: set[UUID] = set()
        candidate = owner
        while candidate.pk in self.away and candidate.pk not in asked:
            asked.add(candidate.pk)
            candidate = self.owners[self.covers.get(candidate.pk, candidate.backup_id)]
        return None if candidate.pk in self.away else candidate


def roster(at: datetime) -> Roster:
    """Who is there at `at`."""
    owners = {owner.pk: owner for owner in Owner.objects.select_related("user", "team", "calendar")}
    absent, lent, lent_types = _replaced(at)
    away = absent.keys() | {pk for pk, owner in owners.items() if not _can_serve(owner, at)}
    covers = {owner_id: cover_id for owner_id, cover_id in absent.items() if cover_id}
    return Roster(owners, frozenset(away), covers, lent, lent_types)


def _replaced(at: datetime) -> tuple[dict[UUID, UUID | None], dict[UUID, UUID], dict[str, UUID]]:
    """Who covers those who are away (the last to begin counts), and who has what of others for a while: one query for both."""
    no_type = Value("", output_field=SlugField())
    absences = absences_at(at).order_by().annotate(of_type=no_type, rank=F("starts_at"), for_a_while=Value(value=False))
    held = TemporaryOwnership.objects.filter(ended_at=None, starts_at__lte=at, ends_at__gt=at)
    lendings = held.annotate(
        of_type=Coalesce("exception_type__slug", no_type), rank=F("starts_at"), for_a_while=Value(value=True)
    )
    rows = absences.values_list("rank", "owner_id", "cover_id", "of_type", "for_a_while").union(
        lendings.values_list("rank", "owner_id", "holder_id", "of_type", "for_a_while"), all=True
    )
    absent: dict[UUID, UUID | None] = {}
    lent: dict[UUID, UUID] = {}
    lent_types: dict[str, UUID] = {}
    for _, owner_id, other_id, of_type, for_a_while in sorted(rows, key=lambda row: row[0]):
        if not for_a_while:
            absent[owner_id] = other_id
        elif of_type:
            lent_types[of_type] = other_id
        else:
            lent[owner_id] = other_id
    return absent, lent, lent_types


def absences_at(at: datetime) -> QuerySet[Absence]:
    """The absences during which `at` lies."""
    return Absence.objects.during(at).order_by("starts_at", "pk")


def gone_for_long(at: datetime, *, hours: int) -> dict[UUID, UUID | None]:
    """Owners whose open work goes to others too, with the absence they are on, None for those who cannot serve at all.

    An absence is long when it takes more than so many business hours of the owner's own calendar, one without an end once that many
    have passed; where the person said what becomes of open work (`OpenWork`), that counts instead: kept, or moved however short it is.
    """
    owners = {owner.pk: owner for owner in Owner.objects.select_related("user", "calendar")}
    gone: dict[UUID, UUID | None] = {pk: None for pk, owner in owners.items() if not _can_serve(owner, at)}
    absences = list(absences_at(at))
    if absences:
        known = active_book()
        for absence in absences:
            if absence.open_work:
                if absence.open_work != OpenWork.KEEP:
                    gone[absence.owner_id] = absence.pk
                continue
            calendar = hours_in(known, owners[absence.owner_id].calendar.slug)
            until = min(absence.ends_at or at, absence.starts_at + LONGEST_COUNTED)
            if calendar.elapsed(absence.starts_at, until) > timedelta(hours=hours):
                gone[absence.owner_id] = absence.pk
    return gone


def on_duty(owner: str | Owner, at: datetime) -> Owner:
    """Who answers for the owner's work at `at`: the owner, or the backup while the owner is away."""
    return roster(at).on_duty(owner if isinstance(owner, str) else owner.slug)


def _can_serve(owner: Owner, at: datetime) -> bool:
    if not owner.is_active or (owner.valid_until is not None and owner.valid_until <= at):
        return False
    return owner.kind != OwnerKind.PERSON or (owner.user is not None and owner.user.is_active)


def roles_of(user: User) -> frozenset[Role]:
    """The roles a person holds, by group; a superuser is an admin."""
    return _roles(user, user.groups.values_list("name", flat=True))


def _roles(user: User, groups: Iterable[str]) -> frozenset[Role]:
    names = set(groups)
    held = {role for role in Role if role.value in names}
    return frozenset(held | {Role.ADMIN}) if user.is_superuser else frozenset(held)


def actor_for(user: User | AnonymousUser, *, channel: str, request_id: str = "") -> Actor:
    """The actor a signed-in person is; somebody who is not signed in may do nothing."""
    if not isinstance(user, User) or not user.is_active:
        return Actor(kind="person", id="anonymous", name="Nobody", channel=channel, request_id=request_id)
    groups, clients, teams, owners = _rights_of(user.pk)
    roles = _roles(user, groups)
    return Actor(
        kind="person",
        id=f"user:{user.pk}",
        name=user.display_name,
        user_id=user.pk,
        roles=frozenset(role.value for role in roles),
        permissions=frozenset().union(*(GRANTS[role] for role in roles)),
        clients=None if roles & HOUSE_ROLES else frozenset(clients),
        teams=frozenset(teams),
        owners=frozenset(owners),
        channel=channel,
        request_id=request_id,
    )


def token_actor(token: ApiToken, *, channel: str, request_id: str = "") -> Actor:
    """The actor a token stands for: the person's permissions and clients, cut down to the token's."""
    holder = actor_for(token.user, channel=channel, request_id=request_id)
    scope = frozenset(token.client_scope.values_list("client_id", flat=True))
    return replace(
        holder,
        kind="integrator",
        id=f"token:{token.prefix}",
        name=token.name,
        permissions=holder.permissions & frozenset(token.scopes),
        clients=scope if holder.clients is None else holder.clients & scope,
    )


def actor_again(actor_id: str, *, channel: str, request_id: str, now: datetime) -> Actor:
    """Who was meant by an actor's id, with what they may do by now.

    Raises `Refused` when the person has left, or the token was revoked or has ended.
    """
    kind, _, name = actor_id.partition(":")
    if kind == "system":
        return system_actor(name, channel=channel)
    if kind == "token":
        token = ApiToken.objects.select_related("user").filter(prefix=name, revoked_at=None, expires_at__gt=now).first()
        if token is not None and token.user.is_active:
            return token_actor(token, channel=channel, request_id=request_id)
    elif user := User.objects.filter(pk=name, is_active=True).first():
        return actor_for(user, channel=channel, request_id=request_id)
    raise Refused("Who asked for it may not act any more.")


def _rights_of(user_id: int) -> tuple[list[str], list[UUID], list[UUID], list[UUID]]:
    """Groups, clients, teams and owners of a person. Raises `User.DoesNotExist`."""
    statement, parameters = _rights()
    with connection.cursor() as cursor:
        cursor.execute(statement, (*parameters, user_id))
        found: tuple[list[str], list[UUID], list[UUID], list[UUID]] | None = cursor.fetchone()
    if found is None:
        raise User.DoesNotExist
    return found


@cache
def _rights() -> tuple[str, tuple[Any, ...]]:
    """The statement and all of its parameters but the last, the person: asked anew on every request, and so put together once."""
    person = OuterRef("pk")
    clients = ClientAccess.objects.filter(user=person, is_active=True, client__is_active=True)
    teams = TeamMember.objects.filter(user=person, is_active=True)
    owners = Owner.objects.filter(
        Q(user=person) | Q(team__in=TeamMember.objects.filter(user=OuterRef(person), is_active=True).values("team"))
    )
    rights = User.objects.values_list(
        ArraySubquery(Group.objects.filter(user=person).values("name")),
        ArraySubquery(clients.values("client_id")),
        ArraySubquery(teams.values("team_id")),
        ArraySubquery(owners.values("pk")),
    )
    statement, parameters = rights.filter(pk=0).query.sql_with_params()
    return statement, parameters[:-1]


def clients_of(by: Actor) -> QuerySet[Client]:
    """The clients whose records exist for the actor."""
    clients = Client.objects.filter(is_active=True).select_related("calendar").order_by("name", "pk")
    return clients if by.clients is None else clients.filter(pk__in=by.clients)


def addresses_of(role: Role) -> list[str]:
    """The e-mail addresses of the active people who hold a role, each once."""
    people = User.objects.filter(groups__name=role.value, is_active=True).exclude(email="")
    return sorted(set(people.values_list("email", flat=True)))


def active_owners() -> list[Owner]:
    """Everybody who can be given something, by name."""
    return list(Owner.objects.filter(is_active=True).order_by("name", "pk"))


def people_behind(owner: Owner) -> list[User]:
    """The active people an owner stands for: the person, or the members of the team."""
    if owner.user is not None:
        return [owner.user] if owner.user.is_active else []
    members = User.objects.filter(
        team_memberships__team=owner.team_id, team_memberships__is_active=True, is_active=True
    )
    return list(members.order_by("pk")) if owner.team_id else []


def beyond_holder(
    user: User, *, scopes: Collection[str], clients: Collection[Client], expires_at: datetime, now: datetime
) -> list[FieldError]:
    """What an API token of this person cannot be given, because the person does not have it."""
    holder = actor_for(user, channel="api")
    errors = [
        FieldError(
            "/scopes",
            "beyond-holder",
            said("%(display_name)s does not have %(scope)s.", display_name=user.display_name, scope=scope),
        )
        for scope in sorted(set(scopes) - holder.permissions)
    ]
    errors += [
        FieldError(
            "/clients",
            "beyond-holder",
            said("%(display_name)s has no access to %(client)s.", display_name=user.display_name, client=client),
        )
        for client in clients
        if not holder.reaches(client.pk)
    ]
    if expires_at <= now:
        errors.append(FieldError("/expires_at", "passed", "The token would have expired already."))
    return errors
