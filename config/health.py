"""Whether everything runs, from what the loops leave behind: for `/readyz`, `/metrics`, `/status.json` and the status page alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import DatabaseError, connection
from django.utils.translation import gettext_noop as noop
from kombu.exceptions import OperationalError
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from audit import clock
from audit.models import Heartbeat, Seal
from audit.promptness import Promptness
from audit.words import said
from config.celery import app
from config.schedules import SCHEDULES, Every
from exceptions.models import ExceptionCase, NotificationDelivery, Timer
from exceptions.models.timers import LIVE
from exceptions.selectors import paused_by_hand, timer_promptness
from exceptions.services import watch_escalator
from exceptions.states import DeliveryState
from orders.sync.models import InboundEvent, OutboundMessage
from orders.sync.promptness import intake_promptness
from orders.sync.selectors import SyncLag, sync_lags
from orders.sync.states import InboundState, OutboundState

BEATING: Final = ("timers", "intake", "delivery", "notifications")
SLACK: Final = timedelta(seconds=30)
LATE: Final = timedelta(seconds=30)
BROKER_SECONDS: Final = 2


class Light(StrEnum):
    """How a part is."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True)
class Part:
    """One part of the product: how it is, and that in words."""

    name: str
    light: Light
    words: str


@dataclass(frozen=True)
class Queue:
    """Rows that wait: how many, and since when the oldest has been due."""

    name: str
    depth: int
    oldest_due: datetime | None


@dataclass(frozen=True)
class Status:
    """Everything the status page says."""

    at: datetime
    parts: tuple[Part, ...]
    queues: tuple[Queue, ...] = ()
    promptness: tuple[Promptness, ...] = ()
    dead_letters: int = 0
    open_exceptions: int = 0
    paused_by_hand: int = 0
    last_seal_at: datetime | None = None

    @property
    def light(self) -> Light:
        """The worst of the parts; amber where all run and something takes longer than promised."""
        lights = {part.light for part in self.parts} | {Light.AMBER for one in self.promptness if one.is_late}
        return next((light for light in (Light.RED, Light.AMBER) if light in lights), Light.GREEN)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"light": self.light, **asdict(self)}


def status(now: datetime) -> Status:
    """How everything is at `now`. Never raises: a database that is down is one of the answers."""
    database = _database()
    if database.light is Light.RED:
        return Status(now, (database, _broker()))
    return Status(
        at=now,
        parts=(database, _broker(), *_loops(now), _sync(sync_lags(now), now)),
        queues=queues(now),
        promptness=(timer_promptness(now=now), intake_promptness(now=now)),
        dead_letters=InboundEvent.objects.filter(state=InboundState.DEAD).count(),
        open_exceptions=ExceptionCase.objects.live().count(),
        paused_by_hand=paused_by_hand(now=now),
        last_seal_at=Seal.objects.order_by("-number").values_list("sealed_at", flat=True).first(),
    )


def readiness(now: datetime) -> tuple[Part, ...]:
    """What has to work before traffic is sent here: database, broker and the timers."""
    database = _database()
    if database.light is Light.RED:
        return (database, _broker())
    return (database, _broker(), *_loops(now, only="timers"))


def raise_alarm(parts: Sequence[Part], now: datetime) -> None:
    """Let somebody know when the timers stand still: this process still lives when worker, beat and broker do not."""
    if any(part.name == "timers" and part.light is not Light.GREEN for part in parts):
        watch_escalator(now=now)


def pulse(now: datetime) -> Part:
    """The loops that must not stop, in one part and one query: the worst of them, or the timers when all are well."""
    loops = tuple(_loops(now))
    worst = next((part for light in (Light.RED, Light.AMBER) for part in loops if part.light is light), None)
    return worst or next(part for part in loops if part.name == "timers")


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Part("database", Light.RED, noop("The database does not answer."))
    return Part("database", Light.GREEN, noop("Answers."))


def _broker() -> Part:
    try:
        with app.connection_for_read() as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    except (OperationalError, OSError):
        return Part("broker", Light.AMBER, noop("Does not answer; due work waits for the next sweep."))
    return Part("broker", Light.GREEN, noop("Answers."))


