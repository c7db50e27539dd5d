"""A vendor's own format comes in through its connector, signed the vendor's way or the standard's."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client as HttpClient

from audit import clock
from audit.context import Actor, acting
from audit.models import RefusalTally
from exceptions.models import ExceptionCase
from orders.sync import services, signatures
from orders.sync.models import Connector, InboundEvent, System

PAYLOAD = {"id": 77, "sku": "TENT", "left": 5, "at": "2026-11-20T09:00:00Z"}
MAPPING = {
    "id": "text(payload.id)",
    "subject": "payload.sku",
    "time": "payload.at",
    "data": {
        "client": '"northwind"',
        "sku": "payload.sku",
        "available": "payload.left",
        "changed_at": "payload.at",
    },
}


@pytest.fixture
def connector(store: System, system: Actor, now: datetime) -> Connector:
    with acting(system, at=now):
        return Connector.objects.create(
            slug="left", name="Left", system=store, topic="stock/left", event_type="stock.changed", mapping=MAPPING
        )


def hook(client: HttpClient, secret: str, payload: Any = PAYLOAD, *, topic: str = "stock/left", **headers: str) -> Any:
    body = json.dumps(payload).encode()
    mac = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    signed = {"X-Shopify-Hmac-Sha256": mac, "X-Shopify-Topic": topic, **headers}
    return client.post("/api/v1/hooks/shop", data=body, content_type="application/json", headers=signed)


def test_it_becomes_our_event_once(client: HttpClient, secret: str, connector: Connector, applied: list[str]) -> None:
    answers = [hook(client, secret).json() for _ in range(2)]
    assert [(answer["accepted"], answer["duplicate"]) for answer in answers] == [(True, False), (True, True)]
    services.apply_due(now=clock.now())
    event = InboundEvent.objects.get()
    assert (event.event_id, event.subject, event.source, applied) == ("77", "TENT", "/hooks/shop", ["77"])
    assert event.data["available"] == 5


def test_the_standards_signature_proves_it_too(client: HttpClient, secret: str, connector: Connector) -> None:
    body = json.dumps(PAYLOAD).encode()
    signed = signatures.sign(secret=secret, message_id="m-1", at=clock.now(), body=body)
    headers = {**signed, "X-Shopify-Topic": "stock/left"}
    answer = client.post("/api/v1/hooks/shop", data=body, content_type="application/json", headers=headers)
    assert (answer.status_code, InboundEvent.objects.count()) == (202, 1)


def test_another_secret_proves_nothing_and_is_counted(client: HttpClient, secret: str, connector: Connector) -> None:
    answer = hook(client, "whsec_bm90IHRoZSBzZWNyZXQ=")
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/signature-refused/")
    assert (InboundEvent.objects.count(), RefusalTally.objects.get().source) == (0, "system:shop")


def test_what_no_connector_can_read_is_kept_with_its_cause_and_an_owner(
    client: HttpClient, secret: str, connector: Connector
) -> None:
    for topic, payload, words in (
        ("stock/gone", PAYLOAD, "shop has no connector for “stock/gone”."),
        ("", PAYLOAD, "shop has no connector for “messages without a topic”."),
        ("stock/left", {"id": 77}, "could not be filled"),
    ):
        answer = hook(client, secret, payload, topic=topic)
        assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
        letter = InboundEvent.objects.get(state="dead", cause=answer.json()["detail"])
        assert (answer.json()["dead_letter"], letter.data["topic"]) == (letter.key, topic)
        assert words in letter.cause
    assert "sent something that cannot be read" in ExceptionCase.objects.get(type="contract-violation").title


def test_what_is_packed_is_refused(client: HttpClient, secret: str, connector: Connector) -> None:
    answer = hook(client, secret, **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "content-encoding")
