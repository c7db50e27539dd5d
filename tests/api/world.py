"""One record of Northwind behind every address of the API, and who may do what there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audit import clock
from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.crypto import seal_secret
from audit.models import Event, Seal
from audit.services.events import record
from audit.subject_refs import subject_ref
from exceptions.models import ExceptionCase, Waiver
from exceptions.services import add_action, draft_postmortem, keep_file, request_waiver
from orders.campaigns.models import MessagingChange
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
    Sku,
)
from orders.fulfilment.services.holds import hold_order
from orders.fulfilment.services.overrides import override_order
from orders.sync.models import FlowRun, InboundEvent, OutboundMessage, System
from orders.sync.services import Expected, RunStart, start_runs
from orders.sync.states import InboundState, Layer, OutboundState
from rules.models import Decision, Flow, Owner, OwnershipRule, RuleBookVersion
from tests.cast import House

VIEW_RULES: Final = "rules.view_rules"
VIEW_ORDER: Final = "orders.view_order"
WORK_ORDER: Final = "orders.work_order"
VIEW_CASE: Final = "exceptions.view_case"
WORK_CASE: Final = "exceptions.work_case"
VIEW_ASSET: Final = "content.view_asset"
WORK_ASSET: Final = "content.work_asset"
VIEW_SYSTEM: Final = "sync.view_system"


@dataclass(frozen=True)
class Rule:
    """What a method of an address needs; `shared` records belong to no client."""

    permission: str
    body: dict[str, Any] | None = None
    shared: bool = False


RUNBOOK: Final = {"body": "Take an umbrella.", "covers": [], "note": "There was none"}
DAY: Final = clock.now().date().isoformat()
REASON: Final = {"reason": "Because it has to be."}
TODAY: Final = clock.now().isoformat()
TOMORROW: Final = (clock.now() + timedelta(days=1)).isoformat()
ASKED: Final = {
    "exception": "EX-…",
    "reason": "The customer confirmed the address by phone.",
    "plan": "It is corrected in the store meanwhile.",
    "minutes": 60,
    "owner": "client-success",
}
NEW_CLIENT: Final = {
    "template": "shipped:own-warehouse",
    "slug": "acme",
    "name": "Acme",
    "key_prefix": "AC",
    "currency": "EUR",
    "time_zone": "Europe/Vienna",
    "people": ["bo"],
    "dry_run": True,
    **REASON,
}
LINE: Final = {
    "slug": "robots",
    "name": "Robots",
    "kind": "brand",
    "owner": "logistics",
    "fallback": "ops-team",
    "flow": "warehouse-pick-pack",
    "sla": "expedited-dispatch",
    "channels": ["robots"],
    "dry_run": True,
    **REASON,
}
DESCRIBED: Final = {"title": "Tents", "owner": "amal", "backup": "bo", "content_owner": "lee"}
ABOUT: Final = {"kind": "blog-post", **DESCRIBED}
GET_RULES: Final = {"GET": Rule(VIEW_RULES, shared=True)}

# URL name → method → what it needs. An address that is not here fails the test of the inventory.
MATRIX: Final[dict[str, dict[str, Rule]]] = {
    "audit-events": {"GET": Rule("audit.view_trail")},
    "audit-event": {"GET": Rule("audit.view_trail")},
    "seals": {"GET": Rule("audit.verify", shared=True)},
    "seal": {"GET": Rule("audit.verify", shared=True)},
    "audit-verifications": {
        "GET": Rule("audit.verify", shared=True),
        "POST": Rule("audit.verify", {"from_start": False}, shared=True),
    },
    "audit-chains": {"GET": Rule("audit.verify")},
    "audit-records": {"GET": Rule("audit.view_trail")},
    "audit-token-check": {"POST": Rule("audit.verify", {"text": "no token"}, shared=True)},
    "clients": {"GET": Rule(VIEW_RULES)},
    "client": {"GET": Rule(VIEW_RULES)},
    "client-readiness": {"GET": Rule(VIEW_RULES)},
    "client-lines": {"POST": Rule("rules.edit_rules", LINE)},
    "set-up-templates": {"GET": Rule("rules.edit_rules")},
    "set-up": {"POST": Rule("rules.edit_rules", NEW_CLIENT, shared=True)},
    "owners": GET_RULES,
    "owner": GET_RULES,
    "flows": GET_RULES,
    "flow": GET_RULES,
    "gates": GET_RULES,
    "gate": GET_RULES,
    "rules": GET_RULES,
    "rule": GET_RULES,
    "rule-versions": {**GET_RULES, "POST": Rule("rules.freeze_rules", {"note": "Autumn"}, shared=True)},
    "rule-version": GET_RULES,
    "contracts": GET_RULES,
    "contract": GET_RULES,
    "runbooks": {
        "GET": Rule("rules.view_runbook", shared=True),
        "POST": Rule("rules.write_runbook", {"title": "Rain", "owner": "logistics", **RUNBOOK}, shared=True),
    },
    "runbook": {"GET": Rule("rules.view_runbook", shared=True)},
    "runbook-propose": {"POST": Rule("rules.write_runbook", {"base": 1, **RUNBOOK}, shared=True)},
    "runbook-read": {"POST": Rule("rules.view_runbook", {"number": 1}, shared=True)},
    "exception-document-fix": {"POST": Rule("rules.write_runbook", {"title": "Rain", "owner": "logistics", **RUNBOOK})},
    "postmortems": {"GET": Rule(VIEW_CASE), "POST": Rule("exceptions.write_postmortem", {"exception": "EX-…"})},
    "postmortem": {"GET": Rule(VIEW_CASE)},
    "postmortem-write": {"POST": Rule("exceptions.write_postmortem", {"summary": "It rained", "causes": ""})},
    "postmortem-actions": {
        "POST": Rule("exceptions.write_postmortem", {"text": "Watch it", "owner": "amal", "due_on": DAY})
    },
    "postmortem-publish": {"POST": Rule("exceptions.publish_postmortem")},
    "postmortem-dismiss": {"POST": Rule("exceptions.publish_postmortem", {"comment": "A false alarm"})},
    "decisions": {"GET": Rule(VIEW_RULES)},
    "decision": {"GET": Rule(VIEW_RULES)},
    "orders": {"GET": Rule(VIEW_ORDER)},
    "order": {"GET": Rule(VIEW_ORDER)},
    "order-trace": {"GET": Rule(VIEW_ORDER)},
    "order-export": {"GET": Rule("orders.export_order")},
    "exports": {"GET": Rule("orders.export_order")},
    "export": {"GET": Rule("orders.export_order")},
    "skus": {"GET": Rule(VIEW_ORDER)},
    "sku": {"GET": Rule(VIEW_ORDER)},
    "sku-stock": {"GET": Rule(VIEW_ORDER)},
    "sku-receive": {"POST": Rule(WORK_ORDER, {"quantity": 1, "lot": "L1", **REASON})},
    "sku-keep-back": {"POST": Rule(WORK_ORDER, {"location": "main", "units": 1, **REASON})},
    "sku-recall": {"POST": Rule(WORK_ORDER, {"lot": "L1", **REASON})},
    "sku-parts": {"POST": Rule(WORK_ORDER, {"parts": [], **REASON})},
    "sku-readmit": {"POST": Rule(WORK_ORDER, {"lot": "L1", **REASON})},
    "order-holds": {"GET": Rule(VIEW_ORDER), "POST": Rule(WORK_ORDER, {"words": "Wait for the customer"})},
    "order-hold-release": {"POST": Rule("exceptions.decide_waiver", REASON)},
    "order-cancel": {"POST": Rule(WORK_ORDER, REASON)},
    "order-return": {"POST": Rule(WORK_ORDER, REASON)},
    "order-reroute": {"POST": Rule(WORK_ORDER, {"fulfilment": "NW-1-1", "flow": "vendor-drop-ship", **REASON})},
    "order-override": {"POST": Rule(WORK_ORDER, {"field": "segment", "value": "vip", **REASON})},
    "customers": {"GET": Rule(VIEW_ORDER)},
    "customer": {"GET": Rule(VIEW_ORDER)},
    "customer-merge": {"POST": Rule(WORK_ORDER, {"into": "CU-1", **REASON})},
    "customer-split": {"POST": Rule(WORK_ORDER, REASON)},
    "duplicates": {"GET": Rule(VIEW_ORDER)},
    "duplicate": {"GET": Rule(VIEW_ORDER)},
    "duplicate-merge": {"POST": Rule(WORK_ORDER, {"keep": "CU-1", **REASON})},
    "duplicate-keep-apart": {"POST": Rule(WORK_ORDER, REASON)},
    "duplicate-ask-again": {"POST": Rule(WORK_ORDER, REASON)},
    "overrides": {
        "GET": Rule(VIEW_ORDER),
        "POST": Rule(WORK_ORDER, {"client": "northwind", "sku": "TENT-2", "value": "7", **REASON}),
    },
    "override": {"GET": Rule(VIEW_ORDER)},
    "override-accept": {"POST": Rule("orders.review_override", {"comment": "It is so"})},
    "override-reject": {"POST": Rule("orders.review_override", {"comment": "It is not so"})},
    "order-address": {
        "POST": Rule(
            WORK_ORDER,
            {"recipient": "Ida Berg", "street": "Torstraße 1", "city": "Berlin", "postcode": "10119", "country": "DE"},
        )
    },
    "order-resend-tasks": {"POST": Rule(WORK_ORDER)},
    "order-complete-address": {"POST": Rule(WORK_ORDER, REASON)},
    "order-complete-lines": {
        "POST": Rule(WORK_ORDER, {"lines": [{"sku": "TENT-2", "quantity": 1, "unit_minor": 100}], **REASON})
    },
    "checks": {"GET": Rule(VIEW_ORDER)},
    "check": {"GET": Rule(VIEW_ORDER)},
    "check-perform": {"POST": Rule("orders.check_parcel", {"code": "TENT-2"})},
    "check-photo": {"GET": Rule(VIEW_ORDER)},
    "quality-report": {"GET": Rule(VIEW_ORDER, shared=True)},
    "sku-facts": {"GET": Rule(VIEW_ORDER), "POST": Rule(WORK_ORDER, {"weight_grams": 900})},
    "fulfilment-hand-over": {"POST": Rule("orders.check_parcel", {"carrier": "DPD"})},
    "fulfilments": {"GET": Rule(VIEW_ORDER)},
    "fulfilment": {"GET": Rule(VIEW_ORDER)},
    "exceptions": {"GET": Rule(VIEW_CASE)},
    "exception": {"GET": Rule(VIEW_CASE)},
    "exception-payload": {"GET": Rule(VIEW_CASE)},
    "exception-available-actions": {"GET": Rule(VIEW_CASE)},
    "exception-acknowledge": {"POST": Rule(WORK_CASE)},
    "exception-start": {"POST": Rule(WORK_CASE)},
    "exception-reassign": {"POST": Rule("exceptions.reassign_case", {"to": "logistics", **REASON})},
    "exception-rebase": {"POST": Rule("exceptions.rebase_case", REASON)},
    "exception-severity": {"POST": Rule("exceptions.change_severity", {"severity": "P3", **REASON})},
    "exception-note": {"POST": Rule(WORK_CASE, {"text": "Seen"})},
    "exception-link": {"POST": Rule(WORK_CASE, {"exception": "EX-…"})},
    "exception-unlink": {"POST": Rule(WORK_CASE, {"exception": "EX-…"})},
    "exception-wait": {"POST": Rule(WORK_CASE, {"until": (clock.now() + timedelta(days=1)).isoformat(), **REASON})},
    "exception-resume": {"POST": Rule(WORK_CASE)},
    "exception-step": {"POST": Rule(WORK_CASE, {"outcome": "Looked at"})},
    "exception-resolve": {"POST": Rule(WORK_CASE, {"outcome": "resolved"})},
    "exception-reopen": {"POST": Rule(WORK_CASE, REASON)},
    "exception-close": {"POST": Rule(WORK_CASE)},
    "exception-gates": {"GET": Rule(VIEW_CASE)},
    "exception-files": {"POST": Rule(WORK_CASE, {"name": "note.txt", "content": "U2Vlbg=="})},
    "causes": {"GET": Rule(VIEW_CASE)},
    "next-exception": {"POST": Rule(WORK_CASE)},
    "escalate-overdue": {"POST": Rule("exceptions.fire_timers")},
    "ageing": {"GET": Rule(VIEW_CASE)},
    "ownership-gaps": GET_RULES,
    "rotation": {**GET_RULES, "POST": Rule("rules.edit_rules", {"kind": "flow", "slug": "manual-review"}, shared=True)},
    "temporary-ownerships": {
        **GET_RULES,
        "POST": Rule(
            "rules.manage_absence",
            {"what": "type:address", "holder": "logistics", "ends_at": TOMORROW, **REASON},
            shared=True,
        ),
    },
    "people": {"GET": Rule(VIEW_CASE)},
    "delegations": {
        "GET": Rule(VIEW_CASE),
        "POST": Rule("exceptions.decide_waiver", {"to": "mara", "starts_at": TODAY, "ends_at": TOMORROW, **REASON}),
    },
    "views": {
        "GET": Rule(VIEW_CASE),
        "POST": Rule(VIEW_CASE, {"page": "mine", "title": "Late", "query": "due=overdue"}),
    },
    "view-first": {"POST": Rule(VIEW_CASE, {"page": "mine"})},
    "exception-withdraw": {"POST": Rule(WORK_CASE, REASON)},
    "exception-accounting": {"GET": Rule(VIEW_CASE)},
    "time-limited-exceptions": {"GET": Rule(VIEW_CASE), "POST": Rule("exceptions.request_waiver", ASKED)},
    "time-limited-exception": {"GET": Rule(VIEW_CASE)},
    "waiver-approve": {"POST": Rule("exceptions.decide_waiver")},
    "waiver-extend": {
        "POST": Rule("exceptions.request_waiver", {"minutes": 30, "reason": "The carrier collects only tomorrow."})
    },
    "waiver-reject": {"POST": Rule("exceptions.decide_waiver", {"comment": "Not this time"})},
    "waiver-ask-for-more": {"POST": Rule("exceptions.decide_waiver", {"question": "Who said so?"})},
    "waiver-answer": {"POST": Rule("only who asked", {"answer": "The customer did"})},
    "waiver-withdraw": {"POST": Rule("only who asked", REASON)},
    "waiver-impact": {"GET": Rule(VIEW_CASE)},
    "waiver-edit": {
        "POST": Rule(
            "only who asked",
            {"minutes": 30, "reason": "The customer confirmed it by phone.", "plan": "Corrected today."},
        )
    },
    "waiver-roll-back": {"POST": Rule("exceptions.revoke_waiver", REASON)},
    "waiver-review": {"POST": Rule("exceptions.decide_waiver", {"verdict": "justified", "comment": "It was needed"})},
    "exception-break-glass": {
        "POST": Rule(
            "exceptions.break_glass",
            {
                "gate": "ship-despite-open-case",
                "minutes": 30,
                "reason": "The truck leaves in five minutes.",
                "plan": "The address is corrected today.",
                "confirm": "NW-1",
            },
        )
    },
    "waiver-revoke": {"POST": Rule("exceptions.revoke_waiver", REASON)},
    "waiver-ask-client": {"POST": Rule("exceptions.request_waiver", {"contact": "Iris Vogt"})},
    "plans": {"GET": Rule(VIEW_CASE), "POST": Rule(WORK_CASE, {"action": "acknowledge", "keys": ["EX-999999"]})},
    "jobs": {"GET": Rule(VIEW_CASE)},
    "notifications": {"GET": Rule(VIEW_CASE), "POST": Rule(VIEW_CASE, {"ids": []})},
    "notification-preferences": {"GET": Rule(VIEW_CASE), "POST": Rule(VIEW_CASE, {"digest_at": "08:00"})},
    "events": {"GET": Rule(VIEW_SYSTEM)},
    "event": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letters": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letter": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letter-replay": {"POST": Rule("sync.replay", REASON)},
    "dead-letter-discard": {"POST": Rule("sync.replay", REASON)},
    "dead-letter-plans": {"POST": Rule("sync.replay", {"action": "replay", "keys": ["DL-999999"]})},
    "outbox": {"GET": Rule(VIEW_SYSTEM)},
    "message": {"GET": Rule(VIEW_SYSTEM)},
    "runs": {"GET": Rule(VIEW_ORDER)},
    "run": {"GET": Rule(VIEW_ORDER)},
    "assets": {"GET": Rule(VIEW_ASSET), "POST": Rule(WORK_ASSET, {"client": "northwind", "slug": "tent", **ABOUT})},
    "asset": {"GET": Rule(VIEW_ASSET)},
    "asset-describe": {"POST": Rule(WORK_ASSET, {**DESCRIBED, **REASON})},
    "asset-submit": {"POST": Rule(WORK_ASSET)},
    "asset-sign": {"POST": Rule(WORK_ASSET, {"item": "Facts and prices are right", "revision": 1})},
    "asset-withdraw": {"POST": Rule(WORK_ASSET, REASON)},
    "asset-messaging": {"POST": Rule(WORK_ASSET, {"wanted": "Say that it keeps dry"})},
    "systems": {"GET": Rule(VIEW_SYSTEM)},
    "system": {"GET": Rule(VIEW_SYSTEM)},
    "system-lag": {"GET": Rule(VIEW_SYSTEM)},
}
OWN: Final = {"plan", "plan-run", "job", "job-items", "job-cancel", "job-undo"}  # who began it: tests/api/test_jobs.py
# One's own, of those one looks after, or what one answers for: test_people, test_jobs, test_views, test_contracts,
# test_content beside this.
PERSONAL: Final = {
    "asset-approve",
    "asset-messaging-decide",
    "asset-send-back",
    "contract-accept-risk",
    "contract-describe",
    "contract-draft",
    "contract-publish",
    "contract-retire",
    "contract-runbook",
    "gate-describe",
    "absence",
    "absence-end",
    "absences",
    "delegation",
    "delegation-end",
    "exception-file",
    "notification-test",
    "postmortem-action-end",
    "runbook-accept",
    "runbook-reject",
    "runbook-withdraw",
    "person",
    "person-hand-over",
    "person-take-back",
    "team-people",
    "temporary-ownership",
    "temporary-ownership-give-back",
    "view",
    "view-change",
    "view-delete",
    "view-query",
    "waiver-client-take-back",
}
ELSEWHERE: Final = OWN | PERSONAL | {"hooks", "page-answers", "schema", "docs", "unknown"}
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
    "sku",
    "system",
    "time-limited-exception",
}


REPORTS: Final = {"exception-accounting", "dead-letter-plans"}


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
