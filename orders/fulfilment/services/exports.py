"""The ownership-friendly export: everything another system needs to act on an order without asking back, and a token that proves it.

The same facts give the same document, byte for byte; a document is made anew only when something it says has changed. Nothing personal
is in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.access import require
from audit.canonical import canonical_json, plain, sha256_hex
from audit.context import Actor, acting
from audit.models import Event
from audit.services.events import Entry, record, record_many
from audit.services.tokens import issue_token
from audit.subject_refs import subject_ref
from orders.fulfilment.errors import NotExportable
from orders.fulfilment.models import Export, Order, OrderIdentifier
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket, load_dockets
from orders.fulfilment.services.messages import Message, export_receivers
from rules import selectors as rules
from rules.models import Decision, Owner, RuleBookVersion

CONTRACT = "order.export"
EVENTS_NAMED = 20


def export_order(*, order_id: UUID, by: Actor, now: datetime) -> dict[str, Any]:
    """The export of one order; asking again without anything having changed gives the same document.

    Raises `NotExportable` for an order nobody has decided about or whose export would break its contract, `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        dockets = load_dockets([order_id])
        require(by, "orders.export_order", dockets[0].order if dockets else None)
        if not dockets or dockets[0].order.decision is None:
            raise NotExportable(
                "No rule has decided about this order yet: it has no owner, flow and deadline to export."
            )
        ((_, document),) = export_documents(dockets, now=now)
        record("order.export_read", subject=dockets[0].order, changes={}, hash=document["record_sha256"])
    return document


def send_exports(dockets: Sequence[Docket], changes: Changes) -> None:
    """Promise the export of each routed order to every system that wants it; the state of the record as others follow it."""
    routed = [docket for docket in dockets if docket.order.decision is not None]
    receivers = export_receivers({docket.order.client_id for docket in routed})
    wanted = [docket for docket in routed if receivers[docket.order.client_id]]
    for docket, document in export_documents(wanted, now=changes.now):
        order = docket.order
        changes.messages += [
            Message(
                layer=system.layer,
                type=CONTRACT,
                subject=subject_ref(order),
                key=f"{order.key}/export/{document['record_sha256'][:16]}/{system.slug}",
                ordering_key=order.key,
                correlation_id=order.correlation_id,
                payload=document,
                system=system,
            )
            for system in receivers[order.client_id]
        ]


def export_documents(dockets: Sequence[Docket], *, now: datetime) -> list[tuple[Docket, dict[str, Any]]]:
    """The documents of these orders, each kept or made and signed; the same few queries for any number."""
    if not dockets:
        return []
    facts = _facts(dockets)
    hashes = {pk: sha256_hex(canonical_json(told)) for pk, told in facts.items()}
    kept = {
        (row.order_id, row.facts_hash): row.document
        for row in Export.objects.filter(order__in=list(hashes), facts_hash__in=list(hashes.values()))
    }
    fresh = [docket for docket in dockets if (docket.order.pk, hashes[docket.order.pk]) not in kept]
    _refuse_incomplete([facts[docket.order.pk] for docket in fresh])
    entries = [Entry("order.exported", docket.order, data={"hash": hashes[docket.order.pk]}) for docket in fresh]
    rows = []
    for docket, event_id in zip(fresh, record_many(entries) if entries else [], strict=True):
        order, record_hash = docket.order, hashes[docket.order.pk]
        token = issue_token(subject=order, record_hash=record_hash, event_id=event_id, now=now)
        stamp = {"generated_at": now, "record_sha256": record_hash, "audit_token": token}
        document = plain({**facts[order.pk], **stamp})
        rows.append(Export(order=order, facts_hash=record_hash, document=document))
        kept[order.pk, record_hash] = document
    Export.objects.bulk_create(rows)
    return [(docket, kept[docket.order.pk, hashes[docket.order.pk]]) for docket in dockets]


def _facts(dockets: Sequence[Docket]) -> dict[UUID, dict[str, Any]]:
    ids = [docket.order.pk for docket in dockets]
    events: dict[str, list[str]] = defaultdict(list)
    told = Event.objects.filter(subject_type="fulfilment.order", subject_id__in=[str(pk) for pk in ids])
    for subject_id, event_id in (
        told.exclude(type__in=["order.exported", "order.export_read"]).order_by("seq").values_list("subject_id", "id")
    ):
        events[subject_id].append(str(event_id))
    names: dict[UUID, list[dict[str, str]]] = defaultdict(list)
    for order_id, system, external_id in (
        OrderIdentifier.objects.filter(order__in=ids)
        .order_by("system", "pk")
        .values_list("order_id", "system", "external_id")
    ):
        names[order_id].append({"system": system, "external_id": external_id})
    books = dict(RuleBookVersion.objects.values_list("pk", "number"))
    owners = {owner.pk: owner for owner in Owner.objects.select_related("backup")}
    return {
        docket.order.pk: {
            **_of_order(docket.order, owners[docket.order.owner_id]),
            **_of_decision(docket, books),
            **_of_contents(docket),
            "event_ids": events[str(docket.order.pk)][-EVENTS_NAMED:],
            "identifiers": names[docket.order.pk],
        }
        for docket in dockets
    }


def _of_order(order: Order, owner: Owner) -> dict[str, Any]:
    return {
        "order": order.key,
        "number": order.number,
        "client": order.client.slug,
        "status": order.state,
        "owner_id": str(owner.pk),
        "owner": owner.slug,
        "backup": owner.backup.slug,
        "flow_id": order.flow.slug if order.flow else "",
        "sla_due_at": plain(order.sla_due_at),
        "channel": order.channel,
        "placed_at": plain(order.placed_at),
        "currency": order.currency,
        "total_minor": order.total_minor,
        "correlation_id": order.correlation_id,
    }


def _of_decision(docket: Docket, books: Mapping[UUID, int]) -> dict[str, Any]:
    decision = docket.order.decision or Decision()
    outcome = decision.outcome
    return {
        "rule": decision.rule_slug,
        "rule_version": books[decision.book_id],
        "decision_context": {
            "channel": docket.order.channel,
            "sku_flags": sorted({line.sku_type for line in docket.lines}),
            "fraud_score": docket.order.fraud_score,
        },
        "routing_hints": {
            "preferred_carrier": next((parcel.carrier for parcel in docket.parcels if parcel.carrier), None),
            "fallback_route": outcome["fallback"],
            "fallback_after_minutes": outcome["fallback_after_minutes"],
            "sla": outcome["sla"],
            "delivery_sla": docket.order.delivery_sla,
        },
    }


def _of_contents(docket: Docket) -> dict[str, Any]:
    return {
        "lines": [
            {
                "line": str(line.position),
                "sku": line.sku.code,
                "sku_type": line.sku_type,
                "quantity": line.quantity,
                "unit_minor": line.unit_minor,
                "status": line.state,
                "flow_id": line.flow.slug if line.flow else None,
            }
            for line in docket.lines
        ],
        "fulfilments": [
            {
                "fulfilment": parcel.key,
                "flow_id": parcel.flow.slug,
                "vendor": parcel.vendor,
                "status": parcel.state,
                "carrier": parcel.carrier,
                "tracking": parcel.tracking_number,
            }
            for parcel in docket.parcels
        ],
        "holds": [
            {
                "reason": hold.reason,
                "since": plain(hold.placed_at),
                "source": hold.source,
                "about": hold.fulfilment.key if hold.fulfilment else (str(hold.line.position) if hold.line else None),
                "release_when": hold.release_when,
                "expires_at": plain(hold.expires_at),
                "customer": hold.customer_words,
            }
            for hold in docket.in_force
        ],
    }


def _refuse_incomplete(documents: Sequence[Mapping[str, Any]]) -> None:
    """An export without its ownership is no export: it is refused here, before anybody can receive it."""
    contract = rules.contract(CONTRACT)
    stamp = {"generated_at": "2026-01-01T00:00:00Z", "audit_token": "later"}
    for document in documents:
        if violations := contract.violations({**document, **stamp}):
            first = violations[0]
            raise NotExportable(
                f"The export of {document.get('order')} would be incomplete: {first.pointer}: {first.detail}"
            )
