"""What every test may ask for."""

import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import TransactionTestCase, override_settings
from pytest_django import DjangoDbBlocker

from audit.access import system_actor
from audit.context import Actor, acting
from tests import pattern, services, unseen
from tests.cast import House, furnish, furnished_house

# A Friday morning in business hours everywhere the cast works.
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

# What migrating leaves behind stays: to write it anew took half as long as the tests that commit. Few tables hold anything
# then, and to delete their rows is cheaper than to truncate two hundred tables with all their indexes.
EMPTY = """
DO $$
DECLARE one text; filled text[] := '{}'; has boolean;
BEGIN
    FOR one IN SELECT format('%I', tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO has;
        IF has THEN filled := filled || one; END IF;
    END LOOP;
    FOREACH one IN ARRAY filled LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', one); END LOOP;
    FOREACH one IN ARRAY filled LOOP EXECUTE 'DELETE FROM ' || one; END LOOP;
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR one IN SELECT format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', tgrelid::regclass, tgname) FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled = 'D' LOOP EXECUTE one; END LOOP;
END $$
"""


def _empty(_: TransactionTestCase) -> None:
    """A test database is emptied between tests; the owner lifts, for that moment, what no one may do in production."""
    with connection.cursor() as cursor:
        cursor.execute(EMPTY)


TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: some are always waiting for a clock or a page."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files, so that all processes end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What was loaded stays to the end: nothing in it needs to be looked at again whenever memory is collected."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what did not run, and why."""
    for line in unseen.summary(terminalreporter.getreports("skipped")):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_test_environment: None) -> None:
    """The database: migrated, or copied from the one that was."""
    if services.IS_ONE_OF_MANY and services.cluster is not None:
        services.pattern.copy_to(services.cluster)
        connection.settings_dict["NAME"] = pattern.NAME
    else:
        request.getfixturevalue("django_db_setup")


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
    return NOW


@pytest.fixture
def system() -> Actor:
    """The product itself."""
    return system_actor("test")


@pytest.fixture
def as_system(db: None, system: Actor, now: datetime) -> Iterator[Actor]:
    """Run the test inside one act of the product itself."""
    with acting(system, at=now):
        yield system


@dataclass
class Standing:
    """What fixtures have made once for every test that stands on it, until one comes that needs an empty database."""

    blocker: DjangoDbBlocker
    ground: str = ""
    laid: Any = None
    layers: list[transaction.Atomic] = field(default_factory=list)

    @property
    def is_there(self) -> bool:
        """Whether something can stand: a test that commits makes its own."""
        return bool(self.layers)

    def on(self, ground: str, lay: Callable[[], object]) -> None:
        """Stand on what `lay` makes; made before, when the file before stood on the same ground."""
        if self.ground != ground:
            self.end()
            self._begin()
            with self.blocker.unblock():
                self.laid = lay()
            self.ground = ground
        self._begin()

    def step_back(self) -> None:
        """Undo what a file made on the ground, and leave that."""
        if len(self.layers) > 1:
            self._undo()

    def end(self) -> None:
        """Undo all of it; nothing when that is done."""
        while self.layers:
            self._undo()
        self.ground, self.laid = "", None

    def _begin(self) -> None:
        self.layers.append(transaction.atomic())
        with self.blocker.unblock():
            self.layers[-1].__enter__()

    def _undo(self) -> None:
        with self.blocker.unblock():
            transaction.set_rollback(True)
            self.layers.pop().__exit__(None, None, None)


Stand = Callable[[str, Callable[[], object]], Standing]
_STANDING = pytest.StashKey[Standing]()
_COMMITS = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def standing(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Standing]:
    """Transactions around files, so that furnishing costs once what it would cost every test."""
    made = request.config.stash[_STANDING] = Standing(django_db_blocker)
    yield made
    made.end()


@pytest.fixture(scope="module")
def stand(request: pytest.FixtureRequest, standing: Standing) -> Iterator[Stand]:
    """Stand on a ground while this file is tested; a test that commits finds none."""

    def on(ground: str, lay: Callable[[], object]) -> Standing:
        if not request.config.stash[_COMMITS]:
            standing.on(f"{ground} of {request.path.parent}", lay)
        return standing

    yield on
    standing.step_back()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that commits needs an empty database; pytest-django runs these after the others of their file."""
    item.config.stash[_COMMITS] = _commits(item)
    standing = item.config.stash.get(_STANDING, None)
    if standing and (
        _commits(item) or (len(standing.layers) == 1 and "stand" not in getattr(item, "fixturenames", ()))
    ):
        standing.end()


def _commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    asked = bool(marker and marker.kwargs.get("transaction"))
    return asked or not {"transactional_db", "live_server"}.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="module")
def furnished_at() -> datetime:
    """When the house was furnished."""
    return NOW


@pytest.fixture(scope="module")
def furnished(stand: Stand, furnished_at: datetime) -> Standing:
    """The house, where it can stand."""
    return stand("house", lambda: furnish(by=system_actor("test"), now=furnished_at))


@pytest.fixture
def house(furnished: Standing, db: None, furnished_at: datetime) -> House:
    """An installed product with three clients and their people."""
    return furnished_house() if furnished.is_there else furnish(by=system_actor("test"), now=furnished_at)


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who gets in is asked: what a page shows, and that it can, is asked where its other tests are."""
    monkeypatch.setattr("django.template.backends.django.Template.render", lambda *_, **__: "")
