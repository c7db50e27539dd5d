"""Connectors a new installation can use, as data: how a vendor's payload becomes our events.

Every string is a CEL expression over `payload`. A record of the public "Olist" order files is one order with its rows: {"order", "items",
"customer"}, moments in São Paulo's local time, money in decimals.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_noop as _

from orders.fulfilment.mappings import ShippedConnector
from orders.fulfilment.shopify import SHOPIFY, SHOPIFY_LATER, SHOPIFY_SAMPLE, SHOPIFY_UPDATED

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
        when=f'payload.order.{field} != ""',
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
            "shipping_minor": "has(payload.freight_minor) ? dyn(payload.freight_minor) : dyn(null)",
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
# What a file can say: an order of a file is as it is, and nothing about it is an update.
CONNECTORS: Final[Mapping[str, tuple[ShippedConnector, ...]]] = {"olist": OLIST, "shopify": (*SHOPIFY, *SHOPIFY_LATER)}


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
            _(
                "The shop tells us of orders that are placed, changed, paid, sent, paid back and cancelled, in the moment it happens."
            ),
            (
                _("A webhook in Shopify for each topic named below, in the format JSON, to the address named below"),
                _("The secret that Shopify shows beside its webhooks: it signs every message with it"),
            ),
            needs_secret=True,
            connectors=(*SHOPIFY, *SHOPIFY_LATER, SHOPIFY_UPDATED),
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
