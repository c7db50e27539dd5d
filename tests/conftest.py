"""What every test may ask for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase, override_settings

from audit.access import system_actor
from audit.context import Actor, acting

_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]


def _flush_protected_tables_too(case: TransactionTestCase) -> None:
    """A test database is emptied between tests; the owner lifts, for that moment, what no one may do in production."""
    _truncation("DISABLE")
    try:
        _flush(case)
    finally:
        _truncation("ENABLE ALWAYS")


def _truncation(mode: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'pgtrigger_refuse_truncate%%'"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} {mode} TRIGGER "{trigger}"')


TransactionTestCase._fixture_teardown = _flush_protected_tables_too  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def unbuilt_static_files() -> None:
    """Pages name static files as they are in the source; `collectstatic` is not run before tests."""
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[None]:
    """Hashing as slowly as production does would be most of the suite's time."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def now() -> datetime:
    """A Friday morning in business hours everywhere the cast works."""
    return datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def system() -> Actor:
    """The product itself."""
    return system_actor("test")


@pytest.fixture
def as_system(db: None, system: Actor, now: datetime) -> Iterator[Actor]:
    """Run the test inside one act of the product itself."""
    with acting(system, at=now):
        yield system
