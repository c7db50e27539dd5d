"""One record of Northwind behind every address of the API."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.crypto import seal_secret
from audit.models import Event, Seal
from audit.services.events import record
from audit.subject_refs import subject_ref
from exceptions.models import ExceptionCase, Waiver
from exceptions.services import add_action, draft_postmortem, keep_file, request_waiver
from orders.campaigns.models import AssetApproval, MessagingChange
from orders.campaigns.services.assets import add_asset
from orders.fulfilment.models import (
    CheckResult,
    Customer,
    Export,
    Fulfilment,
    Hold,
    Likeness,
    Order,
    ParcelCheck,
    ProductFacts,
    Shipment,
    Sku,
)
from orders.fulfilment.services.holds import hold_order
from orders.fulfilment.services.overrides import override_order
from orders.sync.models import FlowRun, InboundEvent, OutboundMessage, System
from orders.sync.services import Expected, RunStart, start_runs
from orders.sync.states import InboundState, OutboundState
from rules.models import Decision, Flow, Owner, OwnershipRule, RuleBookVersion
from rules.states import Layer
from tests.api.world.content import ABOUT
from tests.cast import House

NOBODYS: Final[dict[str, Any]] = {
    "audit-event": "01939999-0000-7000-8000-000000000000",
    "check": "01939999-0000-7000-8000-000000000000",
    "customer": "CU-999999",
    "decision": "01939999-0000-7000-8000-000000000000",
    "duplicate": "01939999-0000-7000-8000-000000000000",
    "event": "01939999-0000-7000-8000-000000000000",
    "export": "01939999-0000-7000-8000-000000000000",
    "message": "01939999-0000-7000-8000-000000000000",
    "run": "01939999-0000-7000-8000-000000000000",
    "sku": "01939999-0000-7000-8000-000000000000",
    "seal": 999_999,
    "rule-version": 999_999,
    "exception": "EX-999999",
    "postmortem": "PM-999999",
    "time-limited-exception": "TLX-999999",
    "dead-letter": "DL-999999",
    "override": "OV-999999",
    "shipment": "SH-999999",
    "asset": "AS-999999",
}
RECORDS: Final = {
    "asset",
    "audit-event",
    "check",
    "client",
    "contract",
    "customer",
    "dead-letter",
    "decision",
    "duplicate",
    "event",
    "exception",
    "export",
    "flow",
    "fulfilment",
    "gate",
    "message",
    "order",
    "override",
    "owner",
    "postmortem",
    "rule",
    "rule-version",
    "run",
    "runbook",
    "seal",
    "shipment",
    "sku",
    "system",
    "time-limited-exception",
}
REPORTS: Final = {"exception-accounting", "decision-plans", "dead-letter-plans", "order-plans", "order-resubmissions"}


def family(name: str) -> str:
    """The record an address leads to: `order-holds` leads to `order`."""
    if name in REPORTS:
        return ""
    if name.startswith("waiver-"):
        return "time-limited-exception"
    return max((key for key in RECORDS if name == key or name.startswith(f"{key}-")), key=len, default="")


def build(house: House, order: Order, case: ExceptionCase, *, by: Actor, now: datetime) -> dict[str, Any]:
    """Make what is missing; the key of each family's record."""
    waiver = _waiver(order, case, by, now)
    letter, message, system = _messages(house, order, now, by)
    run = FlowRun.objects.filter(client=order.client).first() or _run(order, by, now)
    hold = hold_order(order_id=order.pk, words="Checking something", by=by, now=now)
    fix = override_order(
        order_id=order.pk, field="segment", value="vip", reason="The account manager says so", by=by, now=now
    )
    with acting(by, at=now):
        record("access.refused", subject=order)
    Seal.objects.create(
        number=1,
        sealed_at=now,
        event_count=0,
        total_count=0,
        last_transaction=0,
        last_event=order.pk,
        root=b"",
        previous=b"",
        statement="x",
    )
    return {
        "audit-event": Event.objects.filter(client_id=order.client_id).values_list("pk", flat=True)[0],
        "seal": 1,
        "client": "northwind",
        "owner": "logistics",
        "gate": "ship-despite-open-case",
        "flow": Flow.objects.values_list("slug", flat=True)[0],
        "rule": OwnershipRule.objects.values_list("slug", flat=True)[0],
        "rule-version": 1,
        "contract": "order.placed",
        "runbook": "messages-refused",
        "postmortem": _postmortem(case, by, now),
        "decision": Decision.objects.filter(client=order.client).values_list("pk", flat=True)[0],
        "order": order.key,
        "order-id": order.pk,
        "export": _export(order, by, now),
        "sku": Sku.objects.filter(client=order.client).values_list("pk", flat=True)[0],
        "check": _check(order, by, now),
        "override": fix.key,
        "shipment": _shipment(order, by, now),
        "customer": Customer.objects.get(orders=order).key,
        "duplicate": _alike(Customer.objects.get(orders=order), by, now),
        "asset": _asset(house, order, by, now),
        "hold": Hold.objects.get(pk=hold.pk).pk,
        "fulfilment": Fulfilment.objects.filter(order=order).values_list("key", flat=True)[0],
        "exception": case.key,
        "time-limited-exception": waiver.key,
        "event": letter.pk,
        "dead-letter": letter.key,
        "message": message.pk,
        "run": run.pk,
        "system": system.slug,
    }


