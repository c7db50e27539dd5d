"""What contracts are made of: kinds of values, lines, addresses, tasks and parcels, in JSON Schema 2020-12."""

from __future__ import annotations

from typing import Any, Final

from rules.contracts import DIALECT

TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 200}
KEY: Final = {"type": "string", "minLength": 1, "maxLength": 80, "pattern": "^[!-~]([ -~]*[!-~])?$"}
MOMENT: Final = {"type": "string", "format": "date-time"}
MONEY: Final = {"type": "integer", "minimum": 0, "maximum": 10**12}
OPTIONAL_MONEY: Final = {**MONEY, "type": ["integer", "null"]}
CURRENCY: Final = {"type": "string", "pattern": "^[A-Z]{3}$"}
COUNTRY: Final = {"type": "string", "pattern": "^[A-Z]{2}$"}
OPTIONAL_TEXT: Final = {"type": ["string", "null"], "maxLength": 500}
QUANTITY: Final = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
NEW_QUANTITY: Final = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
SKU_TYPES: Final = ["stock", "preorder", "drop_ship", "digital"]
WORK_KINDS: Final = ["pick_pack", "drop_ship", "ship", "review", "notify", "invoice"]
CHANGE_KINDS: Final = ["cancel", "hold", "resume", "recall", "refund"]


def an_object(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object with these properties; what else it has does no harm."""
    return {"type": "object", "required": required, "properties": properties}


def a_schema(required: list[str], **properties: Any) -> dict[str, Any]:
    """The same as a whole document."""
    return {"$schema": DIALECT, **an_object(required, **properties)}


LINE: Final = an_object(
    ["sku", "quantity"],
    line=KEY,
    sku=KEY,
    title=OPTIONAL_TEXT,
    sku_type={"enum": [*SKU_TYPES, None]},
    quantity=QUANTITY,
    unit_minor=MONEY,
    vendor=OPTIONAL_TEXT,
    ship_by={"type": ["string", "null"], "format": "date-time"},
    bundle={"type": ["string", "null"], "maxLength": 80},  # lines of one bundle were sold as one
)
WRAP: Final = {"type": ["string", "null"], "maxLength": 60}
MESSAGE: Final = {"type": ["string", "null"], "maxLength": 1_000}
LOTS: Final = {"type": "array", "maxItems": 100, "items": an_object(["lot", "quantity"], lot=KEY, quantity=QUANTITY)}
# Personal: the message is for who opens the parcel, and for nobody else.
TASK_LINE: Final = an_object(
    ["sku", "quantity"], **LINE["properties"], lots=LOTS, gift=an_object([], wrap=WRAP, message=MESSAGE)
)
TASK_PII: Final = ("/lines/*/gift/message", "/address/instructions")
ADDRESS: Final = an_object(
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
# What whoever delivers has to know is personal too: a neighbour's name, the code of a door.
TASK_ADDRESS: Final = an_object(["country"], **ADDRESS["properties"], instructions={"type": "string", "maxLength": 200})
GIFT: Final = {
    **an_object([], message=MESSAGE, wrap=WRAP, address={**ADDRESS, "type": ["object", "null"]}),
    "type": ["object", "null"],  # a line that is no gift
}
GIFT_PII: Final = ("/lines/*/gift/message", *(f"/lines/*/gift{pointer}" for pointer in ADDRESS_PII))
PLACED_LINE: Final = an_object(["sku", "quantity"], **LINE["properties"], gift=GIFT)
CONTACT: Final = an_object([], email=OPTIONAL_TEXT, phone=OPTIONAL_TEXT, customer_id=OPTIONAL_TEXT)

ORDER_PLACED: Final = a_schema(
    ["client", "order", "channel", "placed_at", "currency", "total_minor", "lines", "address"],
    client=KEY,
    order=KEY,
    channel=KEY,
    segment=OPTIONAL_TEXT,
    delivery_sla=OPTIONAL_TEXT,
    preferred_carrier={"type": ["string", "null"], "maxLength": 60},
    fraud_score={"type": ["integer", "null"], "minimum": 0, "maximum": 100},
    placed_at=MOMENT,
    paid_at={"type": ["string", "null"], "format": "date-time"},
    promised_at={"type": ["string", "null"], "format": "date-time"},
    currency=CURRENCY,
    total_minor=MONEY,
    **dict.fromkeys(("tax_minor", "shipping_minor", "discount_minor"), OPTIONAL_MONEY),
    tax_included={"type": ["boolean", "null"]},  # the prices of the lines have the tax in them already
    lines={"type": "array", "maxItems": 1000, "items": PLACED_LINE},  # an order without lines is kept, in quarantine
    address=ADDRESS,
    contact=CONTACT,
    identifiers={
        "type": "array",
        "maxItems": 20,
        "items": an_object(["system", "external_id"], system=KEY, external_id=KEY),
    },
)


def a_shipment(**more: Any) -> dict[str, Any]:
    """What is told of a parcel on its way."""
    return a_schema(
        ["task", "at"],
        task=KEY,
        order=KEY,
        at=MOMENT,
        carrier=OPTIONAL_TEXT,
        tracking=OPTIONAL_TEXT,
        location=OPTIONAL_TEXT,
        **more,
    )


def a_task(required: list[str], **more: Any) -> dict[str, Any]:
    """What is answered to a task."""
    return a_schema(["task", "at", *required], task=KEY, order=KEY, at=MOMENT, reference=OPTIONAL_TEXT, **more)


def some_lines(**properties: Any) -> dict[str, Any]:
    """Some lines of an order, each by its number in the order or by its product."""
    line = an_object(["quantity"], line=KEY, sku=KEY, **properties)
    return {
        "type": "array",
        "maxItems": 1000,
        "items": {**line, "anyOf": [{"required": ["line"]}, {"required": ["sku"]}]},
    }
