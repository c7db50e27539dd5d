"""Whatever is killed while a hundred orders go through and a thousand exceptions climb: the same result, nothing lost, nothing twice.

Of what other systems are asked a fifth fails in each of four ways meanwhile (`storm.py`); the end is that of a run in which nothing does.
With `HANDRAIL_THOROUGH=1` two hundred more orders go through with faults and two hundred without, and whoever is killed meanwhile.

One product for all of it, for starting one is most of the time: the tests of this file build on each other, in their order.
"""

import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, LiteralString, Self

import httpx2
import psycopg
import pytest
from django.core.management import CommandError, call_command

from config.embedded import PostgresCluster
from tests.faults.ends import smooth
from tests.faults.product import Product, product
from tests.faults.storm import CASES, SEEDS

pytestmark = pytest.mark.slow
KILLED = ("worker", "beat", "redis", "web")
AGAIN = ("worker", "redis")  # who does everything, and through whom it is woken
PATIENCE_SECONDS = 300
DELIVERED: LiteralString = "SELECT count(*) FROM fulfilment_order WHERE state = 'delivered'"
# Runs that are done: of those that arrived, and of the parts that are there of two that could not be fulfilled whole.
RUNS: LiteralString = "SELECT count(*) FROM sync_flowrun WHERE state = 'done'"
# How other systems failed us.
FAILED: LiteralString = """
    SELECT count(*) FILTER (WHERE status = 500), count(*) FILTER (WHERE error LIKE 'no answer%') FROM sync_attempt
"""
# Who picked each delivered order, and its packing list.
PICKED: LiteralString = """
    SELECT count(DISTINCT o.id) FILTER (WHERE f.picker <> '' AND f.manifest <> ''), count(DISTINCT o.id)
    FROM fulfilment_order o JOIN fulfilment_fulfilment f ON f.order_id = o.id WHERE o.state = 'delivered'
"""
UNPROVEN: LiteralString = """
    SELECT met_by FROM sync_expectation WHERE met_by <> ''
      AND NOT EXISTS (SELECT FROM sync_inboundevent WHERE event_id = met_by AND state = 'applied')
"""
TWICE: LiteralString = """
    SELECT subject_id, type, count(*) FROM audit_event WHERE type IN ('order.received', 'order.delivered')
    GROUP BY subject_id, type HAVING count(*) > 1
"""
LEFT: LiteralString = """
    SELECT count(*) FROM exceptions_timer WHERE fired_at IS NULL AND cancelled_at IS NULL
      AND kind IN ('case.escalate', 'case.breach', 'case.at_risk') AND subject_id IN (
        SELECT id::text FROM exceptions_exceptioncase WHERE subject_type = 'storm.parcel')
"""
TAKEN: LiteralString = """
    SELECT type, coalesce((body::jsonb -> 'data' ->> 'step')::int, 0), count(*), count(DISTINCT subject_id)
    FROM audit_event WHERE subject_id IN (
        SELECT id::text FROM exceptions_exceptioncase WHERE subject_type = 'storm.parcel'
    ) AND type NOT IN ('case.opened', 'case.at_risk') GROUP BY 1, 2
"""
FIRED: LiteralString = """
    SELECT due_at, fired_at FROM exceptions_timer
    WHERE fired_at IS NOT NULL AND kind IN ('case.escalate', 'case.breach') AND subject_id IN (
        SELECT id::text FROM exceptions_exceptioncase WHERE subject_type = 'storm.parcel')
"""
ACTING: LiteralString = """
    SELECT pid FROM pg_locks WHERE relation = 'exceptions_timer'::regclass AND mode = 'RowExclusiveLock'
"""
CALLED: LiteralString = """
    SELECT event, count(*), sum(count)::int FROM exceptions_alert
    WHERE event IN ('case.breached', 'case.paged') GROUP BY event ORDER BY event
"""
ONCE = {
    ("case.breached", 0),
    ("case.escalated", 1),
    ("case.escalation_told", 2),
    ("case.paged", 3),
    ("case.escalated", 4),
}


