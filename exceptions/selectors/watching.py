"""Who watches exceptions, and time-limited ones."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import F, Q

from exceptions.models import CaseWatch, Waiver, WaiverWatch
from exceptions.selectors.mentions import SEEING
from rules.selectors.people import HOUSE_ROLES


def may_see(client: str) -> Q:
    """Of watches those by people who may still see what they watch, whose client is at this path."""
    return (
        Q(owner__user__is_superuser=True)
        | Q(owner__user__groups__name__in=[role.value for role in SEEING & HOUSE_ROLES])
        | Q(
            owner__user__groups__name__in=[role.value for role in SEEING],
            owner__user__client_accesses__client=F(client),
            owner__user__client_accesses__is_active=True,
            owner__user__client_accesses__client__is_active=True,
        )
    )


def watches_of(case_ids: Collection[UUID]) -> list[CaseWatch]:
    """Who watches these, with the exception and the person; only who may still see it."""
    watches = CaseWatch.objects.filter(case__in=case_ids, owner__is_active=True, owner__user__is_active=True)
    found = (
        watches.filter(may_see("case__client"))
        .select_related("case", "owner")
        .order_by("case", "owner__slug")
        .distinct()
    )
    return list(found)


def watchers_of(waiver: Waiver) -> list[WaiverWatch]:
    """Who watches it, with the person; only who may still see it."""
    watches = WaiverWatch.objects.filter(waiver=waiver, owner__is_active=True, owner__user__is_active=True)
    return list(watches.filter(may_see("waiver__client")).select_related("owner").order_by("owner__slug").distinct())
