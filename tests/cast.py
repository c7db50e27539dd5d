"""The people of the tests: each knows who they are, and noor must see nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group

from audit.access import Role
from audit.context import Actor, acting
from audit.models import User
from rules import selectors, services
from rules.models import Calendar, Client, ClientAccess, Owner, Team, TeamMember
from rules.states import OwnerKind

PASSWORD = "correct horse battery staple"
CLIENTS = {
    "northwind": ("Northwind Outdoor", "NW", "Europe/Berlin", "berlin-business", "EUR"),
    "fable": ("Fable & Co", "FB", "Europe/London", "london-business", "GBP"),
    "lumen": ("Lumen Cycles", "LC", "America/New_York", "new-york-business", "USD"),
}
# username: first name, last name, role, clients, teams
PEOPLE: dict[str, tuple[str, str, Role, tuple[str, ...], tuple[str, ...]]] = {
    "amal": ("Amal", "Okafor", Role.ACCOUNT_MANAGER, ("northwind",), ("client-success", "ops-team")),
    "bo": ("Bo", "Lindqvist", Role.ACCOUNT_MANAGER, ("northwind",), ("client-success", "ops-team")),
    "lee": ("Lee", "Weber", Role.OPS_LEAD, (), ("ops-team", "ops-team-review")),
    "mara": ("Mara", "Kowalczyk", Role.OPS_LEAD, (), ("revenue-ops-review",)),
    "kim": ("Kim", "Park", Role.ADMIN, (), ()),
    "ada": ("Ada", "Novak", Role.AUDITOR, (), ()),
    "sam": ("Sam", "Baptiste", Role.SUPPORT, ("northwind",), ("support",)),
    "ivy": ("Ivy", "Chen", Role.INTEGRATOR, ("northwind",), ("integrations",)),
    "pia": ("Pia", "Moreau", Role.PACKER, ("northwind",), ()),
    "noor": ("Noor", "Haddad", Role.ACCOUNT_MANAGER, ("fable",), ()),
}


# Where only roles decide, one person of each is asked.
ONE_PER_ROLE = {row[2]: name for name, row in reversed(PEOPLE.items())}


@dataclass(frozen=True)
class House:
    """An installed product with clients and people."""

    clients: dict[str, Client]
    users: dict[str, User]
    owners: dict[str, Owner]

    def actor(self, name: str, *, channel: str = "web") -> Actor:
        """This person, acting."""
        return selectors.actor_for(User.objects.get(username=name), channel=channel, request_id="test")


def furnish(*, by: Actor, now: datetime) -> House:
    """Install the shipped configuration, the clients and the people."""
    services.install_shipped_configuration(by=by, now=now)
    with acting(by, at=now):
        clients = {slug: _client(slug) for slug in CLIENTS}
        users = {name: _person(name, clients) for name in PEOPLE}
        services.freeze_rule_book(by=by, now=now, note="people")
    return House(clients, users, {owner.slug: owner for owner in Owner.objects.all()})


def furnished_house() -> House:
    """The house that was furnished before."""
    clients = {client.slug: client for client in Client.objects.all()}
    users = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    return House(clients, users, {owner.slug: owner for owner in Owner.objects.all()})


def _client(slug: str) -> Client:
    name, prefix, zone, calendar, currency = CLIENTS[slug]
    hours = Calendar.objects.get(slug=calendar)
    return Client.objects.create(
        slug=slug, name=name, key_prefix=prefix, time_zone=zone, calendar=hours, currency=currency
    )


def _person(name: str, clients: dict[str, Client]) -> User:
    first, last, role, reach, teams = PEOPLE[name]
    user = User.objects.create_user(
        name, f"{name}@handrail.example", PASSWORD, first_name=first, last_name=last, is_staff=role is Role.ADMIN
    )
    user.groups.add(Group.objects.get_or_create(name=role.value)[0])
    for slug in reach:
        ClientAccess.objects.create(user=user, client=clients[slug])
    for slug in teams:
        TeamMember.objects.create(user=user, team=Team.objects.get(slug=slug))
    Owner.objects.create(
        slug=name,
        name=user.get_full_name(),
        kind=OwnerKind.PERSON,
        user=user,
        backup=Owner.objects.get(slug=teams[0] if teams else "ops-team"),
        calendar=Calendar.objects.get(slug="berlin-business"),
        emails=[user.email],
    )
    return user
