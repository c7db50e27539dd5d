"""Worker, beat and broker die again and again while a thousand exceptions climb: each step once, and none waits for a second sweep."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import LiteralString, Self

import httpx2
import psycopg
import pytest

from config.embedded import PostgresCluster
from tests.faults.product import Product, product
from tests.faults.storm import CASES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("HANDRAIL_STORM" not in os.environ, reason="takes minutes of both cores: set HANDRAIL_STORM=1"),
]
KILLED = ("worker", "beat", "redis")
OPENED: LiteralString = "SELECT count(*) FROM exceptions_exceptioncase WHERE subject_type = 'storm.parcel'"
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
CALLED: LiteralString = "SELECT event, count(*), sum(count)::int FROM exceptions_alert GROUP BY event ORDER BY event"
ONCE = {
    ("case.breached", 0),
    ("case.escalated", 1),
    ("case.escalation_told", 2),
    ("case.paged", 3),
    ("case.escalated", 4),
}


class Sweeps:
    """The moments of the sweeps that ran through to their end, as the heartbeat tells them; read ten times a second."""

    def __init__(self, url: str) -> None:
        self.seen: set[datetime] = set()
        self._url, self._over = url, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._over.wait(0.1):
                rows = connection.execute("SELECT at FROM audit_heartbeat WHERE loop = 'timers'").fetchall()
                self.seen.update(at for (at,) in rows)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product(tmp_path_factory.mktemp("product")) as up:
        yield up


def url_of(running: Product, role: str = "verifier") -> str:
    return PostgresCluster(Path(running.environment["HANDRAIL_DATA_DIR"])).url(role)


def rows(running: Product, statement: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(url_of(running)) as connection:
        return connection.execute(statement).fetchall()


def test_with_worker_and_beat_stopped_the_probe_is_red_and_one_letter_goes_out(running: Product) -> None:
    letters = Path(running.environment["EMAIL_URL"].removeprefix("file://"))
    probe = f"{running.url}/readyz"
    _wait_until_ready(probe)
    with running.stopped("worker", "beat"):
        with psycopg.connect(url_of(running, "owner"), autocommit=True) as connection:
            connection.execute("UPDATE audit_heartbeat SET at = at - interval '5 minutes' WHERE loop = 'timers'")
        answers = [httpx2.get(probe, timeout=10, trust_env=False) for _ in range(3)]
        told = [letter for one in letters.iterdir() if "escalation has stopped" in (letter := one.read_text())]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert len(told) == 1
    assert "Steps were last taken 5 min ago" in told[0]
    _wait_until_ready(probe)


def _wait_until_ready(probe: str) -> None:
    deadline = time.monotonic() + 60
    while httpx2.get(probe, timeout=10, trust_env=False).status_code != 200:
        assert time.monotonic() < deadline, "the timers do not come back"
        time.sleep(0.5)


def test_a_storm_is_escalated_once_and_in_time_whatever_is_killed(running: Product) -> None:
    chance = random.Random("storm")
    out, errors = running.command("shell", "-c", "from tests.faults.storm import brew; brew()").communicate(timeout=300)
    assert rows(running, OPENED) == [(CASES,)], out + errors
    killed: Counter[str] = Counter()
    with Sweeps(url_of(running)) as sweeps:
        for name in chance.sample(KILLED, len(KILLED)) * 2:
            time.sleep(chance.uniform(1, 2))
            killed[name] += running.kill(name)
        deadline = time.monotonic() + 120
        while rows(running, LEFT) != [(0,)] and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)

    taken = {(event, step): (times, cases) for event, step, times, cases in rows(running, TAKEN)}
    assert taken == dict.fromkeys(ONCE, (CASES, CASES))
    assert rows(running, CALLED) == [("case.breached", 1, CASES), ("case.paged", 1, CASES)]
    passed_over = Counter(
        sum(due <= sweep < fired for sweep in sweeps.seen)  # type: ignore[operator]
        for due, fired in rows(running, FIRED)
    )
    assert sum(passed_over.values()) == 5 * CASES
    assert max(passed_over) <= 1, passed_over
    assert set(killed) == set(KILLED)
    assert min(killed.values()) >= 1
    running.command("shell", "-c", "from audit.tasks import seal; seal()").communicate(timeout=300)
    checks = [running.command(name) for name in ("check_invariants", "verify_audit")]
    for check in checks:
        said, _ = check.communicate(timeout=300)
        assert check.returncode == 0, said
