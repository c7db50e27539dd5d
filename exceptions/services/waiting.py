"""What somebody waited for has not come in its time: it is theirs again, and they are told."""

from collections.abc import Sequence
from datetime import datetime

from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.openings import PROGRESS
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.services.working import quiet_at
from exceptions.states import CaseState
from exceptions.timer_kinds import Due


def on_wait_over(timers: Sequence[Due], *, now: datetime) -> None:
    """What was waited for did not come: it is ours again. Only cases (locked by the sweep) that still wait."""
    ids, waiting = [timer.subject_id for timer in timers], CaseState.WAITING
    cases = list(ExceptionCase.objects.filter(pk__in=ids, state=waiting).select_related("owner").order_by("pk"))
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(
        state=CaseState.IN_PROGRESS, waiting_until=None, waiting_for="", waiting_on="", updated_at=now
    )
    record_many([Entry("case.wait_over", case, changes={"state": (waiting, CaseState.IN_PROGRESS)}) for case in cases])
    set_timers(settings=[TimerSetting(subject_ref(case), PROGRESS, quiet_at(case, now)) for case in cases])
    notify_many(tellings=[_told(case) for case in cases], now=now)


def _told(case: ExceptionCase) -> Telling:
    words = said("The wait is over and nothing came; it is yours again.")
    text = said("%(key)s: %(title)s. %(words)s", key=case.key, title=case.headline, words=words)
    url = f"/exceptions/{case.key}/"
    return Telling(case.owner, "case.wait_over", text, url, case.client_id, case.pk, severity=case.severity)
