"""A furnished house with a store and a warehouse, and a sender that signs."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as HttpClient

from audit import clock
from audit.context import Actor, acting
from audit.subject_refs import SubjectRef
from orders.sync import handlers, services, signatures
from orders.sync.models import InboundEvent, System
from orders.sync.sandbox import Sandbox, sandbox_secret
from orders.sync.states import CredentialKind
from rules import facts
from rules.states import Layer
from tests.cast import House
from tests.rules.conftest import ORDER_ATTRIBUTES

Send = Callable[..., Any]
KEY = "an installation's key"


@pytest.fixture(autouse=True, scope="session")
def order_context() -> None:
    try:
        facts.context("order")
    except LookupError:
        facts.declare_context("order", ORDER_ATTRIBUTES)


@pytest.fixture
def store(house: House, system: Actor, now: datetime) -> System:
    with acting(system, at=now):
        store = System(
            slug="shop",
            name="The shop",
            layer=Layer.STORE,
            client=house.clients["northwind"],
            owner=house.owners["integrations"],
        )
        store.save()
    return store


@pytest.fixture
def secret(store: System, system: Actor, now: datetime) -> str:
    return services.add_credential(system=store, kind=CredentialKind.INBOUND, by=system, now=now)


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the events a handler of stock.changed applied, in order; a SKU named BROKEN cannot be applied."""
    done: list[str] = []

    def handler(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
        for event in events:
            if event.data["sku"] == "BROKEN":
                raise ValueError("broken")
        done.extend(event.event_id for event in events)

    monkeypatch.setitem(handlers._handlers, "stock.changed", handler)
    return done


def stock(
    event_id: str = "e-1", *, sku: str = "TENT", available: Any = 5, token: int | None = None, **more: Any
) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/shop",
        "type": "stock.changed",
        "subject": sku,
        "data": {"client": "northwind", "sku": sku, "available": available, "changed_at": "2026-11-20T09:00:00Z"},
        **more,
    }
    return event if token is None else {**event, "changetoken": str(token)}


@pytest.fixture
def send(client: HttpClient, secret: str) -> Send:
    """POST an event (or raw bytes) to the intake, signed."""

    def send_one(
        event: Any,
        *,
        content_type: str = "application/cloudevents+json",
        key: str = secret,
        headers: dict[str, str] | None = None,
    ) -> Any:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signed = signatures.sign(secret=key, message_id="m-1", at=clock.now(), body=body)
        return client.post(
            "/api/v1/events",
            data=body,
            content_type=content_type,
            headers={"X-Handrail-System": "shop", **signed, **(headers or {})},
        )

    return send_one


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(port=0, key=KEY, reply_to="http://127.0.0.1:9/api/v1/events", journal=tmp_path / "journal.db")
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def warehouse(house: House, sandbox: Sandbox, system: Actor, settings: Any) -> System:
    settings.ALLOWED_PRIVATE_HOSTS = [sandbox.url.removeprefix("http://")]
    with acting(system, at=clock.now()):
        warehouse = System(
            slug="central",
            name="Central warehouse",
            layer=Layer.WMS,
            base_url=f"{sandbox.url}/wms/central",
            owner=house.owners["logistics"],
            max_attempts=3,
        )
        warehouse.save()
    services.add_credential(
        system=warehouse,
        kind=CredentialKind.OUTBOUND,
        by=system,
        now=clock.now(),
        secret=sandbox_secret(KEY, "central"),
    )
    return warehouse


def task(warehouse: System, house: House, n: int = 1, *, order: str = "NW-1") -> services.Promise:
    return services.Promise(
        system=warehouse,
        type="task.requested",
        subject=SubjectRef("test.parcel", str(n), house.clients["northwind"].pk),
        payload={
            "task": f"T-{n}",
            "kind": "pick_pack",
            "order": order,
            "client": "northwind",
            "lines": [{"sku": "TENT", "quantity": 1}],
        },
        key=f"T-{n}/pick_pack/1",
        ordering_key=order,
    )
