"""Putting away what was resolved long enough ago."""

from collections.abc import Sequence
from datetime import datetime

from audit.services.events import Entry, record_many
from exceptions.models import ExceptionCase
from exceptions.services.postmortems import draft_for_ended
from exceptions.states import CaseState
from exceptions.timer_kinds import Due


def on_nobody_came_back(timers: Sequence[Due], *, now: datetime) -> None:
    """Resolved long enough ago: closed, and each P1 has its postmortem."""
    resolved = ExceptionCase.objects.filter(pk__in=[timer.subject_id for timer in timers], state=CaseState.RESOLVED)
    cases = list(resolved.order_by("pk"))
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(state=CaseState.CLOSED, updated_at=now)
    record_many([Entry("case.closed", case, changes={"state": (case.state, CaseState.CLOSED)}) for case in cases])
    draft_for_ended(cases, now=now)