def _loops(now: datetime, *, only: str = "") -> Iterator[Part]:
    """The loops that leave a pulse, in words."""
    beats = {beat.loop: beat for beat in Heartbeat.objects.all()}
    for loop in (only,) if only else BEATING:
        beat = beats.get(loop)
        if beat is None:
            yield Part(loop, Light.RED, noop("Has never run here."))
            continue
        schedule = SCHEDULES.get(loop)
        usual = timedelta(seconds=schedule.seconds if isinstance(schedule, Every) else 60)
        silent = now - beat.at
        if silent > usual + SLACK:
            yield Part(
                loop,
                Light.RED,
                said("Last ran %(ago)s ago; it should every %(usual)s.", ago=_words(silent), usual=_words(usual)),
            )
        elif beat.lag_seconds > LATE.total_seconds():
            yield Part(
                loop, Light.AMBER, said("Runs, and is %(lag)s behind.", lag=_words(timedelta(seconds=beat.lag_seconds)))
            )
        else:
            yield Part(loop, Light.GREEN, said("Ran %(ago)s ago, nothing late.", ago=_words(silent)))


def _sync(lags: Sequence[SyncLag], now: datetime) -> Part:
    """Whether the systems that follow us do; which they are is said to those who may know."""
    late = [lag for lag in lags if lag.is_late]
    if not late:
        return Part("sync", Light.GREEN, noop("Every system is told in time."))
    waited = _words(now - min(lag.since for lag in late))
    return Part(
        "sync",
        Light.RED,
        said("Not told in time: %(n)s of the systems; the longest wait is %(waited)s.", n=len(late), waited=waited),
    )


def queues(now: datetime) -> tuple[Queue, ...]:
    """What waits to be done, and is due."""
    waiting = {
        "timers": Timer.objects.filter(LIVE, due_at__lte=now),
        "inbox": InboundEvent.objects.filter(state=InboundState.NEW),
        "outbox": OutboundMessage.objects.filter(state__in=[OutboundState.PENDING, OutboundState.SENDING]),
        "notifications": NotificationDelivery.objects.filter(state=DeliveryState.PENDING),
    }
    return tuple(
        Queue(name, rows.count(), rows.order_by("due_at").values_list("due_at", flat=True).first())
        for name, rows in waiting.items()
    )


def _words(length: timedelta) -> str:
    seconds = max(int(length.total_seconds()), 0)
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004 -- two minutes read better as such


class FromDatabase(Collector):
    """Gauges read from the database at each scrape, so that every process of the web server tells the same."""

    def collect(self) -> Iterable[Metric]:
        """The gauges."""
        now = clock.now()
        known = status(now)
        depth = GaugeMetricFamily("handrail_queue_depth", "Rows that wait.", labels=["queue"])
        oldest = GaugeMetricFamily("handrail_queue_lateness_seconds", "Lateness of the oldest row.", labels=["queue"])
        for queue in known.queues:
            depth.add_metric([queue.name], queue.depth)
            late = (now - queue.oldest_due).total_seconds() if queue.oldest_due else 0
            oldest.add_metric([queue.name], max(late, 0))
        up = GaugeMetricFamily("handrail_part_up", "1 green, 0.5 amber, 0 red.", labels=["part"])
        for part in known.parts:
            up.add_metric([part.name], {Light.GREEN: 1, Light.AMBER: 0.5, Light.RED: 0}[part.light])
        lag = GaugeMetricFamily(
            "handrail_sync_lag_seconds", "How long the oldest undelivered message of a system waits.", labels=["system"]
        )
        for one in sync_lags(now):
            lag.add_metric([one.system.slug], max((now - one.since).total_seconds(), 0))
        soon = GaugeMetricFamily(
            "handrail_promptness_seconds",
            "How soon so many of a hundred were done, last hour.",
            labels=["work", "percentile"],
        )
        for done in known.promptness:
            soon.add_metric([done.work, str(done.percentile)], done.within or 0)
        yield from (depth, oldest, up, lag, soon)
        yield GaugeMetricFamily("handrail_dead_letters", "Events nobody could process yet.", value=known.dead_letters)
        yield GaugeMetricFamily("handrail_open_exceptions", "Exceptions that are open.", value=known.open_exceptions)
        yield GaugeMetricFamily("handrail_paused_by_hand", "Break-glasses in force.", value=known.paused_by_hand)
