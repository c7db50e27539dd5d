"""`check_invariants`: what holds, what does not, and what could not be checked."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from audit import checks
from audit.checks import Invariant
from audit.context import Actor, acting
from audit.models import ChainHead
from audit.selectors.invariants import check_all
from audit.services.events import record
from audit.subject_refs import SubjectRef
from config.embedded import PostgresCluster
from rules.models import Team
from tests.cast import furnish


def declare(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    monkeypatch.setattr(checks, "_invariants", {"x-01": Invariant("x-01", "Nothing is odd", **facts)})


def test_every_declared_invariant_can_be_checked_and_holds_for_a_furnished_house(
    db: None, system: Actor, now: datetime
) -> None:
    furnish(by=system, now=now)
    with acting(system, at=now):
        record("access.refused", subject=SubjectRef("audit.actor", "1"))
    assert [(o.id, o.violations, o.offenders, o.trouble) for o in check_all() if not o.holds] == []


def test_a_change_without_an_event_is_found(transactional_db: None, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        Team.objects.create(slug="night", name="Night")
    (outcome,) = check_all(only=["inv-28"])
    assert outcome.violations == 1
    assert outcome.offenders[0].startswith("rules.team ")


def test_a_chain_that_lost_its_end_is_found(as_system: Actor) -> None:
    record("access.refused", subject=SubjectRef("audit.actor", "1"))
    ChainHead.objects.filter(subject_id="1").update(seq=2)
    (outcome,) = check_all(only=["inv-31"])
    assert outcome.offenders == ("audit.actor 1",)


def test_an_event_nobody_seals_is_found(as_system: Actor, postgres: PostgresCluster) -> None:
    record("access.refused", subject=SubjectRef("audit.actor", "1"))
    assert [outcome.violations for outcome in check_all(only=["inv-32"])] == [0]
    old = "01890000-0000-7000-8000-000000000001"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE late AS SELECT * FROM audit_event")
        cursor.execute("UPDATE late SET id = %s, seq = 2", [old])
        cursor.execute("INSERT INTO audit_event SELECT * FROM late")
    assert [outcome.offenders for outcome in check_all(only=["inv-32"])] == [(old,)]


def test_a_sleeping_guard_is_found(transactional_db: None, postgres: PostgresCluster) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit_seal'::regclass ORDER BY tgname LIMIT 1")
        (name,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE audit_seal DISABLE TRIGGER {name}")
        found = list(check_all(only=["inv-33b"]))
        cursor.execute(f"ALTER TABLE audit_seal ENABLE ALWAYS TRIGGER {name}")
    assert [outcome.offenders for outcome in found] == [(f"audit_seal {name}",)]


def test_a_right_too_many_is_found(db: None, postgres: PostgresCluster) -> None:
    with connection.cursor() as cursor:
        cursor.execute("GRANT DELETE ON audit_event TO handrail_app")
    (outcome,) = check_all(only=["inv-33"])
    assert outcome.offenders == ("handrail_app may DELETE on audit_event",)


def test_what_takes_too_long_counts_as_failed(
    db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(monkeypatch, sql="SELECT pg_sleep(5)", budget_ms=50)
    with pytest.raises(SystemExit) as failed:
        call_command("check_invariants", json=True)
    item = json.loads(capsys.readouterr().out)["items"][0]
    assert (failed.value.code, item["violations"], item["offenders"]) == (1, "unknown", "not finished within 50 ms")


def test_what_cannot_be_asked_counts_as_failed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, sql="SELECT 1 FROM nowhere")
    (outcome,) = check_all()
    assert not outcome.holds
    assert "nowhere" in outcome.trouble


def test_offenders_are_counted_and_the_first_named(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, sql="SELECT n FROM generate_series(1, 9) n ORDER BY n;")
    (outcome,) = check_all()
    assert (outcome.violations, outcome.offenders) == (9, ("1", "2", "3", "4", "5"))
