"""What must always hold of exceptions is found by its invariant when it does not, and by its command when it is late."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from audit import clock
from audit.checks import invariants
from exceptions import registrations, services
from exceptions.models import Timer
from tests.cast import House
from tests.exceptions.conftest import OpenCase

OURS = ("inv-09", "inv-11", "inv-14", "inv-15", "inv-16", "inv-18", "inv-20", "inv-23", "inv-24", "inv-26", "inv-48")


def broken() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for check in invariants():
            if check.id in OURS:
                cursor.execute(check.sql)
                found += [check.id] * len(cursor.fetchall())
    return found


def test_every_rule_about_exceptions_holds_through_a_day_of_escalation(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    assert registrations.__name__
    for n in range(5):
        open_case(n)
    services.acknowledge_case(case_id=open_case(1).pk, by=house.actor("amal"), now=now)
    for hours in (0, 1, 2, 24, 72):
        while services.sweep_timers(now=now + timedelta(hours=hours)):
            pass
        assert broken() == []


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ({"kind": "case.overrun"}, "inv-14"),
        ({"kind": "case.escalate"}, "inv-16"),
    ],
)
def test_an_exception_nobody_will_be_called_for_is_found(
    open_case: OpenCase, now: datetime, damage: dict[str, str], rule: str
) -> None:
    open_case()
    Timer.objects.filter(**damage).update(cancelled_at=now)
    assert broken() == [rule]


def test_a_timer_that_fired_early_is_found(open_case: OpenCase, now: datetime) -> None:
    open_case()
    Timer.objects.filter(kind="case.acknowledge").update(fired_at=now)
    assert broken() == ["inv-18"]


def test_a_gate_nobody_can_decide_about_is_found(house: House) -> None:
    for name in ("lee", "mara", "kim"):
        house.users[name].groups.clear()
    assert set(broken()) == {"inv-48"}


def verify(*arguments: str) -> dict[str, object]:
    out = StringIO()
    try:
        call_command("verify_timers", "--json", *arguments, stdout=out)
    except SystemExit as ended:
        return {**json.loads(out.getvalue()), "exit": ended.code}
    return {**json.loads(out.getvalue()), "exit": 0}


def test_late_timers_are_reported_and_fired_on_request(
    open_case: OpenCase, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_case()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=1, minutes=1))
    late = verify()
    assert (late["exit"], late["ok"], late["summary"]["overdue"]) == (1, False, 2)  # type: ignore[index]
    assert {item["kind"]: item["late_seconds"] for item in late["items"]} == {  # type: ignore[attr-defined]
        "case.acknowledge": 60,
        "case.escalate": 60,
    }
    caught_up = verify("--escalate-overdue")
    assert (caught_up["exit"], caught_up["ok"], caught_up["summary"]["overdue"]) == (0, True, 0)  # type: ignore[index]
