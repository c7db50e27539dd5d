"""Five hundred real orders, with their real defects, go the whole way; their tally is what an oracle that knows nothing of us says."""

import csv
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, F

from audit.checks import invariants
from audit.context import Actor, acting
from orders.fulfilment.management.order_files import read_order_files
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.services.importing import events_of, install_connectors, take_in
from orders.fulfilment.shipped import OLIST
from orders.sync.models import InboundEvent, System
from rules.models import Client, Owner
from tests import shared

DATA = shared.DATA / "orders"
SELECTED = 500

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.exists(), reason="the real orders are not on this machine"),
]


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def oracle() -> dict[str, set[str]]:
    return {name: set(ids) for name, ids in json.loads((DATA / "oracle.json").read_text())["final_ids"].items()}


@pytest.fixture(scope="module")
def selected(oracle: dict[str, set[str]]) -> list[dict[str, str]]:
    """Every order the oracle names, topped up with plain ones to five hundred."""
    named = set().union(*oracle.values())
    orders = sorted(rows("orders.csv"), key=lambda row: (row["order_id"] not in named, row["order_id"]))
    return orders[:SELECTED]


@pytest.fixture
def store(northwind: Client, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        return System.objects.create(slug="olist", name="Olist", layer="store", owner=owner, client=northwind)


def test_five_hundred_real_orders_go_the_whole_way(
    store: System, system: Actor, now: datetime, selected: list[dict[str, str]], oracle: dict[str, set[str]]
) -> None:
    ids = {row["order_id"] for row in selected}
    records = list(read_order_files(DATA, client="northwind", only=ids))
    installed = install_connectors(system=store, shipped=OLIST, by=system, now=now)
    for shipped, connector in zip(OLIST, installed, strict=True):
        events = events_of(records, connector, when=shipped.when, source="/files/olist", now=now)
        receipts = take_in(system=store, events=events, by=system, now=now)
        assert {receipt.status for receipt in receipts} <= {"accepted"}
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"applied"}

    status = {row["order_id"]: row["order_status"] for row in selected}
    orders = Order.objects.all()

    def numbers(**which: Any) -> set[str]:
        return set(orders.filter(**which).values_list("number", flat=True))

    assert Order.objects.count() == SELECTED
    assert (
        set(orders.annotate(n=Count("lines")).filter(n=0).values_list("number", flat=True)) == oracle["no_items"] & ids
    )
    assert numbers(cancelled_at__isnull=False) == oracle["status_canceled"] & ids
    assert numbers(state="delivered") == {key for key, word in status.items() if word == "delivered"}
    assert numbers(state="shipped") == oracle["stuck_shipped"] & ids
    split = orders.annotate(n=Count("fulfilments")).filter(n__gt=1)
    assert set(split.values_list("number", flat=True)) == oracle["split_shipment"] & ids
    early = Fulfilment.objects.filter(handed_over_at__lt=F("order__paid_at"))
    assert set(early.values_list("order__number", flat=True)) == oracle["shipped_before_approved"] & ids
    backwards = Fulfilment.objects.filter(delivered_at__lt=F("handed_over_at"))
    assert set(backwards.values_list("order__number", flat=True)) == oracle["delivered_before_shipped"] & ids
    waiting = (
        numbers(state="in_fulfilment")
        | numbers(state="quarantined", paid_at__isnull=False) - oracle["status_unavailable"]
    )
    assert waiting == (oracle["stuck_invoiced"] | oracle["stuck_processing"]) & ids
    assert numbers(state="vendor_refused") == (oracle["status_unavailable"] - oracle["no_items"]) & ids
    assert Counter(status.values())["delivered"] > 100
    assert [
        check.id
        for check in invariants()
        if check.id.startswith(("inv-08", "inv-10", "stock", "orders")) and broken(check.sql)
    ] == []


def broken(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_a_shopify_payload_is_taken_in_by_its_connector(store: System, capsys: pytest.CaptureFixture[str]) -> None:
    file = DATA.parent / "payloads" / "shopify" / "order.json"
    told = []
    for _ in range(2):
        call_command("ingest", file, system="olist", connector="shopify", json=True)
        told.append(json.loads(capsys.readouterr().out)["summary"])
    assert told == [{"accepted": 1}, {"duplicate": 1}]
    order = Order.objects.get()
    assert (order.number, order.currency, order.total_minor, order.lines.count()) == ("#1001", "USD", 40_994, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"system": "nobody"}, "There is no active system nobody"),
        ({"system": "olist", "client": "nobody"}, "“nobody” is none"),
        ({"system": "olist", "connector": "shopify"}, "cannot be read as shopify"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_refused_in_a_sentence(
    store: System, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("ingest", Path(__file__), **arguments)
