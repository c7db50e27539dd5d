"""Whether other systems follow: one case for each that has not been told for too long, gone when it has caught up."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening, open_cases, withdraw_cases
from orders.sync.models import System
from orders.sync.selectors import IS_TOLD, SyncLag, put_away, sync_lags

CASE = "sync-lag"
UNTOLD: Final = noop("%(system)s has not been told for %(minutes)s min")
UNREAD: Final = noop("%(system)s has not read its exports for %(minutes)s min")
DELIVERED: Final = said("Everything it waited for was delivered.")
BY_HAND: Final = said("What it was not told was put away with the exception about that.")
NOT_TOLD: Final = said("Nothing is sent to it any more.")


def watch_lag(*, now: datetime) -> int:
    """Open a case for the owner of each system that waits too long, withdraw those of systems that do not; how many are late."""
    with acting(system_actor("delivery"), at=now) as by:
        late = {str(lag.system.pk): lag for lag in sync_lags(now) if lag.is_late}
        live = {case.subject_id: case for case in ExceptionCase.objects.live().filter(type=CASE).order_by("pk")}
        fresh = [_opening(lag, now) for system_id, lag in late.items() if system_id not in live]
        open_cases(openings=fresh, by=by, now=now)
        over = {UUID(system_id): case for system_id, case in live.items() if system_id not in late}
        for reason, cases in _why_over(over).items():
            withdraw_cases(case_ids=cases, reason=reason, by=by, now=now)
    return len(late)


def _why_over(cases: Mapping[UUID, ExceptionCase]) -> dict[str, list[UUID]]:
    """The cases of systems that wait for nothing too long any more, by what that is due to."""
    if not cases:
        return {}
    told = set(System.objects.filter(IS_TOLD, pk__in=list(cases)).values_list("pk", flat=True))
    without = put_away(list(cases), since=min(case.opened_at for case in cases.values()))
    found: dict[str, list[UUID]] = defaultdict(list)
    for system, case in cases.items():
        reason = BY_HAND if system in without else DELIVERED
        found[reason if system in told else NOT_TOLD].append(case.pk)
    return found


def _opening(lag: SyncLag, now: datetime) -> CaseOpening:
    system = lag.system
    return CaseOpening(
        CASE,
        subject_ref(system),
        system.slug,
        system.client_id,
        said(
            UNTOLD if system.base_url else UNREAD,
            system=system.name,
            minutes=round((now - lag.since).total_seconds() / 60),
        ),
        cause=f"{system.slug}/delivery",
        evidence={
            "system": system.slug,
            "oldest_message_at": lag.since.isoformat(),
            "messages": lag.messages,
            "paused_until": system.paused_until.isoformat() if system.paused_until else None,
        },
        owner=system.owner.slug,
    )
