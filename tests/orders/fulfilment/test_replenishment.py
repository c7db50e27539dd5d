"""Too few units in a place: asked for once, waited for, seen to come, or somebody's."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.context import Actor, acting
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Replenishment, SafetyStock, Sku
from orders.fulfilment.services.arrivals import Arrival, receive_stock, set_safety_stock
from orders.fulfilment.services.news import count_stock
from orders.sync.models import FlowRun, OutboundMessage, System
from orders.sync.sandbox.behaviour import story
from rules.models import Client, Owner
from rules.states import Layer
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def watched(northwind: Client, system: Actor, now: datetime) -> Iterator[None]:
    """Ten tents, of which at least eight shall be free; a warehouse that is asked for twelve more."""
    with acting(system, at=now):
        System.objects.create(slug="wms", name="WMS", layer=Layer.WMS, owner=Owner.objects.get(slug="integrations"))
    watch(8, 12, system, now)
    yield
    assert broken() == []


def watch(at: int, units: int | None, by: Actor, now: datetime) -> None:
    sku = Sku.objects.get(code="TENT-2")
    given: dict[str, Any] = {"units": 0, "reorder_at": at, "reorder_units": units, "reason": "The season begins"}
    set_safety_stock(sku_id=sku.pk, location="main", **given, by=by, now=now)


def stands() -> list[tuple[str, str, bool]]:
    """Each request, its run, and whether the shelf is low."""
    runs = dict(FlowRun.objects.filter(subject_type="fulfilment.replenishment").values_list("subject_id", "state"))
    rows = Replenishment.objects.select_related("safety").order_by("asked_at", "pk")
    return [(one.state, runs[str(one.pk)], one.safety.low_since is not None) for one in rows]


def asked() -> list[dict[str, Any]]:
    rows = OutboundMessage.objects.filter(type="replenishment.requested").order_by("created_at", "pk")
    return [dict(one.preview) for one in rows]


def count(client: Client, units: int, by: Actor, now: datetime) -> None:
    count_stock(news=[make.stock(client, now, "TENT-2", units)], by=by, now=now)


def test_orders_that_take_too_much_ask_once_for_more_until_a_system_shows_it(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    place(lines=[make.line("TENT-2", 2)])
    assert stands() == []
    place(lines=[make.line("TENT-2", 1)])
    place(lines=[make.line("TENT-2", 3)])
    assert stands() == [("asked", "running", True)]
    (message,) = asked()
    told = [message[name] for name in ("sku", "location", "units", "free", "threshold")]
    assert told == ["TENT-2", "main", 12, 7, 8]
    count(northwind, 11, system, now)
    assert stands() == [("asked", "running", True)]
    count(northwind, 20, system, now)
    assert stands() == [("arrived", "done", False)]
    assert FlowRun.objects.get(subject_key="TENT-2 / main").verified_by.startswith("stock.changed-")
    count(northwind, 7, system, now + timedelta(hours=1))
    assert [state for state, *_ in stands()] == ["arrived", "asked"]


def test_what_does_not_come_in_time_is_somebodys_until_it_comes(
    northwind: Client, system: Actor, now: datetime
) -> None:
    count(northwind, 7, system, now)
    late = Replenishment.objects.get().due_at
    exceptions.sweep_timers(now=late - timedelta(minutes=1))
    assert not ExceptionCase.objects.filter(type="replenishment-overdue").exists()
    exceptions.sweep_timers(now=late)
    case = ExceptionCase.objects.get(type="replenishment-overdue")
    assert (case.subject_key, case.owner.slug, case.evidence["units"]) == ("TENT-2 / main", "ops-team", 12)
    assert stands() == [("asked", "missed", True)]
    count(northwind, 30, system, late)
    case.refresh_from_db()
    assert (case.state, stands()) == ("withdrawn", [("arrived", "done", False)])


def test_what_a_person_takes_in_is_only_said_until_a_system_tells(
    northwind: Client, system: Actor, now: datetime
) -> None:
    count(northwind, 7, system, now)
    sku = Sku.objects.get(code="TENT-2")
    arrival = Arrival(client_id=northwind.pk, sku="TENT-2", location="main", quantity=12)
    receive_stock(sku_id=sku.pk, arrival=arrival, reason="On the ramp", by=system, now=now)
    assert stands() == [("said", "unverified", False)]
    count(northwind, 19, system, now)
    assert stands() == [("arrived", "done", False)]


def test_without_a_threshold_nobody_waits_and_the_request_is_called_off(
    northwind: Client, system: Actor, now: datetime
) -> None:
    count(northwind, 7, system, now)
    watch(0, None, system, now)
    assert stands() == [("called_off", "cancelled", False)]
    assert [one["units"] for one in asked()] == [12, 0]
    watch(9, None, system, now)
    assert [state for state, *_ in stands()] == ["called_off", "asked"]
    assert asked()[-1]["units"] == 2
    assert [event for event, _ in story(asked()[-1], "")] == ["stock.received"]
    assert story(asked()[1], "") == []


def test_a_thousand_counts_are_looked_at_as_one(northwind: Client, system: Actor, now: datetime) -> None:
    queries = []
    for units in (1, 40):
        codes = [f"P-{units}-{one}" for one in range(units)]
        count_stock(news=[make.stock(northwind, now, code, 50) for code in codes], by=system, now=now)
        with acting(system, at=now):
            SafetyStock.objects.bulk_create(
                SafetyStock(item=sku.stock, location=sku.stock.lots.get().location, reorder_at=10)
                for sku in Sku.objects.filter(code__in=codes)
            )
        with CaptureQueriesContext(connection) as made:
            count_stock(news=[make.stock(northwind, now, code, 3) for code in codes], by=system, now=now)
        queries.append(len(made))
    assert Replenishment.objects.count() == 41
    assert queries[1] <= queries[0] + 6
