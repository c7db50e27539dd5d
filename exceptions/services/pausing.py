"""Holding back what would put records back while somebody has broken the glass over them, and letting it happen afterwards, once.

Whether something waits is asked at the moment of use, of the clock alone. What waits is the timer it would have been anyway, due at the
end: it fires there like any other, earlier where the break-glass ends earlier, and later where another one is in force by then.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from audit.services.events import record
from audit.wakeups import wake
from exceptions.models import Timer, Waiver
from exceptions.models.timers import LIVE
from exceptions.selectors.pauses import PAUSED_BY, live_emergencies
from exceptions.states import WaiverKind
from exceptions.timer_kinds import TimerKind


def hold_back(kind: TimerKind, rows: Sequence[tuple[str, str]], now: datetime) -> Sequence[tuple[str, str]]:
    """Of due timers (id, subject's id), whose subjects are locked, those that may fire; the others wait for the end of the break-glass."""
    if kind.puts_back is None or not rows:
        return rows
    about = kind.puts_back([subject_id for _, subject_id in rows])
    live = live_emergencies(subjects={ref for refs in about.values() for ref in refs}, now=now)
    waiting: dict[Waiver, list[str]] = defaultdict(list)
    going = []
    for timer_id, subject_id in rows:
        over = [live[ref] for ref in about.get(subject_id, ()) if ref in live]
        if over:
            waiting[max(over, key=lambda one: (one.expires_at, one.pk))].append(timer_id)
        else:
            going.append((timer_id, subject_id))
    for waiver, ids in waiting.items():
        told = {PAUSED_BY: waiver.key}
        moved = Timer.objects.filter(LIVE, pk__in=ids, due_at__lte=now).update(due_at=waiver.expires_at, payload=told)
        if moved:
            record("waiver.held_back", subject=waiver, what=kind.name, count=moved)
    return going


def let_go_on(waiver: Waiver, *, now: datetime) -> None:
    """It ended before its time, or for some: what waits for its end is due now, and waits on where another one is in force."""
    if waiver.kind != WaiverKind.EMERGENCY or waiver.expires_at is None:
        return
    waiting = Timer.objects.filter(LIVE, due_at=waiver.expires_at, payload__contains={PAUSED_BY: waiver.key})
    if waiting.update(due_at=now):
        wake("exceptions.sweep_timers")


def move_end(waiver: Waiver, was: datetime) -> None:
    """It ends earlier than at `was`: what waits for its end waits no longer than that."""
    if waiver.kind == WaiverKind.EMERGENCY:
        waiting = Timer.objects.filter(LIVE, due_at=was, payload__contains={PAUSED_BY: waiver.key})
        waiting.update(due_at=waiver.expires_at)
