"""What must always hold of exceptions is found by its invariant when it does not, and by its command when it is late."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import clock
from audit.checks import invariants
from audit.context import Actor, acting
from audit.models import Event, User
from audit.subject_refs import SubjectRef
from exceptions import registrations, services
from exceptions.models import Timer, Waiver
from exceptions.services.waiver_papers import content_hash
from tests.cast import House
from tests.exceptions.conftest import OpenCase

REAL_CLOCK = {"inv-19", "inv-22", "inv-71", "inv-71d"}
OURS = {check.id for check in invariants() if re.search("exceptions_|rules_gate", check.sql)} - REAL_CLOCK


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


def write(statement: str, *parameters: Any) -> None:
    """What somebody with a database console might do; the guards let it pass, as its version follows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.mark.parametrize(
    ("damage", "rules"),
    [
        ("book_number = 99", ["inv-13"]),
        ("route = 'sre'", ["inv-13"]),
        ("ladder_step = 2", ["inv-17"]),
        ('evidence = \'{"from": "Jo.Smith@example.com"}\'', ["inv-44"]),
    ],
)
def test_an_exception_that_is_not_what_it_says_is_found(
    open_case: OpenCase, system: Actor, now: datetime, damage: str, rules: list[str]
) -> None:
    with acting(system, at=now):
        write(f"UPDATE exceptions_exceptioncase SET version = version + 1, {damage} WHERE id = %s", open_case().pk)  # noqa: S608 -- the damage
        open_case(2)
    assert broken() == rules


def test_a_state_that_no_published_way_leads_to_is_found(open_case: OpenCase, house: House, now: datetime) -> None:
    services.acknowledge_case(case_id=open_case().pk, by=house.actor("amal"), now=now)
    write("UPDATE exceptions_historicalexceptioncase SET state = 'closed' WHERE version = 1")
    assert broken() == ["inv-12"]


def test_what_points_to_another_client_is_found(
    ask: Callable[[str], Waiver], open_case: OpenCase, system: Actor, now: datetime
) -> None:
    waiver, theirs = ask("The customer confirmed it by telephone."), open_case(client="fable")
    with acting(system, at=now):
        write("UPDATE exceptions_waiver SET version = version + 1, case_id = %s WHERE id = %s", theirs.pk, waiver.pk)
    assert broken() == ["inv-47"]


def test_an_owner_who_was_never_told_is_found(open_case: OpenCase, now: datetime) -> None:
    open_case()
    open_case(2)
    services.sweep_timers(now=now + timedelta(hours=1))
    assert broken() == []
    write("DELETE FROM exceptions_notificationdelivery")
    write("DELETE FROM exceptions_notification WHERE event = 'case.not_acknowledged'")
    assert broken() == ["inv-21", "inv-21"]


def test_word_of_a_step_that_was_not_taken_is_found(open_case: OpenCase, now: datetime) -> None:
    open_case()
    write("UPDATE exceptions_notification SET event = 'case.escalated' WHERE text LIKE '%%Yours%%'")
    assert sorted(broken()) == ["inv-21", "inv-21b"]


@pytest.fixture
def ask(house: House, now: datetime) -> Callable[[str], Waiver]:
    """Amal asks, and lee approves."""

    def ask(reason: str) -> Waiver:
        waiver = services.request_waiver(
            gate="ship-despite-open-case",
            subject=SubjectRef("test.parcel", "1", house.clients["northwind"].pk),
            subject_key="NW-1",
            client_id=house.clients["northwind"].pk,
            reason=reason,
            plan="Correct the address in the shop.",
            minutes=240,
            owner="client-success",
            by=house.actor("amal"),
            now=now,
        )
        return services.approve_waiver(waiver_id=waiver.pk, by=house.actor("lee"), now=now)

    return ask


@pytest.mark.parametrize(
    "damage",
    ["reason = 'Because I say so, and for no other reason.'", "gate = 'skip-vendor-confirmation'", "subject_id = '2'"],
)
def test_an_approval_of_something_else_is_found(
    ask: Callable[[str], Waiver], house: House, now: datetime, damage: str
) -> None:
    waiver = ask('Said "yes" — by telephone,\n\ton the 3rd \\ 4th ✓')
    assert broken() == []
    with acting(house.actor("lee"), at=now):
        write(f"UPDATE exceptions_waiver SET version = version + 1, {damage} WHERE id = %s", waiver.pk)  # noqa: S608 -- the damage
    assert broken() == ["inv-25"]


def test_an_approval_whose_content_was_made_to_fit_is_found(
    ask: Callable[[str], Waiver], house: House, now: datetime
) -> None:
    waiver = ask("The customer confirmed it by telephone.")
    waiver.refresh_from_db()
    waiver.plan = "Nothing at all."
    with acting(house.actor("lee"), at=now):
        write(
            "UPDATE exceptions_waiver SET version = version + 1, plan = %s, content_hash = %s WHERE id = %s",
            waiver.plan,
            content_hash(waiver),
            waiver.pk,
        )
    assert broken() == ["inv-25"]


def test_an_exception_with_nobody_behind_it_is_found(open_case: OpenCase, house: House) -> None:
    open_case()
    User.objects.exclude(username__in=["kim", "mara"]).update(is_active=False)
    assert broken() == ["inv-48b"]


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
    assert (late["exit"], late["ok"], late["summary"]["overdue"]) == (1, False, 4)  # type: ignore[index]
    assert {item["kind"]: item["late_seconds"] for item in late["items"]} == {  # type: ignore[attr-defined]
        "case.acknowledge": 60,
        "case.escalate": 60,
        "case.fallback": 60,
        "case.route": 3360,
    }
    with pytest.raises(CommandError, match="There is nobody called ghost"):
        verify("--escalate-overdue", "--as", "ghost")
    caught_up = verify("--escalate-overdue", "--as", "lee")
    assert Event.objects.get(type="timers.escalated").actor == f"user:{User.objects.get(username='lee').pk}"
    assert (caught_up["exit"], caught_up["ok"], caught_up["summary"]["overdue"]) == (0, True, 0)  # type: ignore[index]
    told = json.loads(Event.objects.get(type="timers.escalated").body)["data"]
    assert caught_up["summary"]["fired_now"] == told["fired"] > 0  # type: ignore[index]
