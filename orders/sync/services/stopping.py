"""What is told to a system is held back for a while, and let go on: nothing is lost, and all of it goes out in its order afterwards."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from audit.access import require
from audit.canonical import timestamp
from audit.context import Actor, acting, current_actor
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, StaleVersion
from audit.services.events import record
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.wakeups import wake
from audit.words import said
from exceptions.services import CaseOpening, open_cases
from orders.sync import selectors
from orders.sync.models import UNREACHABLE, System

PERMISSION: Final = "sync.pause_system"
LONGEST_DAYS: Final = 7


def pause_system(
    *, slug: str, until: datetime, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> System:
    """Tell a system nothing until then, or until somebody resumes it; what it is to be told waits in line.

    Raises `Invalid` for a moment that is over or too far, `Refused`, `NotFound`, `StaleVersion`, and `Conflict` for one that is told
    nothing anyway.
    """
    with acting(by, at=now, reason=reason):
        system, why = _locked(slug, by, seen), reason_given(reason)
        if not (system.base_url and system.is_active):
            raise Conflict(said("Nothing is sent to %(system)s: there is nothing to pause.", system=system.name))
        if not now < until <= now + timedelta(days=LONGEST_DAYS):
            detail = said("Choose an end from now on, at most %(days)s days ahead.", days=LONGEST_DAYS)
            raise Invalid(detail, errors=[FieldError("/until", "out-of-range", detail)])
        system.paused_until = until
        system.save()
        record("system.paused", subject=system, reason=why, until=timestamp(until))
    return system


def resume_system(*, slug: str, reason: str, by: Actor, now: datetime, seen: int | None = None) -> System:
    """Tell a paused system again, at once and in order. Raises as `pause_system`, and `IllegalTransition` for one that is not paused."""
    with acting(by, at=now, reason=reason):
        system, why = _locked(slug, by, seen), reason_given(reason)
        if system.paused_until is None or system.paused_until <= now:
            raise IllegalTransition(said("%(system)s is not paused.", system=system.name))
        system.paused_until = None
        system.save()
        record("system.resumed", subject=system, reason=why)
        wake("sync.deliver_outbox")
    return system


def stop_gone(*, system_ids: Collection[UUID], now: datetime) -> None:
    """Systems that answered 410 want to be told nothing more (Standard Webhooks): they are paused, and somebody has to find out why."""
    until = now + timedelta(days=LONGEST_DAYS)
    openings = []
    gone = System.objects.select_for_update(of=("self",)).filter(pk__in=system_ids).order_by("pk")
    for system in gone.exclude(paused_until__gt=now):
        title = said("%(system)s says that it wants to be told nothing more: HTTP 410", system=system.name)
        system.paused_until = until
        system.save()
        record("system.paused", subject=system, reason=title, until=timestamp(until))
        evidence = {"system": system.slug, "paused_until": timestamp(until)}
        cause = f"{system.slug}/gone"
        openings.append(
            CaseOpening(UNREACHABLE, subject_ref(system), system.slug, None, title, cause=cause, evidence=evidence)
        )
    open_cases(openings=openings, by=current_actor(), now=now)


def _locked(slug: str, by: Actor, seen: int | None) -> System:
    found = selectors.system_called(by, slug)
    require(by, PERMISSION, found)
    system = System.objects.select_for_update(of=("self",)).get(pk=found.pk)
    if seen not in {None, system.version}:
        raise StaleVersion(said("%(system)s was changed after you opened it. Nothing was done.", system=system.name))
    return system
