"""The database of the tests: embedded, thrown away, started before Django reads its settings (a pytest plugin, see pyproject).

Each process of a parallel run (pytest-xdist) has a cluster, a data directory and a Redis of its own. The cluster is a copy of one
that was migrated while they read the tests.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import PostgresCluster, RedisServer
from tests.pattern import Pattern

ROOT = Path(__file__).resolve().parent.parent
OWN = "HANDRAIL_TEST_CLUSTER"  # handed down to the processes of a parallel run: the database they see is ours, not one we were given
DATA_DIR = Path(os.environ.setdefault("HANDRAIL_DATA_DIR", str(ROOT / "var" / "test")))

HANDS_OUT = "-n" in sys.argv  # the process that only hands tests to others needs no database
IS_ONE_OF_MANY = OWN in os.environ

pattern = Pattern(DATA_DIR / "pattern")
making: subprocess.Popen[bytes] | None = None
cluster: PostgresCluster | None = None

if IS_ONE_OF_MANY:
    DATA_DIR /= os.environ["PYTEST_XDIST_WORKER"]
    os.environ["HANDRAIL_DATA_DIR"] = str(DATA_DIR)
elif "DATABASE_URL" not in os.environ:
    os.environ |= {"DATABASE_URL": "postgresql:///nowhere", OWN: "1"}
    if HANDS_OUT:
        making = pattern.begin()
if IS_ONE_OF_MANY:
    cluster = pattern.before_the_copy(DATA_DIR)
elif OWN in os.environ and not HANDS_OUT:
    cluster = PostgresCluster(DATA_DIR, durable=False)
    cluster.start()
if cluster is not None:
    os.environ["DATABASE_URL"] = cluster.url("owner")


def pytest_unconfigure() -> None:
    """Stop what this session started."""
    if cluster is not None:
        cluster.stop()
    if making is not None:
        making.wait()


@pytest.fixture(scope="session")
def postgres(django_db_setup: None) -> PostgresCluster:
    """The embedded cluster, for tests that connect in other roles; skips where the tests run on a given database."""
    if cluster is None:
        pytest.skip("needs the embedded PostgreSQL: unset DATABASE_URL")
    return cluster


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis for the tests that want one."""
    server = RedisServer(DATA_DIR)
    server.start()
    yield server.url
    server.stop()
