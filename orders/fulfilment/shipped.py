"""Connectors a new installation can use, as data: how a vendor's payload becomes our events.

Every string is a CEL expression over `payload`. Shopify sends the order itself, or wraps it in {"order": …}. A record of the public
"Olist" order files is one order with its rows: {"order", "items", "customer"}, moments in São Paulo's local time, money in decimals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class ShippedConnector:
    """A mapping for one topic of a vendor; `when` names the field that must be there for the event to have happened."""

    slug: str
    name: str
    topic: str
    event_type: str
    mapping: Mapping[str, Any]
    when: str = ""


_SHOPIFY_LINES: Final = (
    "payload.line_items.map(l, {"
    '"sku": (has(l.sku) && l.sku != null && l.sku != "") ? l.sku : text(l.id), "title": has(l.title) ? l.title : "", '
    '"quantity": l.quantity, "unit_minor": minor_units(l.price), "sku_type": "stock", '
    '"bundle": (has(l.sales_line_item_group_id) && l.sales_line_item_group_id != null) '
    '? text(l.sales_line_item_group_id) : ""})'
)
_SHOPIFY_ADDRESS: Final = (
    "has(payload.shipping_address) && payload.shipping_address != null ? {"
    '"recipient": payload.shipping_address.name, "street": payload.shipping_address.address1, '
    '"street2": payload.shipping_address.address2, "postcode": payload.shipping_address.zip, '
    '"city": payload.shipping_address.city, "region": payload.shipping_address.province_code, '
    '"country": payload.shipping_address.country_code} : {"country": "US", "kept_by_store": true}'
)
SHOPIFY: Final = (
    ShippedConnector(
        "shopify-orders-create",
        "Shopify: orders/create",
        "orders/create",
        "order.placed",
        {
            "id": "text(payload.id)",
            "subject": "payload.name",
            "time": 'utc(payload.created_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "payload.name",
                "channel": '"web"',
                "currency": "payload.currency",
                "total_minor": "minor_units(payload.total_price)",
                "placed_at": 'utc(payload.created_at, "UTC")',
                "lines": _SHOPIFY_LINES,
                "address": _SHOPIFY_ADDRESS,
                "preferred_carrier": (
                    "has(payload.shipping_lines) && size(payload.shipping_lines) > 0 "
                    "&& has(payload.shipping_lines[0].carrier_identifier) "
                    "&& payload.shipping_lines[0].carrier_identifier != null "
                    '? text(payload.shipping_lines[0].carrier_identifier) : ""'
                ),
                "contact": {
                    "email": "payload.email",
                    "customer_id": (
                        "has(payload.customer) && payload.customer != null && has(payload.customer.id) "
                        '? text(payload.customer.id) : ""'
                    ),
                },
                "identifiers": [{"system": '"shopify"', "external_id": "text(payload.id)"}],
            },
        },
    ),
)

_ZONE: Final = '"America/Sao_Paulo"'


def _olist(topic: str, event_type: str, field: str, data: Mapping[str, str]) -> ShippedConnector:
    moment = f"utc(payload.order.{field}, {_ZONE})"
    return ShippedConnector(
        f"olist-{topic}",
        f"Order files: {topic}",
        topic,
        event_type,
        {
            "id": f'"{event_type}/" + payload.order.order_id',
            "subject": "payload.order.order_id",
            "time": moment,
            "data": {"client": "payload.client", "order": "payload.order.order_id", **data},
        },
        when=field,
    )


OLIST: Final = (
    _olist(
        "placed",
        "order.placed",
        "order_purchase_timestamp",
        {
            "channel": '"marketplace"',
            "currency": '"BRL"',
            "total_minor": "payload.total_minor",
            "placed_at": f"utc(payload.order.order_purchase_timestamp, {_ZONE})",
            "promised_at": f"utc(payload.order.order_estimated_delivery_date, {_ZONE})",
            "lines": (
                'payload.items.map(i, {"sku": i.product_id, "quantity": 1, "unit_minor": minor_units(i.price), '
                f'"sku_type": "drop_ship", "vendor": i.seller_id, "ship_by": utc(i.shipping_limit_date, {_ZONE})}})'
            ),
            "address": (
                '{"country": "BR", "city": payload.customer.customer_city, "region": payload.customer.customer_state, '
                '"kept_by_store": true}'
            ),
        },
    ),
    _olist(
        "approved",
        "payment.captured",
        "order_approved_at",
        {
            "amount_minor": "payload.total_minor",
            "currency": '"BRL"',
            "captured_at": f"utc(payload.order.order_approved_at, {_ZONE})",
        },
    ),
    _olist(
        "handed-over",
        "shipment.handed_over",
        "order_delivered_carrier_date",
        {"task": "payload.order.order_id", "at": f"utc(payload.order.order_delivered_carrier_date, {_ZONE})"},
    ),
    _olist(
        "delivered",
        "shipment.delivered",
        "order_delivered_customer_date",
        {"task": "payload.order.order_id", "at": f"utc(payload.order.order_delivered_customer_date, {_ZONE})"},
    ),
    _olist(
        "canceled",
        "order.cancelled",
        "canceled_at",
        {"cancelled_at": f"utc(payload.order.canceled_at, {_ZONE})"},
    ),
    _olist(
        "unavailable",
        "task.refused",
        "unavailable_at",
        {
            "task": "payload.order.order_id",
            "at": f"utc(payload.order.unavailable_at, {_ZONE})",
            "reason": '"unavailable"',
        },
    ),
)
CONNECTORS: Final[Mapping[str, tuple[ShippedConnector, ...]]] = {"olist": OLIST, "shopify": SHOPIFY}
