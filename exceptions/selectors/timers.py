"""How late the timers are, and whether the sweep still beats."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.models import Heartbeat
from audit.promptness import Promptness, measured
from exceptions.models import Timer
from exceptions.models.timers import LIVE

PROMISED = timedelta(seconds=30)
SILENT = timedelta(minutes=2)
MOST_SHOWN = 100
MOST_COUNTED = 10_000
HOUR = timedelta(hours=1)
PROMPT_SECONDS = 5  # promised for 99 of 100 while everything runs
# What was set when it was due already could not be taken earlier: an id begins with the milliseconds at which it was made.
LATENESS = """
    SELECT extract(epoch FROM greatest(interval '0', fired_at - greatest(
        due_at, to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0))))::float8
    FROM exceptions_timer WHERE fired_at > %s
"""


@dataclass(frozen=True)
class Escalator:
    """Whether steps are being taken: when the sweep last ran through, how long ago that is, and how many are late by too much."""

    swept_at: datetime | None
    silent: timedelta
    overdue: int

    @property
    def is_alive(self) -> bool:
        """It beats, and leaves nothing lying."""
        return self.swept_at is not None and self.silent <= SILENT and not self.overdue

    @property
    def is_starting(self) -> bool:
        """It has never run, and nothing has waited for it yet."""
        return self.swept_at is None and not self.overdue

    @property
    def words(self) -> str:
        """How it stands, in a sentence."""
        if self.swept_at is None:
            return "Steps have never been taken here."
        minutes = int(self.silent.total_seconds()) // 60
        return f"Steps were last taken {minutes} min ago; {self.overdue} are overdue."


@dataclass(frozen=True)
class LateTimer:
    """A timer that should have fired, or that failed and was put off."""

    kind: str
    subject_type: str
    subject_id: str
    due_at: datetime
    late_seconds: int
    attempts: int
    last_error: str


@dataclass(frozen=True)
class TimerHealth:
    """Counts of live timers, the sweep's last beat, and the latest offenders (at most `MOST_SHOWN`), most late first."""

    running: int
    overdue: int
    failing: int
    swept_at: datetime | None
    latest: Sequence[LateTimer]

    is_beating: bool

    @property
    def is_well(self) -> bool:
        """The sweep beats, nothing is later than promised, and nothing keeps failing."""
        return self.is_beating and not self.overdue and not self.failing


def escalator_at(now: datetime) -> Escalator:
    """How the escalator stands at `now`; overdue means by more than `SILENT`."""
    pulse = Heartbeat.objects.filter(loop="timers").first()
    late = Timer.objects.filter(LIVE, due_at__lt=now - SILENT)[:MOST_COUNTED].count()
    return Escalator(pulse.at if pulse else None, now - pulse.at if pulse else timedelta(), late)


def timer_health(*, now: datetime) -> TimerHealth:
    """How the timers stand at `now`; overdue means by more than 30 s."""
    live = Timer.objects.filter(LIVE)
    overdue = live.filter(due_at__lt=now - PROMISED)
    failing = live.filter(attempts__gt=0)
    pulse = Heartbeat.objects.filter(loop="timers").first()
    offenders = (overdue | failing).order_by("due_at", "id")[:MOST_SHOWN]
    return TimerHealth(
        running=live.count(),
        overdue=overdue.count(),
        failing=failing.count(),
        swept_at=pulse.at if pulse else None,
        latest=[_late(timer, now) for timer in offenders],
        is_beating=pulse is not None and now - pulse.at <= SILENT,
    )


def timer_promptness(*, now: datetime, over: timedelta = HOUR) -> Promptness:
    """How late those timers fired that did in the time before `now`, up to the beginning of the sweep that fired them."""
    return measured("timers", lags=LATENESS, params=[now - over], percentile=99, promised=PROMPT_SECONDS)


def live_timers(subject_type: str, subject_ids: Collection[str]) -> dict[str, dict[str, datetime]]:
    """Of each of these subjects, the steps that are to come: their kinds, and when each is due."""
    found: dict[str, dict[str, datetime]] = {}
    live = Timer.objects.filter(LIVE, subject_type=subject_type, subject_id__in=subject_ids)
    for subject_id, kind, due_at in live.values_list("subject_id", "kind", "due_at"):
        found.setdefault(subject_id, {})[kind] = due_at
    return found


def overdue_timers(*, now: datetime) -> int:
    """How many timers are due and have not fired."""
    return Timer.objects.filter(LIVE, due_at__lte=now).count()


def _late(timer: Timer, now: datetime) -> LateTimer:
    late = max(int((now - timer.due_at).total_seconds()), 0)
    return LateTimer(
        timer.kind, timer.subject_type, timer.subject_id, timer.due_at, late, timer.attempts, timer.last_error
    )
