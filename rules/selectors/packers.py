"""Who packs, for whom, and whether they are at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q

from audit.access import Role
from rules.models import Absence, ClientAccess, Owner, TeamMember
from rules.rulebook import CompiledBook
from rules.selectors.books import hours_in
from rules.selectors.workers import MOMENT
from rules.states import OwnerKind


@dataclass(frozen=True)
class Packer:
    """A person who packs for these clients and is not away; `is_on_shift` says whether it is within their hours."""

    slug: str
    name: str
    clients: frozenset[UUID]
    teams: frozenset[UUID]
    is_on_shift: bool


def packers(book: CompiledBook, *, at: datetime) -> list[Packer]:
    """Everybody who packs and is not away, by slug; one query."""
    access = ClientAccess.objects.filter(user=OuterRef("user"), is_active=True, client__is_active=True)
    members = TeamMember.objects.filter(user=OuterRef("user"), is_active=True)
    away = Absence.objects.filter(owner=OuterRef("pk"), is_active=True, starts_at__lte=at, ends_at__gt=at)
    people = (
        Owner.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=at),
            ~Exists(away),
            kind=OwnerKind.PERSON,
            is_active=True,
            user__is_active=True,
            user__groups__name=Role.PACKER.value,
        )
        .select_related("user", "calendar")
        .annotate(for_clients=ArraySubquery(access.values("client")), in_teams=ArraySubquery(members.values("team")))
        .order_by("slug")
    )
    return [
        Packer(
            one.slug,
            one.user.display_name if one.user else one.name,
            frozenset(one.for_clients),
            frozenset(one.in_teams),
            hours_in(book, one.calendar.slug).elapsed(at, at + MOMENT) > timedelta(),
        )
        for one in people
    ]
