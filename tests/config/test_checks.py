"""A database that cannot keep the product's promises is refused, with the reason."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config import checks
from config.embedded import PostgresCluster
from rules.models import Client


@pytest.fixture
def superuser(postgres: PostgresCluster) -> Iterator[psycopg.Cursor[Any]]:
    with psycopg.connect(postgres.url("superuser")) as connected:
        yield connected.cursor()


def test_a_superuser_is_refused_by_name(superuser: psycopg.Cursor[Any]) -> None:
    assert [one.msg for one in checks._unsafe_role(superuser)] == [
        "Connected as the superuser postgres, who could change the audit trail."
    ]


def test_a_server_that_may_lose_what_it_confirmed_is_refused(superuser: psycopg.Cursor[Any]) -> None:
    assert [one.hint for one in checks._unsafe_server(superuser)] == ["Set fsync = on.", "Set full_page_writes = on."]


@pytest.mark.django_db
def test_a_guard_that_was_switched_off_is_named() -> None:
    with connection.cursor() as cursor:
        assert checks._silent_triggers(cursor) == []
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal ORDER BY tgname LIMIT 1",
            [Client._meta.db_table],
        )
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE {Client._meta.db_table} DISABLE TRIGGER "{name}"')
        assert [one.msg for one in checks._silent_triggers(cursor)] == [
            f"A guard of rules.Client is missing or disabled ({name})."
        ]


@pytest.mark.django_db
def test_a_database_older_than_the_code_is_said_and_lets_migrate_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks._unapplied_migrations("default") == []
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: ["one more"])
    (said,) = checks._unapplied_migrations("default")
    assert (said.id, said.is_serious()) == ("handrail.W001", False)


@pytest.mark.django_db
def test_a_process_that_serves_does_not_start_without_the_promises(postgres: PostgresCluster) -> None:
    del postgres
    with pytest.raises(ImproperlyConfigured, match=r"does not start\. fsync is off"):
        checks.refuse_to_start_without_promises()
