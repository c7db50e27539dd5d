"""The contracts a new installation speaks: JSON Schema 2020-12, personal data marked.

Inbound objects are open: a field we do not know is kept out of everything but does no harm. Money is in minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rules.contracts import DIALECT

TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 200}
KEY: Final = {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[!-~]([ -~]*[!-~])?$"}
MOMENT: Final = {"type": "string", "format": "date-time"}
MONEY: Final = {"type": "integer", "minimum": 0, "maximum": 10**12}
CURRENCY: Final = {"type": "string", "pattern": "^[A-Z]{3}$"}
COUNTRY: Final = {"type": "string", "pattern": "^[A-Z]{2}$"}
OPTIONAL_TEXT: Final = {"type": ["string", "null"], "maxLength": 500}
QUANTITY: Final = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
NEW_QUANTITY: Final = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
SKU_TYPES: Final = ["stock", "preorder", "drop_ship", "digital"]
WORK_KINDS: Final = ["pick_pack", "drop_ship", "ship", "review", "notify", "invoice"]
CHANGE_KINDS: Final = ["cancel", "hold", "resume", "recall", "refund"]


@dataclass(frozen=True)
class ShippedContract:
    """A contract as it is shipped: name, direction, meaning, schema and personal pointers."""

    name: str
    direction: str
    description: str
    schema: dict[str, Any]
    pii: tuple[str, ...] = ()
    business_owner: str = "client-success"


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _schema(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"$schema": DIALECT, **_object(required, **properties)}


LINE: Final = _object(
    ["sku", "quantity"],
    line=KEY,
    sku=KEY,
    title=OPTIONAL_TEXT,
    sku_type={"enum": [*SKU_TYPES, None]},
    quantity=QUANTITY,
    unit_minor=MONEY,
    vendor=OPTIONAL_TEXT,
)
ADDRESS: Final = _object(
    ["country"],
    recipient=OPTIONAL_TEXT,
    street=OPTIONAL_TEXT,
    street2=OPTIONAL_TEXT,
    postcode=OPTIONAL_TEXT,
    city=OPTIONAL_TEXT,
    region=OPTIONAL_TEXT,
    country=COUNTRY,
    kept_by_store={"type": "boolean"},
)
ADDRESS_PII: Final = tuple(f"/address/{field}" for field in ("recipient", "street", "street2", "postcode"))
CONTACT: Final = _object([], email=OPTIONAL_TEXT, phone=OPTIONAL_TEXT)

ORDER_PLACED: Final = _schema(
    ["client", "order", "channel", "placed_at", "currency", "total_minor", "lines", "address"],
    client=KEY,
    order=KEY,
    channel=KEY,
    segment=OPTIONAL_TEXT,
    delivery_sla=OPTIONAL_TEXT,
    fraud_score={"type": ["integer", "null"], "minimum": 0, "maximum": 100},
    placed_at=MOMENT,
    paid_at={"type": ["string", "null"], "format": "date-time"},
    promised_at={"type": ["string", "null"], "format": "date-time"},
    currency=CURRENCY,
    total_minor=MONEY,
    lines={"type": "array", "maxItems": 1000, "items": LINE},  # an order without lines is kept, in quarantine
    address=ADDRESS,
    contact=CONTACT,
    identifiers={
        "type": "array",
        "maxItems": 20,
        "items": _object(["system", "external_id"], system=KEY, external_id=KEY),
    },
)


def _shipment(**more: Any) -> dict[str, Any]:
    return _schema(
        ["task", "at"],
        task=KEY,
        order=KEY,
        at=MOMENT,
        carrier=OPTIONAL_TEXT,
        tracking=OPTIONAL_TEXT,
        location=OPTIONAL_TEXT,
        **more,
    )


def _task(required: list[str], **more: Any) -> dict[str, Any]:
    return _schema(["task", "at", *required], task=KEY, order=KEY, at=MOMENT, reference=OPTIONAL_TEXT, **more)


def _some_lines(**properties: Any) -> dict[str, Any]:
    """Some lines of an order, each by its number in the order or by its product."""
    line = _object(["quantity"], line=KEY, sku=KEY, **properties)
    return {
        "type": "array",
        "maxItems": 1000,
        "items": {**line, "anyOf": [{"required": ["line"]}, {"required": ["sku"]}]},
    }


CONTRACTS: Final[tuple[ShippedContract, ...]] = (
    ShippedContract(
        "order.placed",
        "inbound",
        "A customer has ordered. Once per order and store; a later version carries a newer change token.",
        ORDER_PLACED,
        (*ADDRESS_PII, "/contact/email", "/contact/phone"),
    ),
    ShippedContract(
        "payment.captured",
        "inbound",
        "The order's money has arrived; fulfilment starts. Once per payment, usually one per order.",
        _schema(
            ["client", "order", "amount_minor", "currency", "captured_at"],
            client=KEY,
            order=KEY,
            amount_minor=MONEY,
            currency=CURRENCY,
            captured_at=MOMENT,
            reference=OPTIONAL_TEXT,
        ),
        business_owner="finance-ops",
    ),
    ShippedContract(
        "payment.authorised",
        "inbound",
        "A payment is promised and not captured yet: nothing starts. Once per payment.",
        _schema(
            ["client", "order", "reference", "amount_minor", "currency", "authorised_at"],
            **dict.fromkeys(("client", "order", "reference"), KEY),
            amount_minor=MONEY,
            currency=CURRENCY,
            authorised_at=MOMENT,
        ),
        business_owner="finance-ops",
    ),
    ShippedContract(
        "order.changed",
        "inbound",
        "What is different about an order since it was placed: new quantities of lines, new lines, another address or promise. "
        "A later change carries a newer change token.",
        _schema(
            ["client", "order", "changed_at"],
            client=KEY,
            order=KEY,
            changed_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=_some_lines(
                sku_type={"enum": [*SKU_TYPES, None]}, unit_minor=MONEY, vendor=OPTIONAL_TEXT, quantity=NEW_QUANTITY
            ),
            address=ADDRESS,
            contact=CONTACT,
            promised_at={"type": ["string", "null"], "format": "date-time"},
            delivery_sla=OPTIONAL_TEXT,
        ),
        (*ADDRESS_PII, "/contact/email", "/contact/phone"),
    ),
    ShippedContract(
        "order.cancelled",
        "inbound",
        "The customer or the store has cancelled the order, or so many units of some lines. Once per cancellation.",
        _schema(
            ["client", "order", "cancelled_at"],
            client=KEY,
            order=KEY,
            cancelled_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=_some_lines(quantity=QUANTITY),
        ),
    ),
    ShippedContract(
        "return.requested",
        "inbound",
        "The customer sends the order, or so many units of some lines, back. Once per return.",
        _schema(
            ["client", "order", "requested_at"],
            client=KEY,
            order=KEY,
            requested_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=_some_lines(quantity=QUANTITY),
            **{"return": KEY},
        ),
        business_owner="support",
    ),
    ShippedContract(
        "return.received",
        "inbound",
        "What was sent back has arrived and was looked at. Once per parcel that came back.",
        _schema(
            ["client", "order", "received_at"],
            client=KEY,
            order=KEY,
            received_at=MOMENT,
            condition={"enum": ["sellable", "damaged", None]},
            lines=_some_lines(quantity=QUANTITY),
            **{"return": KEY},
        ),
        business_owner="logistics",
    ),
    ShippedContract(
        "refund.issued",
        "inbound",
        "Money of the order has gone back to the customer. Once per refund.",
        _schema(
            ["client", "order", "amount_minor", "currency", "issued_at"],
            **dict.fromkeys(("client", "order", "reference"), KEY),
            amount_minor=MONEY,
            currency=CURRENCY,
            issued_at=MOMENT,
        ),
        business_owner="finance-ops",
    ),
    ShippedContract(
        "stock.changed",
        "inbound",
        "The number of units of a SKU that can be promised at a location, as an absolute number. As often as it changes.",
        _schema(
            ["client", "sku", "available", "changed_at"],
            **dict.fromkeys(("client", "sku", "location"), KEY),
            available={"type": "integer", "minimum": 0, "maximum": 10**9},
            changed_at=MOMENT,
        ),
        business_owner="ops-team",
    ),
    ShippedContract(
        "stock.received",
        "inbound",
        "So many units of a SKU have come to a location, with lot and last day to be sent where known. Once per delivery and lot.",
        _schema(
            ["client", "sku", "quantity", "received_at"],
            **dict.fromkeys(("client", "sku", "location", "lot", "reference"), KEY),
            quantity=QUANTITY,
            expires_on={"type": ["string", "null"], "format": "date"},
            received_at=MOMENT,
        ),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.acknowledged",
        "inbound",
        "A system has taken note of a task; nothing is promised yet. At most once per task.",
        _task([]),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.confirmed",
        "inbound",
        "A system has accepted a task and will do it. Once per task.",
        _task([], expected_at=MOMENT),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.refused",
        "inbound",
        "A system will not do a task, and says why. Once per task.",
        _task(["reason"], reason=TEXT),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.cancelled",
        "inbound",
        "A system has undone a task or a booking that it was asked to undo. Once per task.",
        _task([]),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.picked",
        "inbound",
        "The goods of a task are off the shelf. Once per task.",
        _shipment(picker=OPTIONAL_TEXT, manifest=OPTIONAL_TEXT),
        ("/picker",),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.packed",
        "inbound",
        "The parcel of a task is closed. Once per task.",
        _shipment(manifest=OPTIONAL_TEXT, parcels={"type": "integer", "minimum": 1, "maximum": 1000}),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.handed_over",
        "inbound",
        "The carrier has taken the parcel. Once per task.",
        _shipment(),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.delivered",
        "inbound",
        "The customer has the parcel. Once per task.",
        _shipment(signed_by=OPTIONAL_TEXT),
        ("/signed_by",),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.rejected",
        "inbound",
        "The carrier refuses the parcel or brings it back, and says why.",
        _shipment(reason=TEXT),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.delayed",
        "inbound",
        "The carrier has the parcel and brings it later than planned. As often as the new day changes.",
        _shipment(expected_at=MOMENT, reason=OPTIONAL_TEXT),
        business_owner="logistics",
    ),
    ShippedContract(
        "task.requested",
        "outbound",
        "We ask a system to do something for an order. Once per task; the task is the idempotency key.",
        _schema(
            ["task", "kind", "order", "client", "lines"],
            task=KEY,
            kind={"enum": [*WORK_KINDS, *CHANGE_KINDS]},
            order=KEY,
            client=KEY,
            due_at=MOMENT,
            reply_to=OPTIONAL_TEXT,
            lines={"type": "array", "maxItems": 1000, "items": LINE},
            address=ADDRESS,
        ),
        ADDRESS_PII,
        business_owner="ops-team",
    ),
    ShippedContract(
        "order.export",
        "outbound",
        "An order with everything that is known about who owns it, why and until when, and a token that proves it.",
        _schema(
            [
                "order",
                "client",
                "status",
                "owner_id",
                "owner",
                "rule",
                "rule_version",
                "flow_id",
                "sla_due_at",
                "event_ids",
                "decision_context",
                "routing_hints",
                "generated_at",
                "audit_token",
            ],
            order=KEY,
            number=KEY,
            client=KEY,
            status=KEY,
            owner_id=KEY,
            owner=KEY,
            backup=KEY,
            rule=KEY,
            rule_version={"type": "integer", "minimum": 1},
            flow_id=KEY,
            sla_due_at={"type": ["string", "null"], "format": "date-time"},
            event_ids={"type": "array", "minItems": 1, "items": KEY},
            decision_context=_object(
                ["channel", "sku_flags", "fraud_score"],
                channel=KEY,
                sku_flags={"type": "array", "items": KEY},
                fraud_score={"type": ["number", "null"]},
            ),
            routing_hints=_object(
                ["preferred_carrier", "fallback_route", "fallback_after_minutes", "sla"],
                preferred_carrier={"type": ["string", "null"]},
                fallback_route=KEY,
                fallback_after_minutes={"type": "integer", "minimum": 1},
                sla=KEY,
            ),
            holds={"type": "array", "items": {"type": "object"}},
            placed_at=MOMENT,
            currency=CURRENCY,
            total_minor=MONEY,
            lines={"type": "array", "items": LINE},
            fulfilments={"type": "array", "items": {"type": "object"}},
            identifiers={"type": "array", "items": _object(["system", "external_id"], system=KEY, external_id=KEY)},
            generated_at=MOMENT,
            audit_token=TEXT | {"maxLength": 8000},
        ),
    ),
)