class Sweeps:
    """When each sweep that ran through to its end began, and when that was seen; the heartbeat tells, asked ten times a second."""

    def __init__(self, url: str) -> None:
        self.seen: dict[datetime, datetime] = {}
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def passed_over(self, due: datetime, fired: datetime, *, there: datetime) -> int:
        """How many began when the timer was due and to be seen, and left it. One that another sweep has set was there when that ended."""
        since = max(self.seen.get(due, due), there)
        return sum(since <= sweep < fired for sweep in self.seen)

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.wait(0.1):
                statement = "SELECT at, clock_timestamp() FROM audit_heartbeat WHERE loop = 'timers'"
                for at, seen in connection.execute(statement):
                    self.seen.setdefault(at, seen)


@dataclass(frozen=True)
class Aftermath:
    """What is left when everybody was killed and everything is done; who played it waits to be asked to look at it."""

    orders: dict[str, Any]
    killed: Counter[str]
    sweeps: Sweeps
    brewed_at: datetime
    play: subprocess.Popen[str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("product")) as up:
        yield up


@pytest.fixture(scope="module")
def aftermath(running: Product) -> Iterator[Aftermath]:
    """Orders and storm at once. They are killed close to each other, and the worker again in the middle of what it then does first."""
    chance, killed = random.Random("kills"), Counter[str]()

    def kill(name: str) -> None:
        until(f"there is a {name}", lambda: running.kill(name))
        killed[name] += 1

    play = running.inside("play")
    try:
        assert play.stdout is not None
        assert play.stderr is not None
        brewed_at = play.stdout.readline().strip()
        assert "orders sent" in play.stderr.readline(), play.communicate()[1]
        with Sweeps(running.database("verifier")) as sweeps:
            for name in chance.sample(KILLED, len(KILLED)):
                time.sleep(chance.uniform(0.3, 1.5))
                kill(name)
            with psycopg.connect(running.database("verifier"), autocommit=True) as looking:
                dead = looking.execute(ACTING).fetchall()  # the database may still end what a killed worker asked for
                until("the next worker acts", lambda: set(looking.execute(ACTING)).difference(dead), pause=0.05)
            for name in AGAIN:
                kill(name)
            until("the last step is taken", lambda: rows(running, LEFT) == [(0,)], pause=1)
        told = "".join(takewhile(lambda line: line != "}\n", play.stdout))
        assert told, play.communicate()[1]
        yield Aftermath(json.loads(told + "}"), killed, sweeps, datetime.fromisoformat(brewed_at), play)
    finally:
        play.kill()


@contextmanager
def killing_on(running: Product, seed: int) -> Iterator[None]:
    """One of them is killed meanwhile, again and again, a few seconds after all are back; who starts them waits longer each time."""
    chance, over = random.Random(seed), threading.Event()

    def kill() -> None:
        while not over.wait(chance.uniform(2, 6)):
            if all(map(running.has, KILLED)):
                running.kill(chance.choice(KILLED))

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def until(what: str, holds: Callable[[], object], *, pause: float = 0.2) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(pause)


def rows(running: Product, statement: LiteralString) -> list[tuple[Any, ...]]:
    with psycopg.connect(running.database("verifier")) as connection:
        return connection.execute(statement).fetchall()


