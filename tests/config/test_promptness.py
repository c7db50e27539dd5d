"""How soon timers fire and events are applied is measured from their rows, held against the promise, and said wherever it is asked."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser

from audit import clock
from audit.context import Actor, acting
from audit.services.heartbeats import beat
from config import health
from exceptions.models import Timer
from exceptions.selectors import timer_promptness
from exceptions.selectors.timers import LATENESS
from orders.sync.models import InboundEvent, System
from orders.sync.promptness import INTAKE, intake_promptness
from orders.sync.states import InboundState
from rules.states import Layer
from tests.cast import PASSWORD, House

NEVER = timedelta(days=30)


def made_at(at: datetime) -> UUID:
    """An id as version 7 makes it at that moment."""
    return UUID(f"{int(at.timestamp() * 1000):012x}7{uuid4().hex[13:]}")


def fired(at: datetime, late: Sequence[float], *, set_before: timedelta = NEVER) -> None:
    """Timers that fired at a moment, each so many seconds late, and were set so long before that."""
    Timer.objects.bulk_create(
        Timer(
            id=made_at(at - set_before),
            subject_type="test.thing",
            subject_id=str(uuid4()),
            kind="test.ring",
            due_at=at - timedelta(seconds=seconds),
            fired_at=at,
        )
        for seconds in late
    )


@pytest.fixture
def store(house: House, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        return System.objects.create(slug="shop", name="Shop", layer=Layer.STORE, owner=house.owners["integrations"])


def applied(store: System, at: datetime, after: Sequence[float], **more: Any) -> None:
    """Events that were applied at a moment, each so many seconds after it had come in."""
    InboundEvent.objects.bulk_create(
        InboundEvent(
            **{
                "system": store,
                "event_id": str(uuid4()),
                "source": "/shop",
                "type": "stock.changed",
                "subject": "TENT",
                "time": at,
                "received_at": at - timedelta(seconds=seconds),
                "finished_at": at,
                "due_at": at,
                "state": InboundState.APPLIED,
                "lane": 0,
                "preview": {},
                **more,
            }
        )
        for seconds in after
    )


@pytest.mark.django_db
def test_one_of_a_hundred_timers_may_be_late_and_two_may_not(now: datetime) -> None:
    assert timer_promptness(now=now).within is None
    fired(now, [2.0] * 99 + [60.0])
    found = timer_promptness(now=now + timedelta(minutes=59))
    assert (found.done, found.within, found.longest, found.is_late) == (100, 2.0, 60.0, False)
    fired(now, [61.0])
    assert (timer_promptness(now=now).within, timer_promptness(now=now).is_late) == (60.0, True)
    assert timer_promptness(now=now + timedelta(hours=1)).done == 0


@pytest.mark.django_db
def test_what_was_due_when_it_was_set_is_late_only_since_then(now: datetime) -> None:
    fired(now, [86_400.0], set_before=timedelta(seconds=3))
    assert timer_promptness(now=now).longest == pytest.approx(3, abs=0.01)


def test_five_of_a_hundred_events_may_take_longer_and_what_was_replayed_does_not_count(
    store: System, now: datetime
) -> None:
    applied(store, now, [0.5] * 95 + [30.0] * 5)
    applied(store, now, [90_000.0] * 9, replays=1)
    applied(store, now, [40.0] * 9, state=InboundState.DEAD, cause="broken")
    found = intake_promptness(now=now)
    assert (found.done, found.within, found.longest, found.is_late) == (100, 0.5, 30.0, False)
    applied(store, now, [31.0])
    assert (intake_promptness(now=now).within, intake_promptness(now=now).is_late) == (30.0, True)


def test_it_is_on_the_status_page_and_in_what_programs_read(store: System, house: House) -> None:
    at = clock.now()
    for loop in health.BEATING:
        beat(loop=loop, at=at, oldest_due=at)
    applied(store, at, [0.2])
    assert health.status(at).light == "green"
    fired(at, [7.25])
    known = health.status(at)
    assert ({part.light for part in known.parts}, known.light) == ({"green"}, "amber")
    browser = Browser()
    assert browser.login(username="kim", password=PASSWORD)
    page = " ".join(browser.get("/status/").content.decode().split())
    assert 'Timers <span class="pill danger">late</span>' in page
    assert "7.3 s" in page or "7.2 s" in page
    assert 'Intake <span class="pill ok">in time</span>' in page
    timers, intake = browser.get("/status.json").json()["promptness"]
    assert (timers["work"], timers["percentile"], timers["within"], timers["is_late"]) == ("timers", 99, 7.25, True)
    assert (intake["work"], intake["percentile"], intake["is_late"]) == ("intake", 95, False)
    assert 'handrail_promptness_seconds{percentile="99",work="timers"} 7.25' in browser.get("/metrics").content.decode()


def test_the_commands_find_it_and_look_back_as_far_as_they_are_told(store: System, house: House) -> None:
    at = clock.now()
    beat(loop="timers", at=at, oldest_due=at)
    fired(at - timedelta(minutes=30), [7.25])
    code, summary = run("verify_timers")
    assert (code, summary["p99_late_seconds"], summary["promised_seconds"], summary["overdue"]) == (1, 7.25, 5, 0)
    code, summary = run("verify_timers", "--minutes", "10")
    assert (code, summary["fired"], summary["p99_late_seconds"]) == (0, 0, None)
    applied(store, at, [0.2])
    code, summary = run("sync_lag")
    assert (code, summary["applied_in_last_hour"], summary["intake_p95_seconds"]) == (0, 1, 0.2)
    applied(store, at, [9.5])
    assert (run("sync_lag")[0], run("sync_lag")[1]["intake_p95_seconds"]) == (1, 9.5)


@pytest.mark.django_db
def test_old_rows_cost_nothing(now: datetime) -> None:
    for lags, index in ((LATENESS, "timer_fired"), (INTAKE, "inboundevent_applied_at")):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {lags}", [now])
            assert index in "".join(row[0] for row in cursor.fetchall())


def run(*command: str) -> tuple[Any, dict[str, Any]]:
    out = StringIO()
    try:
        call_command(*command, "--json", stdout=out)
    except SystemExit as ended:
        return ended.code, json.loads(out.getvalue())["summary"]
    return 0, json.loads(out.getvalue())["summary"]
