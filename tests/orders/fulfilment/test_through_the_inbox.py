"""The whole way over the wire's doors: events in through the inbox, tasks out through the outbox, confirmations back in."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.test import Client as Browser

from audit import clock
from audit.context import Actor, acting
from orders.fulfilment.models import Order
from orders.sync.envelopes import of_document
from orders.sync.models import InboundEvent, OutboundMessage, System
from orders.sync.sandbox import Sandbox, sandbox_secret
from orders.sync.services import add_credential, apply_due, receive
from orders.sync.states import CredentialKind
from rules.models import Client, Owner
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def systems(northwind: Client, system: Actor, now: datetime) -> dict[str, System]:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="integrations")
        return {
            layer: System.objects.create(slug=f"sandbox-{layer}", name=layer, layer=layer, owner=owner)
            for layer in ("pim", "store", "marketplace", "wms", "vendor", "carrier", "crm", "billing")
        }


def say(
    source: System,
    kind: str,
    subject: str,
    at: datetime,
    /,
    token: int | None = None,
    based_on: int | None = None,
    **data: Any,
) -> None:
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": f"{kind}/{subject}",
        "source": source.slug,
        "type": kind,
        "subject": subject,
        "time": at.isoformat(),
        "data": {"client": "northwind", **data},
    }
    if token is not None:
        document |= {"id": f"{kind}/{subject}/{token}", "changetoken": token}
    if based_on is not None:
        document |= {"id": f"{kind}/{subject}/on-{based_on}", "basedon": based_on}
    actor = Actor(
        "integrator", f"system:{source.slug}", source.name, permissions=frozenset({"sync.ingest"}), clients=None
    )
    receipts = receive(system=source, envelopes=[of_document(document, now=at)], by=actor, now=at)
    assert [receipt.status for receipt in receipts] == ["accepted"], receipts
    apply_due(now=at)


def tasks() -> list[tuple[str, str, str]]:
    messages = OutboundMessage.objects.filter(type="task.requested").select_related("system").order_by("number")
    return [(message.system.slug, message.payload["kind"], message.key) for message in messages]


def test_an_order_goes_the_whole_way_over_the_wire(
    systems: dict[str, System], northwind: Client, now: datetime
) -> None:
    store, wms, carrier = systems["store"], systems["wms"], systems["carrier"]
    say(store, "order.placed", "W-1", now, **make.placed(northwind, now, order="W-1").data)
    say(
        store,
        "payment.captured",
        "W-1",
        now,
        order="W-1",
        amount_minor=9_900,
        currency="EUR",
        captured_at=now.isoformat(),
    )
    order = Order.objects.get()
    key = f"{order.key}-1"
    assert tasks() == [("sandbox-wms", "pick_pack", f"{key}/pick_pack/1")]
    at = now + timedelta(minutes=5)
    for kind in ("task.confirmed", "shipment.picked", "shipment.packed"):
        say(wms, kind, key, at, task=key, at=at.isoformat())
    assert tasks()[1:] == [("sandbox-carrier", "ship", f"{key}/ship/1")]
    for kind in ("shipment.handed_over", "shipment.delivered"):
        say(carrier, kind, key, at, task=key, at=at.isoformat(), carrier="DPD", tracking="0512")
    order.refresh_from_db()
    assert (order.state, order.delivered_at) == ("delivered", at)
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"applied"}


def test_a_task_says_who_answers_and_what_happens_otherwise(systems: dict[str, System], place: make.Place) -> None:
    place()
    payload = OutboundMessage.objects.get(type="task.requested").payload
    assert (payload["owner"], payload["flow"], payload["fallback_route"]) == (
        "ops-team",
        "warehouse-pick-pack",
        "ops-team-review",
    )
    assert payload["address"]["street"] == "Torstraße 12"


def test_what_people_see_of_a_task_has_no_personal_data(systems: dict[str, System], place: make.Place) -> None:
    place()
    assert "Torstra" not in str(OutboundMessage.objects.get(type="task.requested").preview)


def test_an_order_that_cannot_be_read_becomes_a_dead_letter_and_the_others_go_on(
    systems: dict[str, System], northwind: Client, now: datetime
) -> None:
    store = systems["store"]
    say(
        store, "order.placed", "W-1", now, **{**make.placed(northwind, now, order="W-1").data, "delivery_sla": "by-owl"}
    )
    say(store, "order.placed", "W-2", now, **make.placed(northwind, now, order="W-2").data)
    assert dict(InboundEvent.objects.values_list("subject", "state")) == {"W-1": "dead", "W-2": "applied"}
    assert list(Order.objects.values_list("number", flat=True)) == ["W-2"]


@pytest.fixture
def shop(systems: dict[str, System], system: Actor, now: datetime, tmp_path: Path) -> Iterator[Sandbox]:
    """The sandbox of a demo, which is not asked and does not speak by itself."""
    with acting(system, at=now):
        make.client_named("fable", "FB", name="Fable & Co")
        make.client_named("lumen", "LC", name="Lumen Cycles")
    for slug in ("pim", "store", "marketplace", "wms"):
        secret = sandbox_secret("a key", f"sandbox-{slug}")
        add_credential(system=systems[slug], kind=CredentialKind.INBOUND, by=system, now=now, secret=secret)
    shop = Sandbox(port=0, key="a key", reply_to="http://testserver/api/v1/events", journal=tmp_path / "journal.db")
    shop.set_control({"delay": 0})
    yield shop
    shop._server.server_close()
    shop.journal.close()


def front_door(request: httpx2.Request) -> httpx2.Response:
    """What the product answers to a request."""
    kind = request.headers["Content-Type"]
    answer = Browser().post(request.url.path, request.content, content_type=kind, headers=dict(request.headers))
    return httpx2.Response(answer.status_code, content=answer.content)


def test_what_the_demo_s_store_sells_comes_in_by_the_front_door(shop: Sandbox) -> None:
    with httpx2.Client(transport=httpx2.MockTransport(front_door)) as client:
        for _ in range(2):
            shop.sell()
            shop.say_what_is_due(client)
    assert (shop.journal.summary()["executed"], shop.journal.summary()["waiting"]) == (
        {"count": 1, "facts": 1, "sale": 2},
        0,
    )
    apply_due(now=clock.now())
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"applied"}
    assert dict(Order.objects.values_list("number", "state")) == {"F8001": "in_fulfilment", "L8002": "in_fulfilment"}
