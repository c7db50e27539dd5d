"""Whether other systems follow: one case for each that has not been told for too long, gone when it has caught up."""

from datetime import datetime

from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening, open_cases, withdraw_cases
from orders.sync.selectors import SyncLag, sync_lags

CASE = "sync-lag"


def watch_lag(*, now: datetime) -> int:
    """Open a case for the owner of each system that waits too long, withdraw those of systems that do not; how many are late."""
    with acting(system_actor("delivery"), at=now) as by:
        late = {str(lag.system.pk): lag for lag in sync_lags(now) if lag.is_late}
        live = {case.subject_id: case for case in ExceptionCase.objects.live().filter(type=CASE).order_by("pk")}
        fresh = [_opening(lag, now) for system_id, lag in late.items() if system_id not in live]
        open_cases(openings=fresh, by=by, now=now)
        over = [case.pk for system_id, case in live.items() if system_id not in late]
        withdraw_cases(case_ids=over, reason=said("Everything it waited for was delivered."), by=by, now=now)
    return len(late)


def _opening(lag: SyncLag, now: datetime) -> CaseOpening:
    system = lag.system
    return CaseOpening(
        CASE,
        subject_ref(system),
        system.slug,
        system.client_id,
        said(
            "%(system)s has not been told for %(minutes)s min",
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
