"""Timers fire exactly once, with their effect, whatever dies or comes twice."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

import pytest
from django.db import connection, connections

from audit.models import Heartbeat
from audit.subject_refs import SubjectRef
from exceptions import timer_kinds
from exceptions.models import Timer
from exceptions.services import TimerSetting, cancel_timer, set_timer, set_timers, sweep_timers, timers
from exceptions.timer_kinds import Due

MINUTE = timedelta(minutes=1)


def about(n: int) -> SubjectRef:
    return SubjectRef("test.parcel", str(n))


@pytest.fixture
def fired(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Subjects whose "test.ring" timer fired; subject 13 cannot be handled."""
    rung: list[str] = []

    def ring(timers: Sequence[Due], *, now: datetime) -> None:
        if any(timer.subject_id == "13" for timer in timers):
            raise ValueError("thirteen")
        rung.extend(timer.subject_id for timer in timers)

    monkeypatch.setitem(timer_kinds._kinds, "test.ring", timer_kinds.TimerKind("test.ring", ring))
    yield rung


def test_a_timer_fires_once_when_it_is_due(db: None, fired: list[str], now: datetime) -> None:
    set_timer(subject=about(1), kind="test.ring", due_at=now + MINUTE)
    assert [sweep_timers(now=now), fired] == [0, []]
    assert [sweep_timers(now=now + MINUTE), sweep_timers(now=now + MINUTE), fired] == [1, 0, ["1"]]


def test_setting_it_again_moves_it_and_counts_a_generation(db: None, fired: list[str], now: datetime) -> None:
    set_timer(subject=about(1), kind="test.ring", due_at=now + MINUTE)
    set_timer(subject=about(1), kind="test.ring", due_at=now + 2 * MINUTE)
    timer = Timer.objects.get()
    assert (timer.generation, timer.due_at) == (2, now + 2 * MINUTE)
    set_timer(subject=about(1), kind="test.ring", due_at=now + 2 * MINUTE)
    timer.refresh_from_db()
    assert timer.generation == 2, "set to what it is, it is not written"
    assert sweep_timers(now=now + MINUTE) == 0


