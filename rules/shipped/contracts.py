"""The contracts a new installation speaks: JSON Schema 2020-12, personal data marked.

Inbound objects are open: a field we do not know is kept out of everything but does no harm. Money is in minor units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rules.shipped.vocabulary import (
    ADDRESS,
    ADDRESS_PII,
    CHANGE_KINDS,
    CONTACT,
    CURRENCY,
    KEY,
    LINE,
    MOMENT,
    MONEY,
    NEW_QUANTITY,
    OPTIONAL_TEXT,
    ORDER_PLACED,
    QUANTITY,
    SKU_TYPES,
    TASK_LINE,
    TEXT,
    WORK_KINDS,
    a_schema,
    a_shipment,
    a_task,
    an_object,
    some_lines,
)


@dataclass(frozen=True)
class ShippedContract:
    """A contract as it is shipped: name, direction, meaning, schema and personal pointers."""

    name: str
    direction: str
    description: str
    schema: dict[str, Any]
    pii: tuple[str, ...] = ()
    business_owner: str = "client-success"


CONTRACTS: Final[tuple[ShippedContract, ...]] = (
    ShippedContract(
        "order.placed",
        "inbound",
        "A customer has ordered. Once per order and store; a later version carries a newer change token.",
        ORDER_PLACED,
        (*ADDRESS_PII, "/contact/email", "/contact/phone", "/contact/customer_id"),
    ),
    ShippedContract(
        "payment.captured",
        "inbound",
        "The order's money has arrived; fulfilment starts. Once per payment, usually one per order.",
        a_schema(
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
        a_schema(
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
        a_schema(
            ["client", "order", "changed_at"],
            client=KEY,
            order=KEY,
            changed_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=some_lines(
                sku_type={"enum": [*SKU_TYPES, None]}, unit_minor=MONEY, vendor=OPTIONAL_TEXT, quantity=NEW_QUANTITY
            ),
            address=ADDRESS,
            contact=CONTACT,
            promised_at={"type": ["string", "null"], "format": "date-time"},
            delivery_sla=OPTIONAL_TEXT,
        ),
        (*ADDRESS_PII, "/contact/email", "/contact/phone", "/contact/customer_id"),
    ),
    ShippedContract(
        "order.cancelled",
        "inbound",
        "The customer or the store has cancelled the order, or so many units of some lines. Once per cancellation.",
        a_schema(
            ["client", "order", "cancelled_at"],
            client=KEY,
            order=KEY,
            cancelled_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=some_lines(quantity=QUANTITY),
        ),
    ),
    ShippedContract(
        "return.requested",
        "inbound",
        "The customer sends the order, or so many units of some lines, back. Once per return.",
        a_schema(
            ["client", "order", "requested_at"],
            client=KEY,
            order=KEY,
            requested_at=MOMENT,
            reason=OPTIONAL_TEXT,
            lines=some_lines(quantity=QUANTITY),
            **{"return": KEY},
        ),
        business_owner="support",
    ),
    ShippedContract(
        "return.received",
        "inbound",
        "What was sent back has arrived and was looked at. Once per parcel that came back.",
        a_schema(
            ["client", "order", "received_at"],
            client=KEY,
            order=KEY,
            received_at=MOMENT,
            condition={"enum": ["sellable", "damaged", None]},
            lines=some_lines(quantity=QUANTITY),
            **{"return": KEY},
        ),
        business_owner="logistics",
    ),
    ShippedContract(
        "refund.issued",
        "inbound",
        "Money of the order has gone back to the customer. Once per refund.",
        a_schema(
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
        a_schema(
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
        a_schema(
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
        a_task([]),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.confirmed",
        "inbound",
        "A system has accepted a task and will do it. Once per task.",
        a_task([], expected_at=MOMENT),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.refused",
        "inbound",
        "A system will not do a task, and says why. Once per task.",
        a_task(["reason"], reason=TEXT),
        business_owner="ops-team",
    ),
    ShippedContract(
        "task.cancelled",
        "inbound",
        "A system has undone a task or a booking that it was asked to undo. Once per task.",
        a_task([]),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.picked",
        "inbound",
        "The goods of a task are off the shelf. Once per task.",
        a_shipment(picker=OPTIONAL_TEXT, manifest=OPTIONAL_TEXT),
        ("/picker",),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.packed",
        "inbound",
        "The parcel of a task is closed. Once per task.",
        a_shipment(manifest=OPTIONAL_TEXT, parcels={"type": "integer", "minimum": 1, "maximum": 1000}),
        business_owner="ops-team",
    ),
    ShippedContract(
        "shipment.handed_over",
        "inbound",
        "The carrier has taken the parcel. Once per task.",
        a_shipment(),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.delivered",
        "inbound",
        "The customer has the parcel. Once per task.",
        a_shipment(signed_by=OPTIONAL_TEXT),
        ("/signed_by",),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.rejected",
        "inbound",
        "The carrier refuses the parcel or brings it back, and says why.",
        a_shipment(reason=TEXT),
        business_owner="logistics",
    ),
    ShippedContract(
        "shipment.delayed",
        "inbound",
        "The carrier has the parcel and brings it later than planned. As often as the new day changes.",
        a_shipment(expected_at=MOMENT, reason=OPTIONAL_TEXT),
        business_owner="logistics",
    ),
    ShippedContract(
        "task.requested",
        "outbound",
        "We ask a system to do something for an order. Once per task; the task is the idempotency key.",
        a_schema(
            ["task", "kind", "order", "client", "lines"],
            task=KEY,
            kind={"enum": [*WORK_KINDS, *CHANGE_KINDS]},
            order=KEY,
            client=KEY,
            due_at=MOMENT,
            reply_to=OPTIONAL_TEXT,
            location=KEY,
            preferred_carrier=KEY,
            lines={"type": "array", "maxItems": 1000, "items": TASK_LINE},
            address=ADDRESS,
        ),
        ADDRESS_PII,
        business_owner="ops-team",
    ),
    ShippedContract(
        "order.export",
        "outbound",
        "An order with everything that is known about who owns it, why and until when, and a token that proves it.",
        a_schema(
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
            decision_context=an_object(
                ["channel", "sku_flags", "fraud_score"],
                channel=KEY,
                sku_flags={"type": "array", "items": KEY},
                fraud_score={"type": ["number", "null"]},
            ),
            routing_hints=an_object(
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
            bundles={"type": "array", "items": LINE},
            fulfilments={"type": "array", "items": {"type": "object"}},
            identifiers={"type": "array", "items": an_object(["system", "external_id"], system=KEY, external_id=KEY)},
            generated_at=MOMENT,
            audit_token=TEXT | {"maxLength": 8000},
        ),
    ),
)
