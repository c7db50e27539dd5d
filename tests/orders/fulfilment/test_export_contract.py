"""The contract of exports asks for everything a reader needs: without any one field, the producer refuses and names it (C12.2)."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from audit.context import Actor
from orders.fulfilment.services.exports import CONTRACT, export_order, lack_of
from orders.sync.sandbox.downstream import NEEDED
from rules.contracts import CompiledContract
from rules.shipped.contracts import CONTRACTS
from tests.factories import orders as make

SCHEMA: Mapping[str, Any] = next(one.schema for one in CONTRACTS if one.name == CONTRACT)
IN_FORCE = CompiledContract(SCHEMA)
WHOLE: dict[str, Any] = {
    "order": "NW-1",
    "number": "W-1",
    "client": "northwind",
    "status": "in_fulfilment",
    "owner_id": "0199-1",
    "owner": "ops-team",
    "backup": "ops-team-review",
    "channel": "web",
    "rule": "everything-else",
    "rule_version": 1,
    "flow_id": "warehouse-pick-pack",
    "sla_due_at": None,
    "event_ids": ["0199-2"],
    "decision_context": {"channel": "web", "sku_flags": [], "fraud_score": None},
    "routing_hints": {
        "preferred_carrier": None,
        "fallback_route": "ops-team-review",
        "fallback_after_minutes": 120,
        "sla": "standard-dispatch",
        "delivery_sla": "standard",
    },
    "holds": [{"reason": "vendor"}],
    "placed_at": "2026-11-20T09:00:00Z",
    "currency": "EUR",
    "total_minor": 9_900,
    "lines": [{"line": "1", "sku": "TENT-2", "quantity": 1, "status": "open", "flow_id": None}],
    "fulfilments": [],
    "identifiers": [{"system": "store", "external_id": "W-1"}],
    "correlation_id": "",
    "generated_at": "2026-11-20T09:00:00Z",
    "record_sha256": "ab" * 32,
    "audit_token": "e30.e30.e30",
}


def required(schema: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Pointers of all that a schema requires, the first of each list."""
    for name in schema.get("required", ()):
        yield f"{above}/{name}"
        yield from required(schema["properties"][name], f"{above}/{name}")
    if "items" in schema:
        yield from required(schema["items"], f"{above}/0")


POINTERS = tuple(required(SCHEMA))


@pytest.mark.parametrize("pointer", POINTERS)
def test_without_a_field_it_is_refused_and_the_field_is_named(pointer: str) -> None:
    document = deepcopy(WHOLE)
    *above, last = pointer.strip("/").split("/")
    part: Any = document
    for step in above:
        part = part[int(step)] if step.isdigit() else part[step]
    del part[last]
    lack = lack_of(document, IN_FORCE)
    assert lack is not None
    assert lack.pointer == pointer


def test_it_asks_for_all_that_a_reader_needs() -> None:
    assert lack_of(WHOLE, IN_FORCE) is None
    assert {f"/{path}" for path in NEEDED} <= set(POINTERS)
    assert {"/lines/0/line", "/lines/0/status", "/lines/0/flow_id", "/holds/0/reason"} <= set(POINTERS)


@pytest.mark.django_db
def test_what_is_exported_looks_like_that(place: make.Place, system: Actor, now: datetime) -> None:
    document = export_order(order_id=place().pk, by=system, now=now).document
    assert (set(document), lack_of(document, IN_FORCE)) == (set(WHOLE), None)