def test_a_batch_that_is_full_calls_for_the_next_at_once(
    db: None,
    fired: list[str],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    knocks: list[str] = []
    monkeypatch.setattr(timers, "wake_at_once", knocks.append)
    for n in range(3):
        set_timer(subject=about(n), kind="test.ring", due_at=now)
    for _ in range(3):
        sweep_timers(now=now, limit=2)
    assert (sorted(fired), knocks) == (["0", "1", "2"], ["exceptions.sweep_timers"])


def test_a_cancelled_timer_never_fires_and_makes_room_for_another(db: None, fired: list[str], now: datetime) -> None:
    set_timer(subject=about(1), kind="test.ring", due_at=now)
    cancel_timer(subject=about(1), kind="test.ring", now=now)
    assert sweep_timers(now=now) == 0
    set_timer(subject=about(1), kind="test.ring", due_at=now)
    assert sweep_timers(now=now) == 1
    assert Timer.objects.count() == 2


def test_one_that_fails_is_put_off_and_does_not_stop_the_others(db: None, fired: list[str], now: datetime) -> None:
    set_timers(settings=[TimerSetting(about(n), "test.ring", now) for n in range(10, 17)])
    assert sweep_timers(now=now) == 6
    assert sorted(fired) == ["10", "11", "12", "14", "15", "16"]
    poisoned = Timer.objects.get(fired_at=None)
    assert (poisoned.subject_id, poisoned.attempts, poisoned.last_error) == ("13", 1, "ValueError: thirteen")
    assert poisoned.due_at > now


def test_a_kind_nobody_registered_is_kept_and_said(db: None, now: datetime) -> None:
    set_timer(subject=about(1), kind="test.unknown", due_at=now)
    assert sweep_timers(now=now) == 0
    assert "No app registered" in Timer.objects.get().last_error


def test_setting_a_thousand_takes_one_statement(db: None, now: datetime, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        set_timers(settings=[TimerSetting(about(n), "test.ring", now) for n in range(1_000)])
    assert Timer.objects.count() == 1_000


def test_what_is_due_at_one_moment_is_taken_in_the_order_of_the_index(db: None, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {timers.DUE}", [now, *timers.BEGINNING, 2])
        plan = " ".join(line for (line,) in cursor.fetchall())
    assert ("timer_due" in plan, "Sort" in plan) == (True, False)


def test_kinds_are_cancelled_of_these_subjects_and_no_other(db: None, now: datetime) -> None:
    kinds = ("test.first", "test.second", "test.third")
    set_timers(settings=[TimerSetting(ref, kind, now) for ref in (about(1), about(2)) for kind in kinds])
    timers.cancel_kinds(subjects=[about(1)], kinds=kinds[:2], now=now)
    left = Timer.objects.filter(cancelled_at=None).order_by("subject_id", "kind").values_list("subject_id", "kind")
    assert list(left) == [("1", "test.third"), *(("2", kind) for kind in kinds)]


def test_the_sweep_says_how_late_it_was(db: None, fired: list[str], now: datetime) -> None:
    set_timer(subject=about(1), kind="test.ring", due_at=now - 3 * MINUTE)
    sweep_timers(now=now)
    pulse = Heartbeat.objects.get(loop="timers")
    assert (pulse.at, pulse.lag_seconds, pulse.worked) == (now, 180.0, 1)


@pytest.mark.django_db(transaction=True)
def test_four_sweepers_at_once_fire_each_timer_once(fired: list[str], now: datetime) -> None:
    set_timers(settings=[TimerSetting(about(n), "test.ring", now) for n in range(1_000, 1_400)])
    counts: list[int] = []

    def sweep() -> None:
        try:
            counts.extend(sweep_timers(now=now, limit=50) for _ in range(20))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while left := sweep_timers(now=now):
        counts.append(left)

    assert sorted(fired) == sorted(str(n) for n in range(1_000, 1_400))
    assert sum(counts) == 400
    connection.close()


@dataclass
class Meanwhile:
    """A worker whose handler of "test.slow" has the batch locked until `go_on`, and who calls others in `knocks`."""

    sweep: Callable[[], None]
    knocks: list[str] = field(default_factory=list)
    locked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.sweep)
        self.thread.start()
        assert self.locked.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.thread.join()


@pytest.fixture
def other_worker(fired: list[str], monkeypatch: pytest.MonkeyPatch, now: datetime) -> Meanwhile:
    """Two timers are a full batch to it."""

    def sweep() -> None:
        sweep_timers(now=now + MINUTE, limit=2)
        connections.close_all()

    def hold(timers: Sequence[Due], *, now: datetime) -> None:
        del timers, now
        other.locked.set()
        other.go_on.wait(20)

    other = Meanwhile(sweep)
    monkeypatch.setattr(timers, "wake_at_once", other.knocks.append)
    monkeypatch.setitem(timer_kinds._kinds, "test.slow", timer_kinds.TimerKind("test.slow", hold))
    return other


@pytest.mark.django_db(transaction=True)
def test_who_comes_while_a_full_batch_is_worked_on_is_called_and_takes_what_is_behind_it(
    other_worker: Meanwhile, fired: list[str], now: datetime
) -> None:
    set_timers(settings=[TimerSetting(about(n), "test.slow", now) for n in (1, 2)])
    set_timers(settings=[TimerSetting(about(n), "test.ring", now + MINUTE) for n in (3, 4)])
    with other_worker:
        assert other_worker.knocks == ["exceptions.sweep_timers"]
        assert sweep_timers(now=now + MINUTE, limit=2) == 2
        assert sorted(fired) == ["3", "4"]


@pytest.mark.django_db(transaction=True)
def test_a_step_waits_for_the_one_before_it_of_the_same_record_with_whichever_worker_that_is(
    other_worker: Meanwhile, fired: list[str], now: datetime
) -> None:
    set_timers(settings=[TimerSetting(about(n), "test.slow", now) for n in (1, 2)])
    set_timers(settings=[TimerSetting(about(n), "test.ring", now + MINUTE) for n in (1, 3)])
    with other_worker:
        sweep_timers(now=now + MINUTE, limit=4)
        assert fired == ["3"]
    assert sweep_timers(now=now + MINUTE) == 1
    assert fired == ["3", "1"]


def test_steps_of_one_record_that_are_due_together_are_taken_in_their_order(
    db: None, fired: list[str], monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    def first(timers: Sequence[Due], *, now: datetime) -> None:
        del now
        fired.extend(f"first of {timer.subject_id}" for timer in timers)

    monkeypatch.setitem(timer_kinds._kinds, "test.first", timer_kinds.TimerKind("test.first", first))
    set_timer(subject=about(2), kind="test.ring", due_at=now)
    set_timer(subject=about(1), kind="test.first", due_at=now + MINUTE)
    set_timer(subject=about(1), kind="test.ring", due_at=now + 2 * MINUTE)
    assert sweep_timers(now=now + 2 * MINUTE) == 3
    assert fired == ["2", "first of 1", "1"]
