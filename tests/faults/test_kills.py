"""Whatever is killed while a hundred orders go through: the same result, nothing lost, nothing twice."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from config.embedded import PostgresCluster
from tests.faults.product import Product, product

pytestmark = pytest.mark.slow
DELIVERED: LiteralString = "SELECT count(*) FROM fulfilment_order WHERE state = 'delivered'"
TWICE: LiteralString = """
    SELECT subject_id, type, count(*) FROM audit_event WHERE type IN ('order.received', 'order.delivered')
    GROUP BY subject_id, type HAVING count(*) > 1
"""
KILLED = ("worker", "beat", "redis", "web")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("product")


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Product]:
    with product(directory) as up:
        yield up


def test_a_second_start_from_the_same_directory_is_refused_and_harms_nobody(running: Product) -> None:
    second = running.command("up", "--no-demo")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 3
    assert "already runs" in errors
    running.wait_until_it_answers()


def test_a_hundred_orders_end_the_same_whatever_is_killed_on_the_way(running: Product) -> None:
    chance = random.Random("kills")
    scenario = running.command("scenario", "hundred-orders", "--seed", "7", "--within", "420", "--json")
    assert scenario.stderr is not None
    assert "orders sent" in scenario.stderr.readline()
    killed = []
    for name in chance.sample(KILLED, len(KILLED)) * 2:
        time.sleep(chance.uniform(2, 6))
        if scenario.poll() is None and running.kill(name):
            killed.append(name)
    out, errors = scenario.communicate(timeout=500)

    assert out, errors
    summary = json.loads(out)["summary"]
    assert (summary["orders"], summary["delivered"], summary["exceptions"], summary["human_events"]) == (100, 90, 10, 0)
    assert sorted(running.said()) == sorted(killed)
    assert set(killed) == set(KILLED)
    assert running.answer("check_invariants")[0] == 0
    assert running.answer("verify_audit")[0] == 0
    assert rows(running, TWICE) == []


def test_what_was_stopped_is_there_again_at_the_next_start(running: Product, directory: Path) -> None:
    before = rows(running, DELIVERED)
    running.stop()
    assert running.output.read_text().splitlines()[-1].endswith("stopped; everything is kept")

    with product(directory) as again:
        assert rows(again, DELIVERED) == before == [(90,)]


def rows(running: Product, statement: LiteralString) -> list[tuple[object, ...]]:
    cluster = PostgresCluster(Path(running.environment["HANDRAIL_DATA_DIR"]))
    with psycopg.connect(cluster.url("verifier")) as connection:
        return connection.execute(statement).fetchall()
