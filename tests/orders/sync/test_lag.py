"""Other systems follow within fifteen minutes, or the owner of the one that does not has a case (C01.6)."""

import json
import random
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client as Browser

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from config import health
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.sync import services
from orders.sync.models import OutboundMessage, System
from orders.sync.sandbox import Sandbox
from orders.sync.selectors import measured_lags_for
from orders.sync.services.retrying import redeliver
from tests.cast import PASSWORD, House
from tests.orders.sync.conftest import task

QUARTER = timedelta(minutes=15)


@pytest.fixture
def told(warehouse: System, house: House) -> datetime:
    """When the warehouse was promised its first task."""
    at = clock.now() - timedelta(minutes=30)
    for n in (1, 2):
        services.promise(promise=task(warehouse, house, n, order=f"NW-{n}"), now=at + timedelta(minutes=n - 1))
    return at


def live() -> list[tuple[str, str, str, int]]:
    cases = ExceptionCase.objects.live().order_by("number")
    return [(case.type, case.subject_key, case.owner.slug, case.occurrences) for case in cases]


def part(now: datetime) -> tuple[str, str]:
    return next((str(one.light), one.words) for one in health.status(now).parts if one.name == "sync")


def test_it_turns_red_a_second_after_a_quarter_of_an_hour_and_its_owner_has_one_case(told: datetime) -> None:
    assert services.watch_lag(now=told + QUARTER) == 0
    assert (live(), part(told + QUARTER)[0]) == ([], "green")
    late = told + QUARTER + timedelta(seconds=1)
    assert services.watch_lag(now=late) == 1
    services.watch_lag(now=late + timedelta(minutes=1))
    assert live() == [("sync-lag", "central", "logistics", 1)]
    assert part(late) == ("red", "Not told in time: 1 of the systems; the longest wait is 15 min.")
    case = ExceptionCase.objects.get()
    assert (case.title, case.evidence["messages"]) == ("Central warehouse has not been told for 15 min", 2)


def test_when_everything_was_delivered_the_case_goes_by_itself(told: datetime) -> None:
    services.watch_lag(now=told + timedelta(minutes=20))
    assert services.deliver_due(now=clock.now()) == 2
    assert services.watch_lag(now=clock.now()) == 0
    assert (live(), part(clock.now())[0]) == ([], "green")
    assert ExceptionCase.objects.get().state == "withdrawn"


@pytest.fixture
def stopped(told: datetime, warehouse: System, sandbox: Sandbox, system: Actor) -> datetime:
    """Since when it takes nothing in; with the settings of a new system, everything is given up by now."""
    with acting(system, at=told):
        warehouse.max_attempts = System._meta.get_field("max_attempts").default
        warehouse.save()
    sandbox.set_control({"orders": {"NW-1": "error", "NW-2": "error"}})
    while waiting := OutboundMessage.objects.filter(state="pending").order_by("due_at").first():
        services.deliver_due(now=max(waiting.due_at, told), chance=random.Random(1))
    assert OutboundMessage.objects.filter(state="dead", given_up_at__lt=told + QUARTER).count() == 2
    return told


def withdrawn() -> list[str]:
    events = Event.objects.filter(type="case.withdrawn").order_by("seq")
    return [json.loads(event.body)["reason"] for event in events]


def test_what_was_given_up_counts_until_it_has_arrived(stopped: datetime, sandbox: Sandbox, system: Actor) -> None:
    assert services.watch_lag(now=stopped + QUARTER) == 0
    assert part(stopped + QUARTER)[0] == "green"
    late = stopped + QUARTER + timedelta(seconds=1)
    assert (services.watch_lag(now=late), part(late)[0]) == (1, "red")
    assert [case[0] for case in live()] == ["delivery-failure", "sync-lag"]
    sandbox.set_control({})
    redeliver(list(ExceptionCase.objects.filter(type="delivery-failure")), by=system, now=late)
    assert services.watch_lag(now=late + timedelta(minutes=1)) == 1
    OutboundMessage.objects.update(due_at=clock.now())  # the receiver takes no signature of another time
    assert services.deliver_due(now=clock.now()) == 2
    assert (services.watch_lag(now=clock.now()), part(clock.now())[0], live()) == (0, "green", [])
    arrived = ["Everything it waited for was delivered.", "Everything it was not told has arrived."]
    assert sorted(withdrawn()) == arrived


