"""The database of the tests: embedded, thrown away, started before Django reads its settings (a pytest plugin, see pyproject).

Each process of a parallel run (pytest-xdist) has a cluster, a data directory and a Redis of its own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import PostgresCluster, RedisServer

ROOT = Path(__file__).resolve().parent.parent
OWN = "HANDRAIL_TEST_CLUSTER"  # handed down to the processes of a parallel run: the database they see is ours, not one we were given
DATA_DIR = Path(os.environ.setdefault("HANDRAIL_DATA_DIR", str(ROOT / "var" / "test")))
cluster: PostgresCluster | None = None

if OWN in os.environ:
    DATA_DIR /= os.environ["PYTEST_XDIST_WORKER"]
    os.environ["HANDRAIL_DATA_DIR"] = str(DATA_DIR)
if OWN in os.environ or "DATABASE_URL" not in os.environ:
    cluster = PostgresCluster(DATA_DIR, durable=False)
    cluster.start()
    os.environ |= {"DATABASE_URL": cluster.url("owner"), OWN: "1"}


def pytest_unconfigure() -> None:
    """Stop what this session started."""
    if cluster is not None:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres() -> PostgresCluster:
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
