"""What vendors send: bodies as their projects publish them, and what Shopify says of one order from placed to paid back."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as HttpClient

from audit import clock
from audit.context import Actor, acting
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.connecting import connect_store
from orders.fulfilment.shopify import SHOPIFY_SAMPLE
from orders.sync import services as sync
from orders.sync import signatures
from orders.sync.models import Connector, InboundEvent, System
from orders.sync.states import InboundState
from rules.models import Client, Owner
from tests import shared

TAKEN = {"450789469", "fulfillment/255858046/pending"}  # of shopify/order.json and shopify/fulfillment.json
SECRET = "shpss_0a1b2c3d4e5f60718293"

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(northwind: Client, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        return System.objects.create(slug="shop", name="Shop", layer="store", owner=owner, client=northwind)


def ingest(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[object, dict[str, Any]]:
    """The exit status and the document."""
    try:
        call_command("ingest", file, system="shop", connector="shopify", json=True)
        status: object = 0
    except SystemExit as ended:
        status = ended.code
    return status, json.loads(capsys.readouterr().out)


def test_of_what_vendors_publish_orders_are_taken_in_and_all_else_is_kept_with_its_cause(
    store: System, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bodies = {
        f"{file.parent.name}/{file.name}": json.loads(file.read_text())
        for file in shared.shared_data("payloads").glob("*/*.json")
    }
    messages = [message for body in bodies.values() for message in (body if isinstance(body, list) else [body])]
    everything = tmp_path / "everything.json"
    everything.write_text(json.dumps(messages))
    status, document = ingest(everything, capsys)
    assert (len(bodies), status) == (65, 4)
    assert document["summary"] == {"accepted": len(TAKEN), "violation": len(messages) - len(TAKEN)}
    assert {item["cause"].partition(" (")[0] for item in document["items"]} == {
        "It is nothing that these connectors read"
    }
    assert set(InboundEvent.objects.filter(state=InboundState.APPLIED).values_list("event_id", flat=True)) == TAKEN
    letters = InboundEvent.objects.filter(state=InboundState.DEAD)
    assert {(one.client, one.type, str(one.preview)) for one in letters} == {(store.client, "payload.unread", "{}")}
    (case,) = ExceptionCase.objects.filter(subject_type="sync.stream")
    assert case.owner.slug == "integrations"


def test_a_payload_is_taken_in_once(store: System, capsys: pytest.CaptureFixture[str]) -> None:
    body = shared.shared_data("payloads/shopify/order.json")
    assert [ingest(body, capsys)[1]["summary"] for _ in range(2)] == [{"accepted": 1}, {"duplicate": 1}]
    order = Order.objects.get()
    assert (order.number, order.currency, order.total_minor, order.lines.count()) == ("#1001", "USD", 40_994, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"system": "nobody"}, "There is no active system nobody"),
        ({"system": "shop", "client": "nobody"}, "“nobody” is none"),
        ({"system": "shop", "connector": "shopify"}, "cannot be read as shopify"),
    ],
)
def test_a_file_that_cannot_be_taken_in_is_refused_in_a_sentence(
    store: System, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("ingest", Path(__file__), **arguments)


def hook(client: HttpClient, topic: str, payload: dict[str, Any]) -> Any:
    body = json.dumps(payload).encode()
    signed = {
        "X-Shopify-Hmac-Sha256": signatures.sign_as_vendor(secret=SECRET, body=body),
        "X-Shopify-Topic": topic,
    }
    answer = client.post("/api/v1/hooks/shop", data=body, content_type="application/json", headers=signed)
    while sync.apply_due(now=clock.now()):
        pass
    return answer


def test_what_shopify_says_of_an_order_is_heard_from_placed_to_paid_back(
    client: HttpClient, store: System, northwind: Client, system: Actor, now: datetime
) -> None:
    connect_store(client=northwind, kind="shopify", secret=SECRET, reason="they use it", by=system, now=now)
    line = {**SHOPIFY_SAMPLE["line_items"][0], "quantity": 2}
    placed = {
        **SHOPIFY_SAMPLE,
        "name": "#7",
        "total_price": "198.00",
        "line_items": [line],
        "cancelled_at": None,
        "fulfillment_status": None,
        "refunds": [],
    }
    fewer = {**placed, "line_items": [{**line, "current_quantity": 1}], "updated_at": "2026-11-20T09:01:00+01:00"}
    paid = {**fewer, "total_price": "99.00", "updated_at": "2026-11-20T09:02:00+01:00"}
    parcel = {
        "id": 31,
        "order_id": placed["id"],
        "status": "pending",
        "tracking_company": None,
        "tracking_number": None,
        "created_at": "2026-11-20T10:00:00+01:00",
        "updated_at": "2026-11-20T10:00:00+01:00",
    }
    left = {**parcel, "status": "success", "tracking_company": "DPD", "tracking_number": "0512"}
    sent = {**paid, "fulfillment_status": "fulfilled", "fulfillments": [left]}
    money = {"id": 5, "kind": "refund", "status": "success", "amount": "20.00", "currency": "EUR"}
    refund = {"id": 41, "order_id": placed["id"], "created_at": "2026-11-21T10:00:00+01:00", "transactions": [money]}
    for topic, payload in (
        ("fulfillments/create", parcel),  # before its order: kept until that is there
        ("orders/create", placed),
        ("orders/updated", fewer),
        ("orders/paid", paid),
        ("orders/updated", {**sent, "updated_at": "2026-11-20T10:00:01+01:00"}),
        ("orders/fulfilled", sent),
        ("refunds/create", {**refund, "refund_line_items": []}),
    ):
        answer = hook(client, topic, payload)
        assert answer.status_code == 202, (topic, answer.json())
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"applied"}
    order = Order.objects.get()
    (fulfilment,) = order.fulfilments.all()
    assert (order.number, order.state, order.total_minor, [one.quantity for one in order.lines.all()]) == (
        "#7",
        "shipped",
        9_900,
        [1],
    )
    assert (fulfilment.carrier, fulfilment.tracking_number) == ("DPD", "0512")
    assert [(one.amount, one.state) for one in order.refunds.all()] == [(Decimal(20), "issued")]
    assert not ExceptionCase.objects.exists()


def test_what_no_connector_reads_is_kept_and_comes_in_once_one_does(
    client: HttpClient, store: System, northwind: Client, system: Actor, now: datetime
) -> None:
    connect_store(client=northwind, kind="shopify", secret=SECRET, reason="they use it", by=system, now=now)
    answers = [hook(client, "draft_orders/create", dict(SHOPIFY_SAMPLE)) for _ in range(2)]
    letter = InboundEvent.objects.get()
    assert [answer.status_code for answer in answers] == [422, 202]
    assert (answers[0].json()["dead_letter"], answers[0].json()["detail"]) == (
        letter.key,
        "shop has no connector for “draft_orders/create”.",
    )
    assert "Torstra" not in f"{letter.preview}{letter.cause}{letter.sealed}"

    def replay() -> str:
        verdicts = sync.replay(event_ids=[letter.pk], reason="there is one now", by=system, now=clock.now())
        return verdicts[letter.pk].words

    assert "still cannot be read" in replay()
    with acting(system, at=now):
        Connector.objects.filter(topic="orders/create").update(topic="draft_orders/create")
    assert "was read" in replay()
    sync.apply_due(now=clock.now())
    letter.refresh_from_db()
    assert (letter.state, letter.replays, Order.objects.get().number) == (InboundState.DISCARDED, 1, "#9999")
    assert ExceptionCase.objects.get().state == "withdrawn"
