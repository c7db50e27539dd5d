"""What was waited for has happened: the cases that wait for it are theirs again before their time."""

from collections.abc import Collection, Sequence
from datetime import datetime

from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions import clocks, subjects
from exceptions.models import ExceptionCase
from exceptions.services.deadlines import start_timers_of, work_out_many
from exceptions.services.notifications import Telling, notify_many, tell_watchers
from exceptions.services.openings import PROGRESS, WAKE
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.services.working import load_parties, quiet_at
from exceptions.states import CaseState


def wake_cases(*, event: str, subject_type: str, subject_ids: Collection[str], now: datetime) -> int:
    """End the wait of those that wait for this to happen to one of these subjects; each once, and how many did.

    Runs inside `acting()`, in the transaction that saw it happen; the subjects are locked.
    """
    about = ExceptionCase.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    waiting = about.filter(state=CaseState.WAITING, waiting_event=event).order_by("pk").select_for_update()
    cases: list[ExceptionCase] = list(waiting)
    if cases:
        _wake(cases, event, now)
    return len(cases)


def _wake(cases: Sequence[ExceptionCase], event: str, now: datetime) -> None:
    load_parties(cases)
    for case in cases:
        case.resume()
        case.pauses = clocks.went_on(case.pauses, at=now)
    timed = work_out_many(cases, now=now)
    ExceptionCase.objects.save_changes(cases, at=now)
    record_many([Entry("case.woken", case, data={"event": event}, changes=case.last_changes()) for case in cases])
    start_timers_of(timed, now=now)
    cancel_timers(timers=[(subject_ref(case), WAKE) for case in cases], now=now)
    set_timers(settings=[TimerSetting(subject_ref(case), PROGRESS, quiet_at(case, now)) for case in cases])
    notify_many(tellings=[_told(case, event) for case in cases], now=now)
    tell_watchers(cases, "case.woken", now=now)


def _told(case: ExceptionCase, event: str) -> Telling:
    words = said(subjects.wakes_of(case.subject_type).get(event, event))
    text = said(
        "%(key)s: %(title)s. What it waited for has happened: %(words)s. It is yours again.",
        key=case.key,
        title=case.headline,
        words=words,
    )
    url = f"/exceptions/{case.key}/"
    return Telling(case.owner, "case.woken", text, url, case.client_id, case.pk, severity=case.severity)
