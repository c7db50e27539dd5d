"""Pages about who answers for what: whose turn it is, and what somebody has for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from rules import selectors as rules
from rules.models import ExceptionType, Owner, TemporaryOwnership
from rules.selectors.rotation import QUARTER, Holding

PERMISSION = "rules.view_rules"
SHOWN_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class RotationPage:
    """Flows and rules with who answers for them, the longest held first; `days` is after how many it is due."""

    holdings: Sequence[Holding]
    due_count: int
    days: int = QUARTER.days


@dataclass(frozen=True)
class LendingPage:
    """What somebody has for a while or had lately, and what could be given to whom: places are (what, words)."""

    lendings: Sequence[TemporaryOwnership]
    places: Sequence[tuple[str, str]]
    able: Sequence[Owner]


def rotation_page(*, by: Actor, now: datetime) -> RotationPage:
    """The page. Raises `Refused` without the permission to see the rules."""
    require(by, PERMISSION)
    found = [one for one in rules.holdings(now) if rules.is_of_house_or_reached(by, one.record)]
    return RotationPage(found, sum(one.is_due for one in found))


def lendings_for(by: Actor, *, now: datetime) -> QuerySet[TemporaryOwnership]:
    """What somebody has for a while, or had lately. Raises `Refused` without the permission to see the rules."""
    require(by, PERMISSION)
    found = TemporaryOwnership.objects.filter(ends_at__gt=now - SHOWN_AFTER)
    return found.select_related("holder", "owner", "exception_type").order_by("-starts_at", "-pk")


def lending_page(*, by: Actor, now: datetime) -> LendingPage:
    """The page. Raises `Refused` without the permission to see the rules."""
    lendings = lendings_for(by, now=now)
    there = rules.roster(now)
    owners = sorted((one for one in there.owners.values() if one.is_active), key=lambda one: one.name)
    types = ExceptionType.objects.filter(is_active=True).order_by("name").values_list("slug", "name")
    return LendingPage(
        lendings=list(lendings),
        places=[
            *((f"type:{slug}", name) for slug, name in types),
            *((f"owner:{one.slug}", one.name) for one in owners),
        ],
        able=[one for one in owners if one.pk not in there.away],
    )
