"""Who stands in for whom, and who may see what."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group

from audit.access import GRANTS, Role
from audit.context import Actor, acting
from audit.errors import Invalid, Refused
from audit.models import User
from rules import selectors, services
from rules.errors import TokenRefused
from rules.models import (
    Absence,
    ApiToken,
    Calendar,
    Client,
    ClientAccess,
    Owner,
    RuleBookVersion,
    Team,
    TeamMember,
)

pytestmark = pytest.mark.django_db

FAR = timedelta(days=90)


def person(username: str, *roles: Role) -> User:
    user = User.objects.create_user(username, first_name=username.title())
    user.groups.set([Group.objects.get_or_create(name=role.value)[0] for role in roles])
    return user


def client_named(slug: str, prefix: str) -> Client:
    calendar = Calendar.objects.get(slug="berlin-business")
    return Client.objects.create(
        slug=slug, name=slug.title(), key_prefix=prefix, time_zone="Europe/Berlin", calendar=calendar, currency="EUR"
    )


@pytest.fixture
def northwind(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> Client:
    with acting(system, at=now):
        return client_named("northwind", "NW")


@pytest.fixture
def fable(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> Client:
    with acting(system, at=now):
        return client_named("fable", "FB")


def away(owner: str, now: datetime, *, hours: int = 8) -> None:
    Absence.objects.create(
        owner=Owner.objects.get(slug=owner), starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=hours)
    )


def test_an_owner_who_is_there_is_on_duty(shipped_book: RuleBookVersion, now: datetime) -> None:
    assert selectors.on_duty("logistics", now).slug == "logistics"


def test_while_an_owner_is_away_the_backup_is_on_duty(
    shipped_book: RuleBookVersion, as_system: Actor, now: datetime
) -> None:
    away("logistics", now)
    moments = [now - timedelta(hours=2), now, now + timedelta(hours=8)]
    assert [selectors.on_duty("logistics", at).slug for at in moments] == ["logistics", "ops-team", "logistics"]


def test_when_the_backup_is_away_too_its_own_backup_is_on_duty(
    shipped_book: RuleBookVersion, as_system: Actor, now: datetime
) -> None:
    away("logistics", now)
    Owner.objects.filter(slug="ops-team").update(is_active=False)
    assert selectors.on_duty(Owner.objects.get(slug="logistics"), now).slug == "ops-team-review"


def test_when_everybody_is_away_the_owner_keeps_it(
    shipped_book: RuleBookVersion, as_system: Actor, now: datetime
) -> None:
    for slug in ("ops-team-review", "revenue-ops-review"):
        away(slug, now)
    assert selectors.on_duty("ops-team-review", now).slug == "ops-team-review"


def test_a_temporary_ownership_ends_and_a_person_who_left_is_away(
    shipped_book: RuleBookVersion, as_system: Actor, now: datetime
) -> None:
    calendar = Calendar.objects.get(slug="always")
    backup = Owner.objects.get(slug="support")
    kit = person("kit")
    Owner.objects.create(slug="kit", name="Kit", kind="person", user=kit, backup=backup, calendar=calendar)
    Owner.objects.filter(slug="logistics").update(valid_until=now)
    assert selectors.on_duty("logistics", now).slug == "ops-team"
    assert selectors.on_duty("kit", now).slug == "kit"
    User.objects.filter(pk=kit.pk).update(is_active=False)
    assert selectors.on_duty("kit", now).slug == "support"


def test_an_unknown_owner_is_refused_by_name(shipped_book: RuleBookVersion, now: datetime) -> None:
    with pytest.raises(LookupError, match="There is no owner nobody"):
        selectors.on_duty("nobody", now)


def test_asking_for_many_owners_costs_two_queries(
    shipped_book: RuleBookVersion, now: datetime, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]
        roster = selectors.roster(now)
        assert [roster.on_duty(slug).slug for slug in ("support", "logistics")] == ["support", "logistics"]


def test_an_account_manager_reaches_the_clients_given_and_no_other(
    northwind: Client, fable: Client, as_system: Actor
) -> None:
    amal = person("amal", Role.ACCOUNT_MANAGER)
    ClientAccess.objects.create(user=amal, client=northwind)
    actor = selectors.actor_for(amal, channel="web", request_id="r1")
    assert actor.clients == frozenset({northwind.pk})
    assert actor.permissions == GRANTS[Role.ACCOUNT_MANAGER]
    assert list(selectors.clients_of(actor)) == [northwind]
    assert (actor.id, actor.request_id, actor.kind) == (f"user:{amal.pk}", "r1", "person")


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPS_LEAD, Role.AUDITOR])
def test_house_roles_reach_every_client(northwind: Client, fable: Client, role: Role) -> None:
    actor = selectors.actor_for(person("lee", role), channel="web")
    assert list(selectors.clients_of(actor)) == [fable, northwind]


def test_roles_add_up_and_a_superuser_is_an_admin(db: None) -> None:
    both = selectors.actor_for(person("pat", Role.SUPPORT, Role.AUDITOR), channel="web")
    assert both.permissions == GRANTS[Role.SUPPORT] | GRANTS[Role.AUDITOR]
    root = User.objects.create_superuser("root")
    assert selectors.actor_for(root, channel="web").roles == {"admin"}


def test_nobody_may_do_nothing(northwind: Client) -> None:
    gone = person("gone", Role.ADMIN)
    gone.is_active = False
    for user in (AnonymousUser(), gone):
        actor = selectors.actor_for(user, channel="web")
        assert (actor.permissions, list(selectors.clients_of(actor))) == (frozenset(), [])


def test_a_person_owns_what_their_teams_own(shipped_book: RuleBookVersion, as_system: Actor) -> None:
    lee = person("lee", Role.OPS_LEAD)
    team = Team.objects.get(slug="ops-team")
    TeamMember.objects.create(team=team, user=lee)
    actor = selectors.actor_for(lee, channel="web")
    assert set(Owner.objects.filter(pk__in=actor.owners).values_list("slug", flat=True)) == {"ops-team"}
    assert selectors.people_behind(Owner.objects.get(slug="ops-team")) == [lee]
    assert selectors.people_behind(Owner.objects.get(slug="support")) == []


def issue(user: User, system: Actor, now: datetime, *clients: Client, scopes: list[str]) -> tuple[ApiToken, str]:
    return services.issue_api_token(
        user=user, label="Shop", scopes=scopes, clients=clients, expires_at=now + FAR, by=system, now=now
    )


def test_a_token_acts_with_what_it_was_given_and_no_more(
    northwind: Client, fable: Client, system: Actor, now: datetime
) -> None:
    ivy = person("ivy", Role.INTEGRATOR)
    with acting(system, at=now):
        ClientAccess.objects.create(user=ivy, client=northwind)
    token, text = issue(ivy, system, now, northwind, scopes=["sync.ingest"])
    actor = services.authenticate_api_token(text=text, now=now, request_id="r2")
    assert (actor.kind, actor.id, actor.channel) == ("integrator", f"token:{token.prefix}", "api")
    assert (actor.permissions, actor.clients) == (frozenset({"sync.ingest"}), frozenset({northwind.pk}))
    token.refresh_from_db()
    assert token.last_used_at == now


def test_a_token_loses_what_its_person_loses(northwind: Client, system: Actor, now: datetime) -> None:
    ivy = person("ivy", Role.INTEGRATOR)
    with acting(system, at=now):
        access = ClientAccess.objects.create(user=ivy, client=northwind)
    _, text = issue(ivy, system, now, northwind, scopes=["sync.ingest", "orders.view_order"])
    with acting(system, at=now):
        access.is_active = False
        access.save()
    ivy.groups.set([Group.objects.get_or_create(name=Role.SUPPORT.value)[0]])
    actor = services.authenticate_api_token(text=text, now=now)
    assert (actor.permissions, actor.clients) == (frozenset({"orders.view_order"}), frozenset())


def test_the_text_of_a_token_is_kept_nowhere(northwind: Client, system: Actor, now: datetime) -> None:
    token, text = issue(person("ivy", Role.ADMIN), system, now, northwind, scopes=["sync.replay"])
    kept = [str(value) for row in (ApiToken, ApiToken.history.model) for value in row.objects.values_list()]
    secret = text.split("_", 2)[2]
    assert not any(secret in row for row in kept)
    assert str(token) == f"Shop ({token.prefix}…)"


@pytest.mark.parametrize("spoil", ["expire", "revoke", "leave", "mistype"])
def test_a_token_that_is_not_good_lets_nobody_in(northwind: Client, system: Actor, now: datetime, spoil: str) -> None:
    ivy = person("ivy", Role.ADMIN)
    token, text = issue(ivy, system, now, northwind, scopes=["sync.replay"])
    if spoil == "revoke":
        services.revoke_api_token(token_id=token.pk, by=system, now=now, reason="leaked")
        services.revoke_api_token(token_id=token.pk, by=system, now=now + FAR, reason="again")
        token.refresh_from_db()
        assert token.revoked_at == now
    if spoil == "leave":
        User.objects.filter(pk=ivy.pk).update(is_active=False)
    with pytest.raises(TokenRefused, match="This API token is unknown, expired or revoked"):
        services.authenticate_api_token(
            text=text + ("x" if spoil == "mistype" else ""), now=now + FAR if spoil == "expire" else now
        )


def test_a_token_cannot_be_given_more_than_its_person_has(
    northwind: Client, fable: Client, system: Actor, now: datetime
) -> None:
    sam = person("sam", Role.SUPPORT)
    with pytest.raises(Invalid) as refused:
        services.issue_api_token(
            user=sam, label="x", scopes=["sync.replay"], clients=[fable], expires_at=now, by=system, now=now
        )
    assert [error.detail for error in refused.value.errors] == [
        "Sam does not have sync.replay.",
        "Sam has no access to Fable.",
        "The token would have expired already.",
    ]


def test_only_admins_issue_tokens(northwind: Client, now: datetime) -> None:
    lee = selectors.actor_for(person("lee", Role.OPS_LEAD), channel="web")
    with pytest.raises(Refused):
        issue(person("ivy", Role.INTEGRATOR), lee, now, scopes=[])
