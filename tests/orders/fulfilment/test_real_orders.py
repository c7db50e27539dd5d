"""Five hundred real orders, with their real defects, go the whole way; their tally is what an oracle that knows nothing of us says."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import Count, F

from audit.checks import invariants
from audit.context import Actor
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import take_news
from rules.models import Client
from tests.factories import orders as make

DATA = Path("/work/shared/data/orders")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
SELECTED = 500

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.exists(), reason="the real orders are not on this machine"),
]


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> str | None:
    return datetime.fromisoformat(text).replace(tzinfo=SAO_PAULO).isoformat() if text else None


@pytest.fixture(scope="module")
def oracle() -> dict[str, set[str]]:
    return {name: set(ids) for name, ids in json.loads((DATA / "oracle.json").read_text())["final_ids"].items()}


@pytest.fixture(scope="module")
def selected(oracle: dict[str, set[str]]) -> list[dict[str, str]]:
    """Every order the oracle names, topped up with plain ones to five hundred."""
    named = set().union(*oracle.values())
    orders = sorted(rows("orders.csv"), key=lambda row: (row["order_id"] not in named, row["order_id"]))
    return orders[:SELECTED]


def minor(amount: str) -> int:
    return int(Decimal(amount) * 100)


def told_about(
    client: Client, order: dict[str, str], items: list[dict[str, str]], customer: dict[str, str]
) -> Iterator[News]:
    """What the store, the carrier and the seller said of one order, each at its own time."""
    key = order["order_id"]

    def say(kind: str, at: str | None, **data: Any) -> News:
        when = datetime.fromisoformat(at or moment(order["order_purchase_timestamp"]) or "")
        return make.news(kind, client, key, when, system="olist", **data)

    yield say(
        "order.placed",
        moment(order["order_purchase_timestamp"]),
        order=key,
        channel="marketplace",
        currency="BRL",
        total_minor=sum(minor(item["price"]) + minor(item["freight_value"]) for item in items),
        placed_at=moment(order["order_purchase_timestamp"]),
        promised_at=moment(order["order_estimated_delivery_date"]),
        address={
            "country": "BR",
            "city": customer["customer_city"],
            "region": customer["customer_state"],
            "kept_by_store": True,
        },
        lines=[
            make.line(
                item["product_id"], sku_type="drop_ship", vendor=item["seller_id"], unit_minor=minor(item["price"])
            )
            for item in items
        ],
    )
    if at := moment(order["order_approved_at"]):
        yield say("payment.captured", at, captured_at=at)
    if at := moment(order["order_delivered_carrier_date"]):
        yield say("shipment.handed_over", at, order=key)
    if at := moment(order["order_delivered_customer_date"]):
        yield say("shipment.delivered", at, order=key)
    if order["order_status"] == "canceled":
        yield say("order.cancelled", None)
    if order["order_status"] == "unavailable" and items:
        yield say("task.refused", None, order=key, reason="unavailable")


def test_five_hundred_real_orders_go_the_whole_way(
    northwind: Client, system: Actor, now: datetime, selected: list[dict[str, str]], oracle: dict[str, set[str]]
) -> None:
    items: dict[str, list[dict[str, str]]] = defaultdict(list)
    for item in rows("order_items.csv"):
        items[item["order_id"]].append(item)
    customers = {row["customer_id"]: row for row in rows("customers.csv")}
    told = [
        one
        for row in selected
        for one in told_about(northwind, row, items[row["order_id"]], customers[row["customer_id"]])
    ]
    placed = [one for one in told if one.type == "order.placed"]
    place_orders(news=placed, by=system, now=now)
    for kind in ("payment.captured", "shipment.handed_over", "shipment.delivered", "order.cancelled", "task.refused"):
        take_news(news=[one for one in told if one.type == kind], by=system, now=now)

    ids = {row["order_id"] for row in selected}
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
