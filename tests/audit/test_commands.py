"""What the trail's commands and wake-ups say and leave behind."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from audit import clock, tasks
from audit.context import Actor, acting
from audit.models import Event, Heartbeat, Seal
from audit.services.events import record
from audit.services.refusals import tally_refusal
from audit.subject_refs import SubjectRef
from config.embedded import PostgresCluster


def test_granting_says_which_roles_were_there(
    db: None, postgres: PostgresCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("grant_roles", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["summary"]) == (True, {"roles": "handrail_app, handrail_verifier"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('handrail_app', 'audit_event', 'UPDATE')")
        assert cursor.fetchone() == (False,)
        cursor.execute("SELECT has_table_privilege('handrail_app', 'audit_event', 'INSERT')")
        assert cursor.fetchone() == (True,)


def test_without_such_roles_the_owner_works_alone(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("grant_roles", app="nobody", verifier="nobody_else")
    assert capsys.readouterr().out == "ok  roles none besides the owner\n"


def test_the_wake_ups_seal_and_tell_and_leave_a_heartbeat(transactional_db: None, system: Actor) -> None:
    with acting(system, at=clock.now()):
        record("access.refused", subject=SubjectRef("audit.actor", "1"))
    tally_refusal(
        source="unknown system", code="signature-refused", what="POST /", now=clock.now() - timedelta(minutes=2)
    )
    for task in (tasks.seal, tasks.refusals, tasks.seal):
        task()
    assert list(Seal.objects.values_list("event_count", flat=True).order_by("number")) == [1, 1]
    assert Event.objects.count() == 2
    assert set(Heartbeat.objects.values_list("loop", flat=True)) == {"audit.seal", "audit.refusals"}
