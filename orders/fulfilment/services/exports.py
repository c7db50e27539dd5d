"""The ownership-friendly export: everything another system needs to act on an order without asking back, and a token that proves it.

The same facts give the same document, byte for byte; a document is made anew only when something it says has changed. Nothing personal
is in it. What would be incomplete is refused here, before anybody can receive it: somebody has a case about it instead.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.access import require
from audit.canonical import canonical_json, plain, sha256_hex
from audit.context import Actor, acting, current_actor
from audit.models import Event
from audit.services.events import Entry, record, record_many
from audit.services.tokens import issue_token
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.services import withdraw_cases
from orders.fulfilment.errors import NotExportable
from orders.fulfilment.models import Export, ExportReading, Order, OrderIdentifier
from orders.fulfilment.selectors.contents import whole
from orders.fulfilment.services.cases import Opening, open_all
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.messages import Message, export_followers, send_all
from orders.sync.models import System
from rules import selectors as rules
from rules.contracts import CompiledContract, Violation
from rules.models import Decision, Owner, RuleBookVersion

CONTRACT = "order.export"
INCOMPLETE = "contract-violation"
EVENTS_NAMED = 20
STAMP_TO_COME = {"generated_at": "2026-01-01T00:00:00Z", "record_sha256": "0" * 64, "audit_token": "later"}


@dataclass(frozen=True)
class Incomplete:
    """An order whose export would break its contract: where (JSON pointer) and how. Nobody is told of such an order."""

    order: Order
    pointer: str
    detail: str

    @property
    def words(self) -> str:
        """One sentence for whoever mends it."""
        return said(
            "The export of %(key)s would be incomplete: %(pointer)s: %(detail)s",
            key=self.order.key,
            pointer=self.pointer,
            detail=self.detail,
        )

    def opening(self) -> Opening:
        """The case about it."""
        evidence = {"contract": CONTRACT, "pointer": self.pointer, "detail": self.detail}
        return Opening(INCOMPLETE, self.order, self.words, f"{CONTRACT}{self.pointer}", evidence)


def export_order(*, order_id: UUID, by: Actor, now: datetime) -> Export:
    """The export of one order; asking again without anything having changed gives the same one.

    Raises `NotExportable` for an order nobody has decided about, and for one whose export would break its contract, naming the field:
    somebody has a case about it then. Raises `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        dockets = load_dockets([order_id])
        require(by, "orders.export_order", dockets[0].order if dockets else None)
        if not dockets or dockets[0].order.decision is None:
            raise NotExportable(
                "No rule has decided about this order yet: it has no owner, flow and deadline to export."
            )
        made, incomplete = make_exports(dockets, now=now)
        open_all([one.opening() for one in incomplete], now=now)
        for export in made:
            record("order.export_read", subject=dockets[0].order, changes={}, hash=export.facts_hash)
        note_readings(made, by=by, now=now)
    if incomplete:
        raise NotExportable(incomplete[0].words)
    return made[0]


def note_readings(exports: Sequence[Export], *, by: Actor, now: datetime) -> None:
    """Keep that the actor has read these; of several readings the first counts."""
    readings = [ExportReading(export=export, reader=by.id, at=now) for export in exports]
    ExportReading.objects.bulk_create(readings, ignore_conflicts=True)


def send_exports(dockets: Sequence[Docket], changes: Changes) -> None:
    """Export each order that some system follows and that is to be routed otherwise than its last export says.

    It is promised to the systems that have an address; the others read the feed. What was collected until now is written before.
    """
    routed = [docket for docket in dockets if docket.order.decision is not None]
    followers = export_followers({docket.order.client_id for docket in routed})
    changed = _changed([docket for docket in routed if followers[docket.order.client_id]])
    if not changed:
        return
    changes.write()
    made, incomplete = make_exports(changed, now=changes.now)
    changes.openings += [one.opening() for one in incomplete]
    for export in made:
        changes.messages += [
            _message(export, system) for system in followers[export.order.client_id] if system.base_url
        ]


def send_newest(*, order_ids: Collection[UUID], system: System, now: datetime) -> dict[UUID, str]:
    """Tell one system of these orders as they are; for each order that is locked now, why it could not be told, or nothing.

    Runs inside `acting()`. What the system was told already it is not told again; one without an address finds it in the feed.
    """
    dockets = [docket for docket in load_dockets(order_ids) if docket.order.decision is not None]
    made, incomplete = make_exports(dockets, now=now)
    open_all([one.opening() for one in incomplete], now=now)
    send_all([_message(export, system) for export in made if system.base_url], now=now)
    return {**{export.order_id: "" for export in made}, **{one.order.pk: one.words for one in incomplete}}


def _message(export: Export, system: System) -> Message:
    order = export.order
    return Message(
        layer=system.layer,
        type=CONTRACT,
        subject=subject_ref(order),
        key=f"{order.key}/export/{export.mark}/{system.slug}",
        ordering_key=order.key,
        correlation_id=order.correlation_id,
        payload=export.document,
        system=system,
        change_token=export.number,
    )


def _changed(dockets: Sequence[Docket]) -> list[Docket]:
    """Those of which others know nothing, or something else than they route by now."""
    newest = Export.objects.filter(order__in=[docket.order.pk for docket in dockets]).order_by("order", "-number")
    known = {export.order_id: export.document for export in newest.distinct("order")} if dockets else {}
    told = [(docket, _routed_by(docket), known.get(docket.order.pk, {})) for docket in dockets]
    return [docket for docket, facts, before in told if {name: before.get(name) for name in facts} != facts]


def make_exports(dockets: Sequence[Docket], *, now: datetime) -> tuple[list[Export], list[Incomplete]]:
    """The exports of these orders, each kept or made and signed, and what cannot be exported; the same few queries for any number."""
    if not dockets:
        return [], []
    facts = _facts(dockets)
    hashes = {pk: sha256_hex(canonical_json(told)) for pk, told in facts.items()}
    found = Export.objects.filter(order__in=list(hashes), facts_hash__in=list(hashes.values()))
    kept = {(row.order_id, row.facts_hash): row for row in found}
    fresh = [docket.order for docket in dockets if (docket.order.pk, hashes[docket.order.pk]) not in kept]
    incomplete = _incomplete(fresh, facts)
    lacking = {one.order.pk for one in incomplete}
    fresh = [order for order in fresh if order.pk not in lacking]
    entries = [Entry("order.exported", order, data={"hash": hashes[order.pk]}) for order in fresh]
    for order, event_id in zip(fresh, record_many(entries) if entries else [], strict=True):
        token = issue_token(subject=order, record_hash=hashes[order.pk], event_id=UUID(event_id), now=now)
        stamp = {"generated_at": now, "record_sha256": hashes[order.pk], "audit_token": token}
        document = plain({**facts[order.pk], **stamp})
        kept[order.pk, hashes[order.pk]] = Export(order=order, facts_hash=hashes[order.pk], document=document)
    Export.objects.bulk_create([kept[order.pk, hashes[order.pk]] for order in fresh])
    whole = [docket.order for docket in dockets if docket.order.pk not in lacking]
    exports = [kept[order.pk, hashes[order.pk]] for order in whole]
    for export, order in zip(exports, whole, strict=True):
        export.order = order
    _withdraw_cured(whole, now)
    return exports, incomplete


def _withdraw_cured(orders: Sequence[Order], now: datetime) -> None:
    """What somebody has a case about because its export was incomplete needs nobody once it is whole."""
    ids = [str(order.pk) for order in orders]
    cases = ExceptionCase.objects.live().filter(
        type=INCOMPLETE, subject_type="fulfilment.order", subject_id__in=ids, cause__startswith=f"{CONTRACT}/"
    )
    over = list(cases.values_list("pk", flat=True))
    withdraw_cases(case_ids=over, reason=said("The export is complete now."), by=current_actor(), now=now)


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
            **_routed_by(docket),
            "fulfilments": _of_parcels(docket),
            "event_ids": events[str(docket.order.pk)][-EVENTS_NAMED:],
            "identifiers": names[docket.order.pk],
        }
        for docket in dockets
    }


def _routed_by(docket: Docket) -> dict[str, Any]:
    """What others route by; when any of it changes, they are told."""
    order = docket.order
    return {
        "status": str(order.state),
        "owner_id": str(order.owner_id),
        "flow_id": order.flow.slug if order.flow else "",
        "sla_due_at": plain(order.sla_due_at),
        "lines": [
            {
                "line": str(line.position),
                "sku": line.sku.code,
                "sku_type": line.sku_type,
                "quantity": line.quantity,
                "unit_minor": line.unit_minor,
                "status": str(line.state),
                "flow_id": line.flow.slug if line.flow else None,
                **({"bundle": str(line.bundle.position)} if line.bundle else {}),
            }
            for line in docket.lines
        ],
        **_bundles(docket),
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


def _bundles(docket: Docket) -> dict[str, Any]:
    """What was sold as one; nothing of an order without."""
    told = [
        {
            "line": str(bundle.position),
            "sku": bundle.code,
            "title": bundle.name,
            "quantity": whole(lines),
            "unit_minor": bundle.unit_minor,
        }
        for bundle, lines in docket.bundles.items()
    ]
    return {"bundles": told} if told else {}


def _of_order(order: Order, owner: Owner) -> dict[str, Any]:
    return {
        "order": order.key,
        "number": order.number,
        "client": order.client.slug,
        "owner": owner.slug,
        "backup": owner.backup.slug,
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
            "preferred_carrier": docket.order.preferred_carrier
            or next((parcel.carrier for parcel in docket.parcels if parcel.carrier), None),
            "fallback_route": outcome["fallback"],
            "fallback_after_minutes": outcome["fallback_after_minutes"],
            "sla": outcome["sla"],
            "delivery_sla": docket.order.delivery_sla,
        },
    }


def _of_parcels(docket: Docket) -> list[dict[str, Any]]:
    return [
        {
            "fulfilment": parcel.key,
            "flow_id": parcel.flow.slug,
            "vendor": parcel.vendor,
            "status": parcel.state,
            "carrier": parcel.carrier,
            "tracking": parcel.tracking_number,
        }
        for parcel in docket.parcels
    ]


def _incomplete(orders: Sequence[Order], facts: Mapping[UUID, Mapping[str, Any]]) -> list[Incomplete]:
    """Those of which the contract in force wants more: an export without its ownership is no export."""
    if not orders:
        return []
    contract = rules.contract(CONTRACT)
    lacks = [(order, lack_of({**facts[order.pk], **STAMP_TO_COME}, contract)) for order in orders]
    return [Incomplete(order, lack.pointer, lack.detail) for order, lack in lacks if lack]


def lack_of(document: Mapping[str, Any], contract: CompiledContract) -> Violation | None:
    """The first thing that keeps a document from being an export somebody can act on without asking back."""
    return next(iter(contract.violations(document)), None)
