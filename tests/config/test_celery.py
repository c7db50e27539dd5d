"""What Celery's processes keep open between tasks."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections

from config.celery import keep_connections, leave_broken_connections
from exceptions.tasks import sweep_timers


def backend() -> int:
    """The server's process behind the connection of this thread, asked as a task would."""
    leave_broken_connections(task=sweep_timers)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_connection_serves_many_tasks_until_it_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
        monkeypatch.setitem(connections.databases["default"], name, connections.databases["default"][name])
    keep_connections()
    with ThreadPoolExecutor(1) as worker:
        first, second = (worker.submit(backend).result() for _ in range(2))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
        third = worker.submit(backend).result()
        worker.submit(connections.close_all).result()
    assert first == second != third


def test_a_pool_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = {"OPTIONS": {"pool": {"max_size": 2}}, "CONN_MAX_AGE": 0}
    monkeypatch.setitem(connections.databases, "pooled", pooled)
    for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
        monkeypatch.setitem(connections.databases["default"], name, connections.databases["default"][name])
    keep_connections()
    assert pooled["CONN_MAX_AGE"] == 0
