"""One contract for every adapter: the reference adapter of each kind of system keeps it, and so has whatever stands in its place."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from django.db import IntegrityError

from audit import clock
from audit.context import Actor, acting
from audit.subject_refs import SubjectRef
from orders.sync import adapters, handlers, services
from orders.sync.models import Attempt, OutboundMessage, System
from orders.sync.sandbox import Sandbox, sandbox_secret
from orders.sync.selectors.landscape import TIERS
from orders.sync.states import CredentialKind, OutboundState
from rules import selectors as rules
from rules.states import Layer
from tests.cast import House
from tests.orders.sync.conftest import KEY


def example(schema: Mapping[str, Any]) -> Any:
    """The least that a schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(schema["properties"][name]) for name in schema.get("required", ())}
    if kind == "array":
        return [example(schema["items"])] * schema.get("minItems", 0)
    if kind == "string":
        texts = {"date-time": "2026-11-20T09:00:00Z", "^[A-Z]{3}$": "EUR", "^[0-9a-f]{64}$": "a" * 64}
        return texts.get(schema.get("format") or schema.get("pattern", ""), "a" * schema.get("minLength", 1))
    return {"integer": schema.get("minimum", 1), "number": 1, "boolean": True}[kind]


@pytest.fixture
def connect(house: House, sandbox: Sandbox, system: Actor, settings: Any) -> Any:
    settings.ALLOWED_PRIVATE_HOSTS = [sandbox.url.removeprefix("http://")]
    sandbox.set_control({"delay": 60})  # what it says is looked at before it is said

    def connected(layer: Layer) -> System:
        slug = f"sandbox-{layer.value}"
        found = System(slug=slug, name=slug, layer=layer, owner=house.owners["integrations"])
        found.base_url = f"{sandbox.url}/{layer.value}/{slug}"
        with acting(system, at=clock.now()):
            found.save()
        secret = sandbox_secret(KEY, slug)
        services.add_credential(system=found, kind=CredentialKind.OUTBOUND, by=system, now=clock.now(), secret=secret)
        return found

    return connected


# Those that only follow: what they say is said by nobody in the sandbox.
SILENT = {Layer.CRM, Layer.ERP, Layer.ANALYTICS}
ENOUGH_SALES = 10  # by then each place where the clients of the demo sell has sold
MONEY = {"amount_minor": 9_900, "currency": "EUR"}


@pytest.mark.parametrize("layer", [layer for layer in Layer if layer != Layer.OTHER])
def test_the_reference_adapter_of_each_kind_keeps_the_contract(
    connect: Any, house: House, sandbox: Sandbox, layer: Layer
) -> None:
    adapter, there = adapters.registered()[layer], connect(layer)
    for n, told in enumerate(adapter.told):
        contract = rules.contract(told.contract)
        payload = (
            example(contract.schema) | ({"kind": told.kind} if told.kind else {}) | {"client": "northwind"} | MONEY
        )
        subject = SubjectRef("test.told", str(n), house.clients["northwind"].pk)
        services.promise(
            promise=services.Promise(there, told.contract, subject, payload, f"{layer}/{n}", f"{layer}/{n}"),
            now=clock.now(),
        )
    for _ in ("first", "as if the answers had been lost"):
        services.deliver_due(now=clock.now())
        OutboundMessage.objects.update(state=OutboundState.PENDING, sent_at=None, due_at=clock.now())
    # It takes what is asked of it, once, and only from us.
    assert sorted(Attempt.objects.values_list("number", "status")) == sorted(
        (number, status) for _ in adapter.told for number, status in ((1, 202), (2, 200))
    )
    with httpx2.Client(trust_env=False) as stranger:
        assert stranger.post(there.base_url, content=b"{}").status_code == 401
    # It says what is agreed, as it is agreed, and somebody hears it.
    for _ in range(ENOUGH_SALES):
        sandbox.sell()
    rows = sandbox.journal._connection.execute("SELECT body FROM sayings WHERE system = ?", [there.slug]).fetchall()
    events = [json.loads(body) for (body,) in rows]
    assert {event["type"] for event in events} <= set(adapter.says)
    assert bool(events) == (layer not in SILENT)
    assert [rules.contract(event["type"]).violations(event["data"]) for event in events] == [[]] * len(events)
    assert [name for name in adapter.says if handlers.handler_for(name) is None] == []


def test_every_kind_of_system_there_is_has_its_adapter() -> None:
    assert {*adapters.registered()} == {*Layer} - {Layer.OTHER}
    assert {layer for layers in TIERS.values() for layer in layers} == {*Layer}
    with pytest.raises(ValueError, match="declared already"):
        adapters.declare(Layer.STORE, says=["order.placed"])


def test_a_system_of_no_kind_is_refused(house: House, system: Actor) -> None:
    with pytest.raises(IntegrityError, match="system_layer_is_known"), acting(system, at=clock.now()):
        System.objects.create(slug="stray", name="Stray", layer="", owner=house.owners["integrations"])
