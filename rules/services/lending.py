"""Giving somebody for a while what is somebody else's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.texts import reason_mistake
from rules import selectors
from rules.models import ExceptionType, Owner, TemporaryOwnership

LONGEST: Final = timedelta(days=366)
PERMISSION: Final = "rules.manage_absence"


def lend_ownership(
    *, what: str, holder: str, ends_at: datetime, reason: str, by: Actor, now: datetime
) -> TemporaryOwnership:
    """From now until `ends_at` the holder (an owner's slug) gets what comes anew: `what` is "type:<exception type>" or "owner:<slug>".

    Raises `Invalid` naming every field that is wrong, `Conflict` when somebody has it for a while already, `Refused`.
    """
    with acting(by, at=now, reason=reason.strip()):
        require(by, PERMISSION)
        kind, _, slug = what.partition(":")
        of_type = ExceptionType.objects.filter(slug=slug, is_active=True).first() if kind == "type" else None
        owner = Owner.objects.filter(slug=slug, is_active=True).first() if kind == "owner" else None
        roster = selectors.roster(now)
        heir = next((one for one in roster.owners.values() if one.slug == holder and one.pk not in roster.away), None)
        errors = _mistakes(of_type or owner, heir, owner, ends_at, reason, now)
        if errors or heir is None:
            raise Invalid(" ".join(error.detail for error in errors), errors=errors)
        _end_what_is_over(now)
        if TemporaryOwnership.objects.filter(exception_type=of_type, owner=owner, ended_at=None).exists():
            raise Conflict("Somebody has this for a while already; end that first.", code="lent-already")
        lent = TemporaryOwnership.objects.create(
            exception_type=of_type, owner=owner, holder=heir, starts_at=now, ends_at=ends_at, reason=reason.strip()
        )
        record("ownership.lent", subject=lent, what=what, holder=holder, ends_at=ends_at)
    return lent


def end_lending(*, lending_id: UUID, by: Actor, now: datetime) -> TemporaryOwnership:
    """It is over, by the clock or because somebody said so. Raises `NotFound`, `Refused`, and `Conflict` when it was over already."""
    with acting(by, at=now):
        require(by, PERMISSION)
        lent = TemporaryOwnership.objects.select_for_update(of=("self",)).filter(pk=lending_id).first()
        if lent is None:
            raise NotFound("There is no such temporary ownership.")
        if lent.ended_at is not None:
            raise Conflict("It is over already.")
        lent.ended_at, lent.ends_at = now, min(lent.ends_at, now) if now > lent.starts_at else lent.ends_at
        lent.save()
        record("ownership.returned", subject=lent, holder=lent.holder.slug)
    return lent


def _mistakes(
    found: object, heir: Owner | None, owner: Owner | None, ends_at: datetime, reason: str, now: datetime
) -> list[FieldError]:
    wrong = [
        (found is None, "what", "unknown", "Choose a kind of exception or an owner."),
        (heir is None or heir == owner, "holder", "cannot-hold", "Choose somebody else who is there."),
        (
            not now < ends_at <= now + LONGEST,
            "ends_at",
            "out-of-range",
            f"It ends after now, within {LONGEST.days} days.",
        ),
    ]
    found_wrong = [FieldError(f"/{field}", code, detail) for is_wrong, field, code, detail in wrong if is_wrong]
    too_brief = reason_mistake(reason)
    return [*found_wrong, too_brief] if too_brief else found_wrong


def _end_what_is_over(now: datetime) -> None:
    """What the clock ended and no worker has written down yet does not stand in the way."""
    TemporaryOwnership.objects.filter(ended_at=None, ends_at__lte=now).update(ended_at=now, updated_at=now)
