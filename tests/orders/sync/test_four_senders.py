"""A thousand events twice, shuffled, by four senders at once through the HTTP door: the same database as once and in order.

`HANDRAIL_THOROUGH=1` sends the thousand; without it a hundred.
"""

import json
import os
import random
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client as HttpClient

from audit import clock
from audit.context import Actor
from exceptions.models import ExceptionCase
from exceptions.states import CASE_LIVE
from orders.fulfilment.models import Order, StockItem
from orders.sync import services, signatures
from orders.sync.envelopes import BATCHED, of_document
from orders.sync.models import ChangeToken, InboundEvent, System
from orders.sync.states import InboundState
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

ORDERS, COUNTS = (80, 58) if "HANDRAIL_THOROUGH" in os.environ else (6, 29)
SENDERS, BATCH, PAYMENTS, DELIVERIES = 4, 40, 9, 2
STEPS = ("task.confirmed", "shipment.picked", "shipment.packed", "shipment.handed_over", "shipment.delivered")
Event = dict[str, Any]


def shelf(start: datetime) -> Event:
    """What lies there before anything happens. It may be heard when much of it has left."""
    return _event("stock.changed", "TENT-2", 0, start, sku="TENT-2", available=5 * ORDERS, changed_at=start)


def story(client: Client, start: datetime) -> list[Event]:
    """What happens, in order: goods come and are counted; orders are placed, paid in parts, sent, or called off."""
    told = []
    for number in range(1, COUNTS + 1):
        at = start + timedelta(minutes=number)
        if number % 4 == 0:
            told.append(_event("stock.received", "KAYAK-1", number, at, sku="KAYAK-1", quantity=number, received_at=at))
        else:
            told.append(_event("stock.changed", "LAMP", number, at, sku="LAMP", available=number, changed_at=at))
    for number in range(ORDERS):
        told += _of_one_order(client, f"S-{number}", start + timedelta(minutes=number), is_off=number % 4 == 0)
    return told


def _of_one_order(client: Client, name: str, at: datetime, *, is_off: bool) -> Iterator[Event]:
    order = make.placed(client, at, order=name, lines=[make.line(quantity=2)], total_minor=PAYMENTS * 2_200)
    yield _event("order.placed", name, 0, at, **order.data)
    if is_off:
        yield _event(
            "order.cancelled", name, 0, at + timedelta(hours=1), order=name, cancelled_at=at + timedelta(hours=1)
        )
        return
    for part in range(PAYMENTS):
        paid = at + timedelta(minutes=part)
        money = {"amount_minor": 2_200, "currency": "EUR", "captured_at": paid, "reference": f"{name}/{part}"}
        yield _event("payment.captured", name, part, paid, order=name, **money)
    for step, kind in enumerate(STEPS, start=1):
        yield _event(kind, name, 0, at + timedelta(hours=step), order=name, task=name, at=at + timedelta(hours=step))


def _event(kind: str, subject: str, number: int, at: datetime, /, **data: Any) -> Event:
    facts = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in data.items()}
    event = {"specversion": "1.0", "id": f"{kind}/{subject}/{number}", "source": "/shop", "type": kind}
    token = {"changetoken": str(number)} if kind == "stock.changed" else {}
    return {**event, **token, "subject": subject, "time": at.isoformat(), "data": {"client": "northwind", **facts}}


def database() -> dict[str, Any]:
    """Everything that the events are about, without the ids and clocks of ours."""
    cases = ExceptionCase.objects.filter(state__in=CASE_LIVE)
    orders = Order.objects.select_related("owner").prefetch_related("lines__sku", "payments", "fulfilments", "refunds")
    return {
        "orders": {
            one.number: {
                "is": (one.state, one.owner.slug, one.total_minor, one.placed_at, one.paid_at, one.cancelled_at),
                "delivered": one.delivered_at,
                "lines": sorted((row.position, row.sku.code, row.quantity, row.state) for row in one.lines.all()),
                "payments": sorted(
                    (row.reference, row.amount, row.state, row.captured_at) for row in one.payments.all()
                ),
                "refunds": sorted((row.amount, row.state) for row in one.refunds.all()),
                "parcels": sorted(
                    (row.state, row.confirmed_at, row.packed_at, row.handed_over_at, row.delivered_at)
                    for row in one.fulfilments.all()
                ),
                "exceptions": sorted(cases.filter(subject_id=str(one.pk)).values_list("type", flat=True)),
            }
            for one in orders
        },
        "stock": sorted(StockItem.objects.values_list("sku__code", "on_hand", "reserved")),
        "newest": sorted(ChangeToken.objects.values_list("subject", "type", "token")),
        "kept": sorted(InboundEvent.objects.values_list("event_id", "subject", "sha256")),
        "waiting or dead": InboundEvent.objects.filter(state__in=[InboundState.NEW, InboundState.DEAD]).count(),
    }


def apply_all() -> None:
    while services.apply_due(now=clock.now()):
        pass


def once_in_order(events: Sequence[Event], store: System, by: Actor) -> dict[str, Any]:
    """How the database is then; afterwards nothing of it has happened."""
    with transaction.atomic():
        for event in events:
            services.receive(system=store, envelopes=[of_document(event, now=clock.now())], by=by, now=clock.now())
        apply_all()
        found = database()
        transaction.set_rollback(True)
    return found


def send(events: Sequence[Event], secret: str, answers: list[dict[str, Any]]) -> None:
    """One sender: a request for each batch, and each wakes a worker."""
    client = HttpClient()
    try:
        for start in range(0, len(events), BATCH):
            body = json.dumps(events[start : start + BATCH]).encode()
            signed = signatures.sign(secret=secret, message_id=f"m-{start}", at=clock.now(), body=body)
            headers = {"X-Handrail-System": "shop", **signed}
            answer = client.post("/api/v1/events", data=body, content_type=BATCHED, headers=headers)
            answers.extend(answer.json()["results"])
            services.apply_due(now=clock.now())
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_everything_twice_and_shuffled_by_four_senders_at_once_is_the_same_database_as_once_in_order(
    store: System, secret: str, system: Actor
) -> None:
    start = clock.now() - timedelta(days=2)
    events = [shelf(start), *story(Client.objects.get(slug="northwind"), start)]
    smooth = once_in_order(events, store, system)
    mixed = events * 2
    random.Random(7).shuffle(mixed)
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=send, args=(mixed[n::SENDERS], secret, answers)) for n in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    apply_all()

    assert {answer["status"] for answer in answers} == {202}
    assert [sum(answer["duplicate"] is said for answer in answers) for said in (False, True)] == [len(events)] * 2
    assert len(smooth["orders"]) == ORDERS
    assert {one["is"][0] for one in smooth["orders"].values()} == {"delivered", "cancelled"}
    assert database() == smooth
    assert broken() == []
