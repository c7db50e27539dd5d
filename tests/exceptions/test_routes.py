"""Every kind of exception takes its one declared step by the clock, exactly once; what nobody foresaw and what fails reach somebody too."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from audit.context import Actor, acting
from audit.errors import Conflict, Invalid, Refused
from audit.models import Event
from audit.subject_refs import SubjectRef
from exceptions import selectors, services, subjects, timer_kinds
from exceptions.models import ExceptionCase, Notification, Timer
from exceptions.selectors.next_steps import next_step
from exceptions.services.automation import CASE
from exceptions.services.openings import FALLBACK, ROUTE
from exceptions.states import CaseState
from exceptions.timer_kinds import Due
from orders.sync.tasks import deliver_outbox
from rules import services as rules
from rules.models import ExceptionType
from rules.shipped.exception_types import EXCEPTION_TYPES
from rules.states import Route
from tests.cast import House
from tests.exceptions.conftest import OpenCase
from tests.exceptions.test_payload import violations


def settle(now: datetime) -> None:
    while services.sweep_timers(now=now):
        pass


def timer(case: ExceptionCase, kind: str) -> Timer:
    return Timer.objects.get(subject_id=str(case.pk), kind=kind)


def taken(case: ExceptionCase) -> list[str]:
    events = Event.objects.filter(type="case.route_taken", subject_id=str(case.pk))
    return [json.loads(event.body)["reason"] for event in events]


def fresh(case: ExceptionCase) -> ExceptionCase:
    return ExceptionCase.objects.select_related("owner", "backup").get(pk=case.pk)


@pytest.fixture
def frozen(house: House, now: datetime) -> Any:
    """Change a kind and put that in force."""

    def change(slug: str, **fields: Any) -> None:
        with acting(house.actor("kim"), at=now):
            ExceptionType.objects.filter(slug=slug).update(**fields)
            rules.freeze_rule_book(by=house.actor("kim"), now=now)

    return change


@pytest.mark.parametrize("kind", EXCEPTION_TYPES)
def test_every_kind_is_driven_to_its_declared_next_step_once(open_case: OpenCase, house: House, kind: str) -> None:
    case, declared = open_case(type=kind), EXCEPTION_TYPES[kind]
    at = timer(case, ROUTE).due_at
    settle(at - timedelta(seconds=1))
    assert taken(case) == []
    settle(at)
    after, (words,) = fresh(case), taken(case)
    if declared["route"] == Route.RETRY:
        assert words.startswith("There is nothing the product could try again")
        assert (after.owner_id, after.ladder_step) == (case.owner_id, 0)
    elif declared["route"] == Route.REROUTE:
        assert (after.owner.slug, words) == (declared["fallback"], f"Went to {after.owner.name}.")
    elif declared["route"] == Route.CANCEL:
        assert words == f"Asked {house.users['lee'].display_name}, {house.users['mara'].display_name}."
        assert after.state == "open"
    else:
        assert declared["route"] == Route.ESCALATE
        assert (after.ladder_step, after.owner_id) == (1, case.backup_id)
    settle(at + timedelta(days=3))
    assert len(taken(case)) == 1


def test_what_nobody_takes_after_its_step_goes_up_the_ladder(open_case: OpenCase, house: House, frozen: Any) -> None:
    frozen("address", fallback_after_minutes=10)
    case = open_case()
    settle(timer(case, ROUTE).due_at)
    assert fresh(case).ladder_step == 0
    at = timer(case, FALLBACK).due_at
    assert (at - timer(case, ROUTE).due_at) == timedelta(minutes=10)
    settle(at)
    after = fresh(case)
    assert (after.owner_id, after.ladder_step) == (case.backup_id, 1)
    assert Event.objects.filter(type="case.fell_back", subject_id=str(case.pk)).count() == 1


def test_whoever_takes_it_decides_instead_of_the_route(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case(type="inventory")
    services.acknowledge_case(case_id=case.pk, by=house.actor("lee"), now=now)
    assert timer(case, ROUTE).cancelled_at == now
    assert timer(case, FALLBACK).cancelled_at == now


def test_the_page_promises_the_step_that_then_comes(open_case: OpenCase, house: House, frozen: Any) -> None:
    frozen("late-parcel", route_after_minutes=10)
    for kind, does in (("address", "retry"), ("inventory", "reassign"), ("late-parcel", "reassign")):
        case = open_case(type=kind)
        promised = next_step(fresh(case))
        assert promised is not None
        assert (promised.at, promised.does) == (timer(case, ROUTE).due_at, does)
        settle(promised.at)
        owner = fresh(case).owner
        assert promised.to in {owner.slug, owner.name}


def test_an_app_does_the_step_its_own_way_and_what_it_refuses_is_said(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> Mapping[str, str]:
        if any(case.subject_id == "2" for case in cases):
            raise Conflict("The parcel is on hold.")
        return {str(case.pk): "Sent again." for case in cases}

    monkeypatch.setitem(subjects._route_steps, (Route.RETRY, "test.parcel"), again)
    cases = [open_case(n) for n in (1, 2, 3)]
    settle(timer(cases[0], ROUTE).due_at)
    assert [taken(case) for case in cases] == [["Sent again."], ["Not done: The parcel is on hold."], ["Sent again."]]
    assert not ExceptionCase.objects.filter(type=CASE).exists()


def test_cancelling_is_asked_of_the_role_and_only_they_say_yes(
    open_case: OpenCase, house: House, now: datetime, frozen: Any
) -> None:
    frozen("address", route=Route.CANCEL, route_approver_role="ops_lead")
    case = open_case()
    promised = next_step(fresh(case))
    assert promised is not None
    assert (promised.does, promised.to) == ("ask", "ops lead")
    settle(timer(case, ROUTE).due_at)
    asked = Notification.objects.filter(event="case.cancel_asked").values_list("owner__slug", flat=True)
    assert set(asked) == {"lee", "mara"}
    assert fresh(case).state == CaseState.OPEN
    with pytest.raises(Refused, match="decided by: ops lead"):
        services.resolve_case(case_id=case.pk, outcome="cancelled", by=house.actor("amal"), now=now)
    services.resolve_case(case_id=case.pk, outcome="cancelled", by=house.actor("lee"), now=now)
    assert fresh(case).state == CaseState.RESOLVED


def test_a_failure_of_a_kind_nobody_knows_is_one_to_triage(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case(type="meteor-strike", evidence={"where": "hall 2"})
    again = open_case(type="meteor-strike")
    assert (case.type, case.route, again.pk, fresh(case).occurrences) == ("triage", Route.ESCALATE, case.pk, 2)
    assert case.evidence == {"where": "hall 2", "reported_as": "meteor-strike"}
    assert violations(selectors.payload(by=house.actor("lee"), key=case.key, now=now)) == []


@pytest.mark.parametrize("field", ["playbook", "acceptance"])
def test_a_kind_without_what_to_do_or_when_it_is_done_is_refused_by_the_database_and_the_freeze(
    house: House, now: datetime, field: str, frozen: Any
) -> None:
    with acting(house.actor("kim"), at=now), pytest.raises(IntegrityError), transaction.atomic():
        ExceptionType.objects.filter(slug="address").update(**{field: []})
    with pytest.raises(Invalid, match="There is no kind “triage”"):
        frozen("triage", is_active=False)


def test_the_catalogue_names_every_kind_and_what_it_lacks(house: House, now: datetime) -> None:
    out = StringIO()
    call_command("check_exception_types", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert {item["type"] for item in report["items"]} == set(EXCEPTION_TYPES)
    assert report["summary"]["gaps"] == 0
    with acting(house.actor("kim"), at=now):
        ExceptionType.objects.filter(slug="triage").update(is_active=False)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_exception_types", "--json", stdout=out)
    (gap,) = [item["finding"] for item in json.loads(out.getvalue())["items"] if "finding" in item]
    assert gap.startswith("There is no kind “triage”")


def test_a_handler_that_breaks_is_one_exception_within_one_sweep(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(timers: Sequence[Due], *, now: datetime) -> None:
        raise ValueError("ida@example.com cannot be divided")

    cases = [open_case(n) for n in range(3)]
    at = timer(cases[0], ROUTE).due_at
    kind = timer_kinds.kind(ROUTE)
    monkeypatch.setitem(timer_kinds._kinds, ROUTE, timer_kinds.TimerKind(ROUTE, broken, kind.lock))
    services.sweep_timers(now=at)
    failure = ExceptionCase.objects.get(type=CASE)
    assert (failure.owner.slug, failure.title) == ("integrations", "The timer case.route fails: ValueError")
    assert Notification.objects.filter(case=failure, owner=failure.owner).count() == 1
    payload = selectors.payload(by=house.actor("lee"), key=failure.key, now=at)
    assert violations(payload) == []
    assert {"asset", "logs"} <= payload["links"].keys()
    assert len(payload["last_attempts"]) == 3
    services.sweep_timers(now=at + timedelta(minutes=1))
    assert fresh(failure).occurrences == 2

    def broken_for_one(timers: Sequence[Due], *, now: datetime) -> None:
        if str(cases[0].pk) in {due.subject_id for due in timers}:
            raise ValueError("still")

    monkeypatch.setitem(timer_kinds._kinds, ROUTE, timer_kinds.TimerKind(ROUTE, broken_for_one, kind.lock))
    services.sweep_timers(now=at + timedelta(minutes=5))
    services.sweep_timers(now=at + timedelta(minutes=6))
    assert fresh(failure).state == CaseState.OPEN, "one of them still fails"
    monkeypatch.setitem(timer_kinds._kinds, ROUTE, kind)
    services.sweep_timers(now=at + timedelta(minutes=30))
    assert fresh(failure).state == CaseState.WITHDRAWN


def test_a_task_that_breaks_is_one_exception_whoever_runs_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> int:
        raise RuntimeError("no socket")

    monkeypatch.setattr("orders.sync.services.deliver_due", broken)
    for _ in range(2):
        deliver_outbox.apply()
    failure = ExceptionCase.objects.get(type=CASE)
    assert (failure.subject_key, failure.occurrences) == ("task sync.deliver_outbox", 2)
    monkeypatch.undo()
    deliver_outbox.apply()
    assert fresh(failure).state == CaseState.WITHDRAWN


def test_ten_thousand_failures_of_one_part_are_one_case(house: House, system: Actor, now: datetime) -> None:
    opening = services.CaseOpening(CASE, SubjectRef("exceptions.automation", "task:x"), "task x", None, "It fails")
    services.open_cases(openings=[opening] * 10_000, by=system, now=now)
    case = ExceptionCase.objects.get()
    assert (case.occurrences, Notification.objects.filter(event="case.opened").count()) == (10_000, 2)