def test_a_second_start_from_the_same_directory_is_refused_and_harms_nobody(
    running: Product, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = Path(running.environment["HANDRAIL_DATA_DIR"])
    monkeypatch.setattr("config.management.commands.up.Stack.run", lambda _: pytest.fail("it started"))
    with pytest.raises(CommandError, match="already runs") as refused:
        call_command("up", no_demo=True)
    assert refused.value.returncode == 3
    running.wait_until_it_answers()


def test_with_worker_and_beat_stopped_the_probe_is_red_and_one_letter_goes_out(running: Product) -> None:
    letters = Path(running.environment["EMAIL_URL"].removeprefix("file://"))

    def asked() -> int:
        return httpx2.get(f"{running.url}/readyz", timeout=30, trust_env=False).status_code

    until("the timers run", lambda: asked() == 200)
    with psycopg.connect(running.database("owner")) as connection:
        # Locked before they stand still, or one of them might hold it for as long as it does.
        connection.execute("SELECT 1 FROM audit_heartbeat WHERE loop = 'timers' FOR UPDATE")
        with running.stopped("worker", "beat"):
            connection.execute("UPDATE audit_heartbeat SET at = at - interval '5 minutes' WHERE loop = 'timers'")
            connection.commit()
            answers = [asked() for _ in range(3)]
            told = [letter for one in letters.iterdir() if "escalation has stopped" in (letter := one.read_text())]
    assert answers == [503] * 3
    assert len(told) == 1
    assert "Steps were last taken 5 min ago" in told[0]
    until("the timers run again", lambda: asked() == 200)


def test_a_hundred_orders_end_the_same_whatever_is_killed_on_the_way(running: Product, aftermath: Aftermath) -> None:
    summary = aftermath.orders["summary"]
    stuck = aftermath.orders["items"]
    assert {one["type"] for one in stuck} == {"address", "carrier-rejection", "high-risk-review", "inventory"}, stuck
    assert (summary["orders"], summary["delivered"], summary["exceptions"], summary["human_events"]) == (100, 90, 10, 0)
    assert rows(running, PICKED) == [(90, 90)]
    assert all(one["owner"] and one["due_at"] and one["route"] for one in stuck)
    until("what is there of two orders has arrived as well", lambda: rows(running, RUNS) == [(92,)])
    assert rows(running, UNPROVEN) == []
    ((answered_500, unanswered),) = rows(running, FAILED)
    assert min(answered_500, unanswered) >= 20
    assert aftermath.killed == Counter(KILLED + AGAIN)
    assert Counter(running.said()) == aftermath.killed
    assert rows(running, TWICE) == []


def test_a_storm_is_escalated_once_and_in_time_whatever_is_killed(running: Product, aftermath: Aftermath) -> None:
    taken = {(event, step): (times, cases) for event, step, times, cases in rows(running, TAKEN)}
    assert taken == dict.fromkeys(ONCE, (CASES, CASES))
    assert rows(running, CALLED) == [("case.breached", 1, CASES), ("case.paged", 1, CASES)]
    passed_over = Counter(
        aftermath.sweeps.passed_over(due, fired, there=aftermath.brewed_at) for due, fired in rows(running, FIRED)
    )
    assert passed_over.total() == 5 * CASES
    assert max(passed_over) <= 1, passed_over


def test_everything_stands_where_it_does_when_nothing_goes_wrong(running: Product, aftermath: Aftermath) -> None:
    told, asked = aftermath.play.stdout, aftermath.play.stdin
    assert told is not None
    assert asked is not None
    print("where?", file=asked, flush=True)
    assert json.loads(told.readline()) == smooth()
    for seed in SEEDS:
        with killing_on(running, seed):
            line = told.readline()
        assert line, aftermath.play.communicate()[1]
        rough, calm = json.loads(line)
        assert rough == calm


def test_every_record_and_the_trail_are_whole_afterwards(aftermath: Aftermath) -> None:
    said, errors = aftermath.play.communicate("look\n", timeout=PATIENCE_SECONDS)
    assert aftermath.play.returncode == 0, said + errors


def test_what_was_stopped_is_kept(running: Product, aftermath: Aftermath) -> None:
    before = rows(running, DELIVERED)
    running.stop()
    assert running.output.read_text().splitlines()[-1].endswith("stopped; everything is kept")
    kept = PostgresCluster(Path(running.environment["HANDRAIL_DATA_DIR"]))
    kept.start()
    try:
        assert rows(running, DELIVERED) == before == [(90,)]
    finally:
        kept.stop()
