"""Waiting for somebody else, of one or of many; what has not come in its time is theirs again, and they are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.errors import FieldError, Invalid
from audit.services.events import Entry, record_many
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from audit.words import said
from exceptions import clocks, subjects
from exceptions.models import ExceptionCase
from exceptions.services.deadlines import start_timers_of
from exceptions.services.notifications import Telling, notify_many, tell_watchers
from exceptions.services.openings import PROGRESS, WAKE
from exceptions.services.timers import TimerSetting, cancel_timers, set_timers
from exceptions.services.working import quiet_at
from exceptions.states import PAUSING, CaseState, WaitingOn
from exceptions.timer_kinds import Due

LONGEST_WAIT: Final = timedelta(days=30)
SHORTEST_PARTY, LONGEST_PARTY = 2, 80
WAITABLE: Final = (CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)


@dataclass(frozen=True)
class Wait:
    """For whom, why, until when, and what ends it before; `why` is what the derivation of a deadline says of it."""

    until: datetime
    reason: str
    on: str
    why: str
    event: str = ""


def asked_wait(*, until: datetime, reason: str, on: str, party: str, event: str = "", now: datetime) -> Wait:
    """What was asked for. Raises `Invalid` naming the field."""
    why = _party(on, party)
    if not now < until <= now + LONGEST_WAIT:
        detail = said("Enter a time after now and before %(value)s.", value=f"{now + LONGEST_WAIT:%d %b %Y}")
        raise Invalid(detail, errors=[FieldError("/until", "out-of-range", detail)])
    return Wait(until, reason_given(reason), on, f"waiting for {why}", event)


def refuse_unknown_event(case: ExceptionCase, event: str) -> None:
    """Raises `Invalid` for something that nobody sees happen to what the case is about."""
    known = subjects.wakes_of(case.subject_type)
    if event and event not in known:
        detail = said("Choose one of: %(values)s.", values=", ".join(known))
        raise Invalid(detail, errors=[FieldError("/event", "unknown", detail)])


def begin_wait(case: ExceptionCase, wait: Wait, now: datetime) -> None:
    """It waits, unsaved; its clock stands while a third party is waited for."""
    case.wait(until=wait.until, reason=wait.reason, on=wait.on, event=wait.event)
    if wait.on in PAUSING:
        case.pauses = clocks.paused(case.pauses, since=now, until=wait.until, why=wait.why)


def told_of(case: ExceptionCase, wait: Wait) -> Entry:
    """What the trail says."""
    return Entry(
        "case.waiting", case, reason=wait.reason, data={"until": wait.until, "on": wait.on, "event": wait.event}
    )


def wait_on(timed: Sequence[tuple[ExceptionCase, Sequence[TimerSetting]]], wait: Wait, *, now: datetime) -> None:
    """The timers of those that wait: their deadlines', and the one that brings them back; nobody asks for progress meanwhile.

    Who watches them is told.
    """
    start_timers_of(timed, now=now)
    subjects = [subject_ref(case) for case, _ in timed]
    cancel_timers(timers=[(subject, PROGRESS) for subject in subjects], now=now)
    set_timers(settings=[TimerSetting(subject, WAKE, wait.until) for subject in subjects])
    tell_watchers([case for case, _ in timed], "case.waiting", now=now)


def _party(on: str, named: str) -> str:
    """Who is waited for, in words."""
    if on not in WaitingOn.values:
        detail = said("Choose one of: %(values)s.", values=", ".join(WaitingOn.values))
        raise Invalid(detail, errors=[FieldError("/on", "unknown", detail)])
    if on in {WaitingOn.OURSELVES, WaitingOn.CUSTOMER}:
        return str(WaitingOn(on).label).lower()
    given = reason_given(named, field="party", shortest=SHORTEST_PARTY, longest=LONGEST_PARTY)
    return f"{on} {given}"


def on_wait_over(timers: Sequence[Due], *, now: datetime) -> None:
    """What was waited for did not come: it is ours again. Only cases (locked by the sweep) that still wait."""
    ids, waiting = [timer.subject_id for timer in timers], CaseState.WAITING
    cases = list(ExceptionCase.objects.filter(pk__in=ids, state=waiting).select_related("owner").order_by("pk"))
    ExceptionCase.objects.filter(pk__in=[case.pk for case in cases]).update(
        state=CaseState.IN_PROGRESS, waiting_until=None, waiting_for="", waiting_on="", waiting_event="", updated_at=now
    )
    record_many([Entry("case.wait_over", case, changes={"state": (waiting, CaseState.IN_PROGRESS)}) for case in cases])
    set_timers(settings=[TimerSetting(subject_ref(case), PROGRESS, quiet_at(case, now)) for case in cases])
    notify_many(tellings=[_told(case) for case in cases], now=now)


def _told(case: ExceptionCase) -> Telling:
    words = said("The wait is over and nothing came; it is yours again.")
    text = said("%(key)s: %(title)s. %(words)s", key=case.key, title=case.headline, words=words)
    url = f"/exceptions/{case.key}/"
    return Telling(case.owner, "case.wait_over", text, url, case.client_id, case.pk, severity=case.severity)