def _shipment(order: Order, by: Actor, now: datetime) -> str:
    """Parcels that go together."""
    told = {"destination": "x", "placed_by": by.id, "placed_at": now, "reason": "They ordered twice"}
    with acting(by, at=now):
        shipment = Shipment(client=order.client, **told)
        shipment.save()
        record("shipment.formed", subject=shipment, state=shipment.state)
    shipment.refresh_from_db()
    return shipment.key


def _alike(customer: Customer, by: Actor, now: datetime) -> UUID:
    """A customer that looks like this one."""
    other = Customer(key="CU-1", client=customer.client)
    other.head = other
    with acting(by, at=now):
        other.save()
        first, second = sorted((customer, other), key=lambda one: one.pk)
        return Likeness.objects.create(client=customer.client, one=first, other=second, signs=["phone"]).pk


def _check(order: Order, by: Actor, now: datetime) -> UUID:
    """A quality check that failed, with a photo."""
    photo = keep_file(name="box.png", content=b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    parcel = Fulfilment.objects.filter(order=order).order_by("key")[0]
    told = {"remediation": "Pack it again.", "photo": "optional", "items": [], "answers": "logistics"}
    with acting(by, at=now):
        check = ParcelCheck.objects.create(
            fulfilment=parcel,
            order=order,
            client=order.client,
            owner=Owner.objects.get(slug="logistics"),
            book=RuleBookVersion.objects.get(is_active=True),
            slug="right-contents",
            name="Right contents",
            kind="scan",
            point="booking",
            position=1,
            settings=told,
        )
        ProductFacts.objects.create(sku=order.lines.all()[0].sku, told_at=now)
    CheckResult.objects.create(
        check_of=check,
        number=1,
        at=now,
        by=by.id,
        by_name=by.name,
        expected={"items": []},
        seen={"code": "PEG", "quantity": 1},
        verdict="failed",
        findings=[["%(code)s is not in this parcel.", {"code": "PEG"}]],
        file_name=photo.name,
        content_type=photo.content_type,
        size=photo.size,
        sha256=photo.sha256,
    )
    return check.pk


def _asset(house: House, order: Order, by: Actor, now: datetime) -> str:
    """Content with a wish for different messaging."""
    begun = add_asset(client=order.client.slug, slug="tents", **ABOUT, by=by, now=now)
    about = {"asset": begun, "client": order.client, "decider": house.owners["lee"], "case_id": order.pk}
    with acting(by, at=now):
        MessagingChange.objects.create(**about, wanted="Rain", from_revision=1, asked_at=now)
        term = {"sent_at": now, "expires_at": now + timedelta(days=1), "ended_at": now, "state": "lapsed"}
        AssetApproval.objects.create(asset=begun, client=order.client, revision=1, contact="Jo", **term)
    return begun.key


def _export(order: Order, by: Actor, now: datetime) -> UUID:
    with acting(by, at=now):
        document = {"order": order.key, "status": order.state, "generated_at": timestamp(now)}
        return Export.objects.create(order=order, facts_hash="ab" * 32, document=document).pk


def _postmortem(case: ExceptionCase, by: Actor, now: datetime) -> str:
    draft = draft_postmortem(case_id=case.pk, by=by, now=now)
    add_action(postmortem_id=draft.pk, text="Look twice", owner="logistics", due_on=now.date(), by=by, now=now)
    return draft.key


def _waiver(order: Order, case: ExceptionCase, by: Actor, now: datetime) -> Waiver:
    return request_waiver(
        gate=case.gate,
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=order.client_id,
        case_id=case.pk,
        reason="The customer confirmed the address by phone.",
        plan="It is corrected in the store meanwhile.",
        minutes=60,
        owner="client-success",
        by=by,
        now=now,
    )


def _messages(house: House, order: Order, now: datetime, by: Actor) -> tuple[InboundEvent, OutboundMessage, System]:
    client, owner = house.clients["northwind"], house.owners["integrations"]
    with acting(by, at=now):
        system = System.objects.create(slug="nw-shop", name="Shop", layer=Layer.STORE, client=client, owner=owner)
    letter = InboundEvent.objects.create(
        system=system,
        client=client,
        event_id="e-1",
        source="/shop",
        type="stock.changed",
        subject="TENT-2",
        time=now,
        received_at=now,
        due_at=now,
        sealed=seal_secret("{}"),
        sha256="",
        preview={},
        lane=0,
        state=InboundState.DEAD,
        cause="Broken",
        finished_at=now,
    )
    message = OutboundMessage.objects.create(
        key="m-1",
        system=system,
        client=client,
        type="order.exported",
        subject_type="fulfilment.order",
        subject_id=str(order.pk),
        ordering_key=order.key,
        caused_at=now,
        created_at=now,
        due_at=now,
        sealed=seal_secret("{}"),
        preview={},
        state=OutboundState.PENDING,
    )
    letter.refresh_from_db()
    return letter, message, system


def _run(order: Order, by: Actor, now: datetime) -> FlowRun:
    flow = Flow.objects.all()[0]
    expected = [Expected("Delivered", "shipment.delivered", now + timedelta(days=2))]
    start = RunStart(flow, order.client_id, subject_ref(order), order.key, "e-1", expected)
    return start_runs(starts=[start], by=by, now=now)[0]
