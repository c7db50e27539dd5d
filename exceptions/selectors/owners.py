"""Owners as filters name them."""

from collections.abc import Iterable
from typing import Final

from django.db.models import Q

from audit.context import Actor
from rules.models import Owner, Team

ME: Final = "me"
TEAM: Final = "team:"


def named(text: str, by: Actor) -> Q:
    """The condition for owners: `me` (and my teams), `team:<slug>` (the team and the people in it), or an owner's slug."""
    if text == ME:
        return Q(pk__in=by.owners)
    if text.startswith(TEAM):
        slug = text.removeprefix(TEAM)
        people = Q(user__team_memberships__team__slug=slug, user__team_memberships__is_active=True)
        return Q(team__slug=slug) | people
    return Q(slug=text)


def named_any(texts: Iterable[str], by: Actor) -> Q:
    """The condition for owners that any of these names."""
    condition = Q(pk__in=[])
    for text in texts:
        condition |= named(text, by)
    return condition


def owned(text: str, by: Actor) -> Q:
    """The condition for exceptions whose owner is named so."""
    return Q(owner__in=Owner.objects.filter(named(text, by)))


def is_team(slug: str) -> bool:
    """Whether there is such a team."""
    return Team.objects.filter(slug=slug, is_active=True).exists()
