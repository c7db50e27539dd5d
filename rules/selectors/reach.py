"""Owners behind whom there is nobody: what they own has to come to somebody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from rules.models import Owner, TeamMember
from rules.states import OutOfReach, OwnerKind


@dataclass(frozen=True)
class Unreachable:
    """An owner nobody answers for, and why; `is_gone`: whatever comes to it goes to the backup (a team without people keeps it)."""

    owner: Owner
    why: OutOfReach

    @property
    def is_gone(self) -> bool:
        """Whether the owner cannot have anything any more."""
        return self.why != OutOfReach.EMPTY


def unreachable(at: datetime) -> dict[UUID, Unreachable]:
    """All of them at `at`, by owner; one query."""
    members = TeamMember.objects.filter(team=OuterRef("team"), is_active=True, user__is_active=True)
    owners = Owner.objects.select_related("user", "backup").annotate(has_people=Exists(members)).order_by("name", "pk")
    found = ((owner, _why(owner, at, has_people=owner.has_people)) for owner in owners)
    return {owner.pk: Unreachable(owner, why) for owner, why in found if why is not None}


def _why(owner: Owner, at: datetime, *, has_people: bool) -> OutOfReach | None:
    if not owner.is_active:
        return OutOfReach.SWITCHED_OFF
    if owner.valid_until is not None and owner.valid_until <= at:
        return OutOfReach.ENDED
    if owner.kind == OwnerKind.PERSON and not (owner.user and owner.user.is_active):
        return OutOfReach.LEFT
    return OutOfReach.EMPTY if owner.kind == OwnerKind.TEAM and not has_people and not owner.emails else None
