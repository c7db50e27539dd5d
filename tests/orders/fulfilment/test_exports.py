"""The export another system acts on without asking back (C12.1 to C12.4)."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from django.core.management import CommandError, call_command

from audit.access import GRANTS, Role
from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor, acting
from audit.errors import NotFound, Refused, TokenInvalid
from audit.models import Event
from audit.selectors.tokens import verify_token
from exceptions.models import ExceptionCase, Job
from orders.fulfilment.errors import NotExportable
from orders.fulfilment.models import Export, ExportReading
from orders.fulfilment.selectors import order_story
from orders.fulfilment.selectors.exports import exports_of
from orders.fulfilment.services import exports
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.exports import export_order
from orders.sync.models import OutboundMessage, System
from orders.sync.services import add_credential, deliver_due
from orders.sync.services.systems import save_system
from orders.sync.signatures import verify
from orders.sync.states import CredentialKind, OutboundState
from rules import selectors as rules
from rules.models import Client, Owner
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


@pytest.fixture
def follower(northwind: Client, system: Actor, now: datetime) -> System:
    """A system that wants to know of every order."""
    with acting(system, at=now):
        owner = Owner.objects.get(slug="finance-ops")
        address = "https://crm.example.com/orders"
        return System.objects.create(
            slug="crm", name="CRM", layer="crm", owner=owner, base_url=address, wants_exports=True
        )


def test_an_export_says_who_owns_it_why_until_when_and_what_if_not(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place(
        channel="marketplace", fraud_score=12, lines=[make.line("KAYAK", sku_type="preorder", vendor="kestrel")]
    )
    document = export_order(order_id=order.pk, by=system, now=now).document
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
    document = export_order(order_id=order.pk, by=system, now=now).document
    facts = verify_token(document["audit_token"])
    told = {
        name: value for name, value in document.items() if name not in {"generated_at", "record_sha256", "audit_token"}
    }
    assert (facts.subject_id, facts.record_hash) == (str(order.pk), sha256_hex(canonical_json(told)))
    assert Event.objects.get(pk=facts.event_id).type == "order.exported"
    with pytest.raises(TokenInvalid):
        verify_token(document["audit_token"][:-2] + "xx")


def test_the_same_facts_give_the_same_bytes_and_every_reading_is_in_the_trail(
    place: make.Place, system: Actor, now: datetime
) -> None:
    order = place()
    first = export_order(order_id=order.pk, by=system, now=now)
    again = export_order(order_id=order.pk, by=system, now=now + timedelta(hours=1))
    assert (again.pk, again.text) == (first.pk, first.text)
    assert Event.objects.filter(type="order.exported").count() == 1
    assert Event.objects.filter(type="order.export_read").count() == 2
    assert [(one.reader, one.at) for one in ExportReading.objects.all()] == [(system.id, now)]


def lacking(field: str) -> Callable[[Sequence[Docket]], dict[UUID, dict[str, Any]]]:
    """What is known of orders, without one field of it."""
    whole = exports._facts

    def without(dockets: Sequence[Docket]) -> dict[UUID, dict[str, Any]]:
        facts = whole(dockets)
        for told in facts.values():
            *path, last = field.split("/")
            del (told[path[0]] if path else told)[last]
        return facts

    return without


@pytest.mark.parametrize("field", ["owner_id", "routing_hints/fallback_route"])
def test_an_export_that_lacks_anything_is_refused_with_the_field_named_and_somebody_has_a_case(
    place: make.Place, system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    order = place()
    monkeypatch.setattr(exports, "_facts", lacking(field))
    with pytest.raises(NotExportable, match=f"/{field}"):
        export_order(order_id=order.pk, by=system, now=now)
    case = ExceptionCase.objects.get(type="contract-violation")
    assert (case.subject_key, case.cause, case.evidence["pointer"]) == (
        order.key,
        f"order.export/{field}",
        f"/{field}",
    )
    assert case.owner.is_active
    assert not Export.objects.exists()


def test_an_order_goes_on_whose_export_is_refused_and_nobody_is_told_half_of_it(
    follower: System, place: make.Place, tell: make.Tell, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_facts", lacking("owner_id"))
    order = place()
    assert order.state == "in_fulfilment"
    assert not Export.objects.exists()
    assert not OutboundMessage.objects.filter(type="order.export").exists()
    case = ExceptionCase.objects.live().get(type="contract-violation")
    assert case.subject_key == order.key
    monkeypatch.undo()
    tell("shipment.handed_over", order.fulfilments.get().key)
    case.refresh_from_db()
    assert (Export.objects.get().order, case.state) == (order, "withdrawn")


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
    follower: System, place: make.Place, tell: make.Tell, now: datetime
) -> None:
    order = place()
    for kind in ("task.confirmed", "shipment.handed_over", "shipment.delivered"):
        tell(kind, order.fulfilments.get().key)
    told = OutboundMessage.objects.filter(type="order.export").order_by("number")
    assert [message.payload["status"] for message in told] == ["in_fulfilment", "shipped", "delivered"]
    assert {message.ordering_key for message in told} == {order.key}


def test_a_follower_without_an_address_reads_the_feed_and_is_sent_nothing(
    follower: System, place: make.Place, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        System.objects.filter(pk=follower.pk).update(base_url="")
    order = place()
    assert [export.order for export in Export.objects.all()] == [order]
    assert not OutboundMessage.objects.filter(type="order.export").exists()


@pytest.mark.parametrize(("address", "sent"), [("https://erp.example.com/orders", 2), ("", 0)])
def test_a_system_that_begins_to_follow_is_told_of_the_open_orders_once_by_a_job(
    place: make.Place, tell: make.Tell, system: Actor, now: datetime, address: str, sent: int
) -> None:
    opened, over = [place(), place()], place()
    tell("shipment.delivered", over.fulfilments.get().key)
    place(paid=False)
    owner = Owner.objects.get(slug="finance-ops")
    erp = System(slug="erp", name="ERP", layer="billing", owner=owner, base_url=address, wants_exports=True)
    save_system(system=erp, by=system, now=now, reason="It follows now")
    job = Job.objects.get()
    assert (job.kind, job.state, job.total, job.work.done, job.work.given) == (
        "export.backfill",
        "done",
        2,
        2,
        {"system": "erp"},
    )
    assert [export.order for export in Export.objects.order_by("number")] == opened
    told = OutboundMessage.objects.filter(type="order.export")
    assert [message.ordering_key for message in told.order_by("number")] == [order.key for order in opened][:sent]
    for follows in (False, True):
        erp.wants_exports = follows
        save_system(system=erp, by=system, now=now, reason="Off and on again")
    assert (Job.objects.count(), Export.objects.count(), told.count()) == (2, 2, sent)


def test_what_is_sent_is_signed_has_one_key_and_the_bytes_of_the_feed_until_it_is_given_up(
    follower: System, place: make.Place, system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = add_credential(system=follower, kind=CredentialKind.OUTBOUND, by=system, now=now)
    sent: list[tuple[bytes, dict[str, str]]] = []

    @contextmanager
    def refusing(_: Any, *given: Any, content: bytes, headers: dict[str, str]) -> Iterator[Any]:
        sent.append((content, headers))
        yield SimpleNamespace(is_success=False, status_code=500, headers={}, iter_raw=lambda _: iter(()))

    monkeypatch.setattr(httpx2.Client, "stream", refusing)
    place()
    export, message = Export.objects.get(), OutboundMessage.objects.get(type="order.export")
    days = [now + timedelta(days=day) for day in range(follower.max_attempts)]
    for day in days:
        deliver_due(now=day)
    told = [(body, headers) for body, headers in sent if headers["Idempotency-Key"] == message.key]
    assert [body for body, _ in told] == [told[0][0]] * follower.max_attempts
    assert f'{{"changetoken":{export.number},"data":{export.text},"id":"{message.key}"'.encode() in told[0][0]
    for day, (body, headers) in zip(days, told, strict=True):
        assert verify(secrets_in_force=[secret], headers=headers, body=body, now=day) == message.key
    message.refresh_from_db()
    assert (message.state, message.last_error) == (OutboundState.DEAD, "HTTP 500")
    case = ExceptionCase.objects.get(type="delivery-failure")
    assert (case.subject_key, case.owner.is_active) == ("crm", True)


def test_an_order_says_who_has_which_export(
    follower: System, place: make.Place, tell: make.Tell, system: Actor, now: datetime
) -> None:
    order = place()
    OutboundMessage.objects.filter(type="order.export").update(state=OutboundState.SENT, sent_at=now)
    tell("shipment.handed_over", order.fulfilments.get().key)
    export_order(order_id=order.pk, by=system, now=now + timedelta(minutes=5))
    told = [
        (one.state, [(reader.name, reader.at, reader.was_sent) for reader in one.readers]) for one in exports_of(order)
    ]
    assert told == [
        ("shipped", [("Handrail", now + timedelta(minutes=5), False), ("CRM", None, True)]),
        ("in_fulfilment", [("CRM", now, True)]),
    ]
    story = order_story(by=system, key=order.key, exports_shown=1)
    assert ([one.state for one in story.exports], story.unshown_exports) == (["shipped"], 1)
    assert order_story(by=system, key=order.key).unshown_exports == 0


def test_the_command_prints_the_document_or_a_sentence(place: make.Place, capsys: pytest.CaptureFixture[str]) -> None:
    order = place()
    call_command("export_order", order.key)
    assert json.loads(capsys.readouterr().out)["order"] == order.key
    with pytest.raises(CommandError, match="There is no order NW-1"):
        call_command("export_order", "NW-1")
