"""Connectors a new installation can use, as data: how a vendor's payload becomes our events.

Every string is a CEL expression over `payload`. Shopify sends the order itself, or wraps it in {"order": …}. A record of the public
"Olist" order files is one order with its rows: {"order", "items", "customer"}, moments in São Paulo's local time, money in decimals.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as _


@dataclass(frozen=True)
class ShippedConnector:
    """A mapping for one topic of a vendor; `when` names the field that must be there for the event to have happened."""

    slug: str
    name: str
    topic: str
    event_type: str
    mapping: Mapping[str, Any]
    when: str = ""


# Gift apps write into a line's properties, carts into the order's note attributes; what the line says comes first.
_SAYS: Final = (
    '(has({0}) && {0} != null ? {0}.filter(p, has(p.name) && has(p.value) && p.value != null && p.value != "" '
    "&& p.name in [{1}]).map(p, text(p.value)) : [])"
)
_GIFT_MESSAGE: Final = '"Gift message", "Gift Message", "gift_message", "_gift_message", "gift_note"'
_GIFT_WRAP: Final = '"Gift wrap", "Gift Wrap", "gift_wrap", "_gift_wrap", "Gift wrapping"'


def _gift_words(names: str) -> str:
    return f"{_SAYS.format('l.properties', names)} + {_SAYS.format('payload.note_attributes', names)}"


_SHOPIFY_GIFT: Final = (
    f"size({_gift_words(f'{_GIFT_MESSAGE}, {_GIFT_WRAP}')}) > 0 "
    f'? dyn({{"message": ({_gift_words(_GIFT_MESSAGE)} + [""])[0], "wrap": ({_gift_words(_GIFT_WRAP)} + [""])[0]}}) '
    ": dyn(null)"
)
_SHOPIFY_LINES: Final = (
    "payload.line_items.map(l, {"
    '"sku": (has(l.sku) && l.sku != null && l.sku != "") ? l.sku : text(l.id), "title": has(l.title) ? l.title : "", '
    '"quantity": l.quantity, "unit_minor": minor_units(l.price), "sku_type": "stock", '
    '"bundle": (has(l.sales_line_item_group_id) && l.sales_line_item_group_id != null) '
    f'? text(l.sales_line_item_group_id) : "", "gift": {_SHOPIFY_GIFT}}})'
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

SHOPIFY_LATER: Final = (
    ShippedConnector(
        "shopify-orders-paid",
        "Shopify: orders/paid",
        "orders/paid",
        "payment.captured",
        {
            "id": '"paid/" + text(payload.id)',
            "subject": "payload.name",
            "time": 'utc(payload.updated_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "payload.name",
                "amount_minor": "minor_units(payload.total_price)",
                "currency": "payload.currency",
                "captured_at": 'utc(payload.updated_at, "UTC")',
                "reference": "text(payload.id)",
            },
        },
    ),
    ShippedConnector(
        "shopify-orders-cancelled",
        "Shopify: orders/cancelled",
        "orders/cancelled",
        "order.cancelled",
        {
            "id": '"cancelled/" + text(payload.id)',
            "subject": "payload.name",
            "time": 'utc(payload.cancelled_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "payload.name",
                "cancelled_at": 'utc(payload.cancelled_at, "UTC")',
            },
        },
    ),
)
# What Shopify sends of a new order, shortened: nobody's, and sent to nobody.
SHOPIFY_SAMPLE: Final[Mapping[str, Any]] = {
    "id": 5678901234567,
    "name": "#9999",
    "created_at": "2026-11-20T09:00:00+01:00",
    "updated_at": "2026-11-20T09:00:05+01:00",
    "financial_status": "paid",
    "currency": "EUR",
    "total_price": "99.00",
    "email": "test@example.com",
    "line_items": [{"id": 14401234567890, "sku": "TENT-2", "title": "Tent", "quantity": 1, "price": "99.00"}],
    "shipping_address": {
        "name": "Ida Test",
        "address1": "Torstraße 12",
        "address2": None,
        "zip": "10119",
        "city": "Berlin",
        "province_code": None,
        "country_code": "DE",
    },
    "shipping_lines": [],
}

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
OLIST_SAMPLE: Final[Mapping[str, Any]] = {
    "order": {
        "order_id": "9999",
        "order_purchase_timestamp": "2026-11-20 09:00:00",
        "order_estimated_delivery_date": "2026-12-04 00:00:00",
    },
    "items": [
        {"product_id": "TENT-2", "seller_id": "kestrel", "price": "99.00", "shipping_limit_date": "2026-11-24 09:00:00"}
    ],
    "customer": {"customer_city": "sao paulo", "customer_state": "SP"},
    "total_minor": 9900,
}
CONNECTORS: Final[Mapping[str, tuple[ShippedConnector, ...]]] = {"olist": OLIST, "shopify": SHOPIFY}


@dataclass(frozen=True)
class ConnectorSet:
    """The connectors of one kind of store, as somebody chooses them: what it is, what it needs, and a message to try it with.

    `needs_secret` says whether the store signs what it sends with a secret that it shows its owner.
    """

    key: str
    name: str
    about: str
    needs: tuple[str, ...]
    needs_secret: bool
    connectors: tuple[ShippedConnector, ...]
    sample: Mapping[str, Any]


CONNECTOR_SETS: Final[Mapping[str, ConnectorSet]] = {
    one.key: one
    for one in (
        ConnectorSet(
            "shopify",
            _("Shopify: order webhooks"),
            _("The shop tells us of orders that are placed, paid and cancelled, in the moment it happens."),
            (
                _("A webhook in Shopify for each topic named below, in the format JSON, to the address named below"),
                _("The secret that Shopify shows beside its webhooks: it signs every message with it"),
            ),
            needs_secret=True,
            connectors=(*SHOPIFY, *SHOPIFY_LATER),
            sample=SHOPIFY_SAMPLE,
        ),
        ConnectorSet(
            "olist",
            _("Order files: a set of CSV files"),
            _("Somebody with access to the server takes in a folder of files about orders, their lines and customers."),
            (
                _("orders.csv, order_items.csv and customers.csv in one folder, moments in the time of São Paulo"),
                _("Somebody who runs the command “ingest” with the folder and the short name of the system below"),
            ),
            needs_secret=False,
            connectors=OLIST,
            sample=OLIST_SAMPLE,
        ),
    )
}


def for_client(shipped: ShippedConnector, client: str) -> dict[str, Any]:
    """The mapping for a system of one client: whose the order is, is not asked of the store."""
    mapping: dict[str, Any] = dict(shipped.mapping)
    return {**mapping, "data": {**mapping["data"], "client": json.dumps(client)}}
