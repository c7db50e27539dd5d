"""Who works in the demo, for whom, and in which role."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from audit.access import Role
from audit.context import Actor
from audit.models import User
from audit.services.events import record
from orders.sync.sandbox.goods import CURRENCIES
from rules.models import Calendar, Client, ClientAccess, Owner, Team, TeamMember
from rules.services.editing import save_edited
from rules.states import OwnerKind

DEMO_PASSWORD: Final = "handrail-demo"  # noqa: S105 -- printed by `make up` for everyone to sign in with


@dataclass(frozen=True)
class DemoAccount:
    """Somebody who can sign in: role, the clients they work for and the teams they are in (the first as lead where `leads`)."""

    username: str
    first_name: str
    last_name: str
    role: Role
    clients: Sequence[str]
    teams: Sequence[str] = ()
    leads: bool = False
    time_zone: str = "Europe/Berlin"

    @property
    def what(self) -> str:
        """The role and clients, for the list that `make up` prints."""
        return f"{self.role.value.replace('_', ' ')}, {', '.join(self.clients) or 'all clients'}"


CLIENTS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "northwind": ("Northwind Outdoor", "NW", "Europe/Berlin", "berlin-business"),
    "fable": ("Fable & Co", "FB", "Europe/London", "london-business"),
    "lumen": ("Lumen Cycles", "LC", "America/New_York", "new-york-business"),
}

DEMO_ACCOUNTS: Final[tuple[DemoAccount, ...]] = (
    DemoAccount("amal", "Amal", "Haddad", Role.ACCOUNT_MANAGER, ["northwind"], ["client-success"], leads=True),
    DemoAccount(
        "lee", "Lee", "Okafor", Role.OPS_LEAD, [], ["ops-team", "ops-team-review", "revenue-ops-review"], leads=True
    ),
    DemoAccount("kim", "Kim", "Lindqvist", Role.ADMIN, [], ["integrations"], leads=True),
    DemoAccount("ada", "Ada", "Moreau", Role.AUDITOR, []),
    DemoAccount("sam", "Sam", "Castillo", Role.SUPPORT, ["northwind", "fable", "lumen"], ["support"], leads=True),
    DemoAccount("ivy", "Ivy", "Tanaka", Role.INTEGRATOR, ["northwind", "fable", "lumen"]),
    DemoAccount(
        "noor", "Noor", "Iqbal", Role.ACCOUNT_MANAGER, ["fable"], ["client-success"], time_zone="Europe/London"
    ),
    DemoAccount("jonas", "Jonas", "Weber", Role.ACCOUNT_MANAGER, ["northwind", "lumen"], ["ops-team", "logistics"]),
    DemoAccount("pia", "Pia", "Novak", Role.PACKER, ["northwind", "lumen"]),
    DemoAccount("sara", "Sara", "Kowalczyk", Role.OPS_LEAD, [], ["logistics", "finance-ops", "revenue-ops-review"]),
)


def add_clients() -> dict[str, Client]:
    """The clients of the demo, those that are missing added; inside an act."""
    calendars = {calendar.slug: calendar for calendar in Calendar.objects.all()}
    known = {client.slug: client for client in Client.objects.all()}
    for slug, (name, prefix, time_zone, calendar) in CLIENTS.items():
        if slug not in known:
            known[slug] = Client.objects.create(
                slug=slug,
                name=name,
                key_prefix=prefix,
                time_zone=time_zone,
                calendar=calendars[calendar],
                currency=CURRENCIES[slug],
            )
            record("rules.edited", subject=known[slug], changes={})
    return known


def add_people(clients: Mapping[str, Client]) -> dict[str, User]:
    """The people of the demo with their groups, clients and teams, those that are missing added; inside an act."""
    groups = {role: Group.objects.get_or_create(name=role.value)[0] for role in Role}
    teams = {team.slug: team for team in Team.objects.all()}
    people = {user.username: user for user in User.objects.filter(username__in=[one.username for one in DEMO_ACCOUNTS])}
    password = make_password(DEMO_PASSWORD) if len(people) < len(DEMO_ACCOUNTS) else ""
    for account in DEMO_ACCOUNTS:
        if account.username in people:
            continue
        user = User.objects.create(
            username=account.username,
            first_name=account.first_name,
            last_name=account.last_name,
            email=f"{account.username}@handrail.example",
            password=password,
            time_zone=account.time_zone,
            is_staff=account.role == Role.ADMIN,
            is_superuser=account.role == Role.ADMIN,
        )
        user.groups.add(groups[account.role])
        for slug in account.clients:
            ClientAccess.objects.create(user=user, client=clients[slug])
        for slug in account.teams:
            TeamMember.objects.create(team=teams[slug], user=user, is_lead=account.leads)
        _add_owner(user)
        people[account.username] = user
    return people


def teams_there() -> set[UUID]:
    """The teams that are there."""
    return set(Owner.objects.filter(kind=OwnerKind.TEAM).values_list("pk", flat=True))


def reach_teams(*, but: Collection[UUID], by: Actor, now: datetime) -> None:
    """A letter box for each team that was made now; one of those that were there before may have been emptied by an admin."""
    made = Owner.objects.filter(kind=OwnerKind.TEAM, emails=[]).exclude(pk__in=but)
    for owner in made.select_related("backup"):
        owner.emails = [f"{owner.slug}@handrail.example"]
        save_edited(edited=owner, by=by, now=now)


def _add_owner(user: User) -> None:
    """Whoever works cases can own them; Ops backs everybody up."""
    backup = Owner.objects.select_related("calendar").get(slug="ops-team")
    owner = Owner.objects.create(
        slug=user.username,
        name=user.display_name,
        kind="person",
        user=user,
        backup=backup,
        calendar=backup.calendar,
        emails=[user.email],
    )
    record("rules.edited", subject=owner, changes={})
