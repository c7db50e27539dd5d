"""The export another system acts on without asking back (C12.1 to C12.4)."""

import json
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from audit.access import GRANTS, Role
from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor, acting
from audit.errors import NotFound, Refused, TokenInvalid
from audit.models import Event
from audit.services.tokens import verify_token
from orders.fulfilment.errors import NotExportable
from orders.fulfilment.services import exports
from orders.fulfilment.services.exports import export_order
from orders.sync.models import OutboundMessage, System
from rules import selectors as rules
from rules.models import Owner
from tests.factories import orders as make

pytestmark = pytest.mark.django_db

REQUIRED = [
    "order",
    "event_ids",
    "owner_id",
    "flow_id",
    "rule",
    "rule_version",
    "decision_context",
    "routing_hints",
    "audit_token",
    "generated_at",
]


def test_an_export_says_who_owns_it_why_until_when_and_what_if_not(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(
        channel="marketplace", fraud_score=12, lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")]
    )
    document = export_order(order_id=order.pk, by=system, now=now)
    assert [field for field in REQUIRED if not document[field]] == []
    assert (document["owner"], document["flow_id"], document["rule"]) == (
        "fulfillment-service-vendor",
        "vendor-drop-ship",
        "marketplace-preorder",
    )
    assert document["decision_context"] == {"channel": "marketplace", "sku_flags": ["preorder"], "fraud_score": 12}
    assert document["routing_hints"] == {
        "preferred_carrier": None,
        "fallback_route": "ops-team-review",
        "fallback_after_minutes": 120,
        "sla": "vendor-confirmation",
        "delivery_sla": "standard",
    }
    assert rules.contract("order.export").violations(document) == []


def test_its_token_points_at_the_record_and_one_changed_byte_breaks_it(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place()
    document = export_order(order_id=order.pk, by=system, now=now)
    facts = verify_token(document["audit_token"])
    told = {
        name: value for name, value in document.items() if name not in {"generated_at", "record_sha256", "audit_token"}
    }
    assert (facts.subject_id, facts.record_hash) == (str(order.pk), sha256_hex(canonical_json(told)))
    assert Event.objects.get(pk=facts.event_id).type == "order.exported"
    with pytest.raises(TokenInvalid):
        verify_token(document["audit_token"][:-2] + "xx")


def test_the_same_facts_give_the_same_document_and_every_reading_is_in_the_trail(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place()
    first = export_order(order_id=order.pk, by=system, now=now)
    assert export_order(order_id=order.pk, by=system, now=now + timedelta(hours=1)) == first
    assert Event.objects.filter(type="order.exported").count() == 1
    assert Event.objects.filter(type="order.export_read").count() == 2


@pytest.mark.parametrize("field", [field for field in REQUIRED if field not in {"audit_token", "generated_at"}])
def test_an_export_that_lacks_its_ownership_is_refused_with_the_field_named(
    place: make.Place, system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    order, whole = place(), exports._facts
    without = lambda dockets: {pk: {k: v for k, v in told.items() if k != field} for pk, told in whole(dockets).items()}  # noqa: E731 -- one use
    monkeypatch.setattr(exports, "_facts", without)
    with pytest.raises(NotExportable, match=field):
        export_order(order_id=order.pk, by=system, now=now)


def test_an_order_nobody_decided_about_has_nothing_to_export(place: make.Place, system: Actor, now: datetime) -> None:
    with pytest.raises(NotExportable):
        export_order(order_id=place(paid=False).pk, by=system, now=now)


def test_support_may_not_export_and_another_client_learns_nothing(place: make.Place, now: datetime) -> None:
    order = place()
    sam = Actor("person", "user:5", "Sam", 5, frozenset(), GRANTS[Role.SUPPORT], clients=frozenset({order.client_id}))
    noor = Actor("person", "user:6", "Noor", 6, frozenset(), GRANTS[Role.ACCOUNT_MANAGER], clients=frozenset())
    for actor, refusal in ((sam, Refused), (noor, NotFound)):
        with pytest.raises(refusal):
            export_order(order_id=order.pk, by=actor, now=now)


def test_systems_that_follow_the_record_are_told_at_every_change_of_state(
    northwind: object, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        owner = Owner.objects.get(slug="finance-ops")
        System.objects.create(slug="crm", name="CRM", layer="crm", owner=owner, wants_exports=True)
    order = place()
    for kind in ("task.confirmed", "shipment.handed_over", "shipment.delivered"):
        tell(kind, order.fulfilments.get().key)
    told = OutboundMessage.objects.filter(type="order.export").order_by("number")
    assert [message.payload["status"] for message in told] == ["in_fulfilment", "shipped", "delivered"]
    assert {message.ordering_key for message in told} == {order.key}


def test_the_command_prints_the_document_or_a_sentence(place: make.Place, capsys: pytest.CaptureFixture[str]) -> None:
    order = place()
    call_command("export_order", order.key)
    assert json.loads(capsys.readouterr().out)["order"] == order.key
    with pytest.raises(CommandError, match="There is no order NW-1"):
        call_command("export_order", "NW-1")