def test_what_was_given_up_is_awaited_no_more_once_somebody_has_resolved_that_or_something_newer_has_arrived(
    stopped: datetime, house: House, system: Actor
) -> None:
    late = stopped + timedelta(minutes=20)
    services.watch_lag(now=late)
    newest, older = OutboundMessage.objects.order_by("-number")
    assert services.watch_lag(now=late) == 1
    case = ExceptionCase.objects.get(type="delivery-failure")
    exceptions.resolve_case(case_id=case.pk, outcome="discarded", by=system, now=late)
    assert (services.watch_lag(now=late), part(late)[0], live()) == (0, "green", [])
    assert withdrawn() == ["What it was not told was put away with the exception about that."]
    OutboundMessage.objects.filter(pk=older.pk).update(given_up_at=late + timedelta(seconds=1), change_token=1)
    assert services.watch_lag(now=late) == 1
    arrived = {"state": "sent", "given_up_at": None, "sent_at": late, "change_token": 2}
    OutboundMessage.objects.filter(pk=newest.pk).update(**arrived, subject_id=older.subject_id)
    assert services.watch_lag(now=late) == 0


def test_a_paused_system_is_late_like_any_other_and_one_that_was_switched_off_is_not_awaited(
    told: datetime, warehouse: System, system: Actor
) -> None:
    later = told + timedelta(minutes=20)
    with acting(system, at=later):
        warehouse.paused_until = later + timedelta(hours=5)
        warehouse.save()
    assert services.watch_lag(now=later) == 1
    with acting(system, at=later):
        warehouse.is_active = False
        warehouse.save()
    assert services.watch_lag(now=later) == 0
    assert live() == []


def test_each_sees_the_systems_of_their_own_clients(
    told: datetime, warehouse: System, house: House, system: Actor
) -> None:
    assert [lag.waiting.messages for lag in measured_lags_for(house.actor("kim"), told) if lag.waiting] == [2]
    assert [lag.waiting.messages for lag in measured_lags_for(house.actor("ivy"), told) if lag.waiting] == [2]
    with acting(system, at=told):
        warehouse.client = house.clients["fable"]
        warehouse.save()
    assert measured_lags_for(house.actor("ivy"), told) == []
    assert measured_lags_for(house.actor("noor"), told) == []


def test_the_status_page_and_the_metrics_tell_who_waits(told: datetime, house: House) -> None:
    browser = Browser()
    assert browser.login(username="kim", password=PASSWORD)
    assert "Central warehouse" in browser.get("/status/").content.decode()
    assert 'handrail_sync_lag_seconds{system="central"}' in browser.get("/metrics").content.decode()


def test_how_soon_each_system_was_told_is_printed_and_too_late_is_a_finding(
    told: datetime, warehouse: System, capsys: pytest.CaptureFixture[str]
) -> None:
    services.deliver_due(now=clock.now())
    for number, seconds in zip(OutboundMessage.objects.values_list("number", flat=True), (60, 120), strict=True):
        took = F("sent_at") - timedelta(seconds=seconds)
        OutboundMessage.objects.filter(number=number).update(caused_at=took)
    call_command("sync_lag", json=True)
    printed = json.loads(capsys.readouterr().out)
    told_of = {"systems": 1, "late": 0, "allowed_seconds": 900, "hours": 24}
    assert {name: printed["summary"][name] for name in told_of} == told_of
    item = printed["items"][0]
    assert (item["system"], item["told"], item["too_late"], item["waiting"]) == ("central", 2, 0, 0)
    assert [round(item[name]) for name in ("p50_seconds", "p95_seconds", "longest_seconds")] == [90, 117, 120]
    OutboundMessage.objects.filter(system=warehouse).update(caused_at=F("sent_at") - QUARTER * 1.01)
    with pytest.raises(SystemExit):
        call_command("sync_lag")
    assert "FINDINGS" in capsys.readouterr().out
