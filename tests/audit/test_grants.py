"""What the application's database role can do to the trail: add to it, read it, nothing else."""

from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
from django.db import connection

from audit.context import Actor, acting
from audit.models import Event
from audit.services.events import record
from audit.services.grants import grant_roles
from audit.subject_refs import SubjectRef
from config.embedded import PostgresCluster

SUBJECT = SubjectRef("audit.actor", "1")


@pytest.fixture
def granted(transactional_db: None, postgres: PostgresCluster, system: Actor, now: datetime) -> Iterator[None]:
    assert grant_roles(app="handrail_app", verifier="handrail_verifier") == ["handrail_app", "handrail_verifier"]
    with acting(system, at=now):
        record("access.refused", subject=SUBJECT)
    yield
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM handrail_app, handrail_verifier")
        cursor.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM handrail_app, handrail_verifier")


@pytest.fixture
def as_app(granted: None, postgres: PostgresCluster) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url("app", str(connection.settings_dict["NAME"])), autocommit=True) as session:
        yield session


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET type = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TABLE audit_event",
        "SET session_replication_role = replica",
        "UPDATE audit_seal SET number = 1",
        "DELETE FROM audit_chainhead",
        "SET ROLE handrail_owner",
        "COPY audit_event TO PROGRAM 'cat'",
        "CREATE TABLE public.elsewhere (id int)",
        "INSERT INTO rules_historicalclient DEFAULT VALUES",
        "UPDATE rules_historicalclient SET history_actor = 'x'",
        "DELETE FROM rules_client",
        "UPDATE django_migrations SET name = 'x'",
    ],
)
def test_the_application_is_refused(as_app: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_app.execute(statement)
    assert Event.objects.count() == 1


def test_the_application_works_and_its_writes_leave_history(as_app: psycopg.Connection) -> None:
    as_app.execute("BEGIN")
    as_app.execute("SELECT set_config('handrail.actor', 'user:7', true)")
    as_app.execute(
        "INSERT INTO rules_team (id, version, created_at, updated_at, slug, name, is_active, assignment)"
        " VALUES (gen_random_uuid(), 1, now(), now(), 'night', 'Night', true, 'queue')"
    )
    written = as_app.execute("SELECT slug, history_actor FROM rules_historicalteam").fetchall()
    as_app.execute("ROLLBACK")
    assert written == [("night", "user:7")]


def test_the_verifier_reads_everything_and_writes_nothing(granted: None, postgres: PostgresCluster) -> None:
    url = postgres.url("verifier", str(connection.settings_dict["NAME"]))
    with psycopg.connect(url, autocommit=True) as session:
        assert session.execute("SELECT count(*) FROM audit_event").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("INSERT INTO audit_event DEFAULT VALUES")
