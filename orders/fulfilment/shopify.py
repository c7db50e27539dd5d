"""How what Shopify sends becomes our events, as data: every string is a CEL expression over `payload`.

Shopify sends the order itself, or wraps it in {"order": …}; what it says of a part of an order names the order by its id, which is one of
the order's names here.
"""

from collections.abc import Mapping
from typing import Any, Final

from orders.fulfilment.mappings import ShippedConnector

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
_SHOPIFY_ORDER: Final = "has(payload.line_items) && has(payload.total_price)"
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
# A tip is neither goods, tax nor shipping: of an order with one the tax is not stated, so that nothing is held against its total.
_SHOPIFY_TIP: Final = "has(payload.total_tip_received) && payload.total_tip_received != null && minor_units(payload.total_tip_received) > 0"
_SHOPIFY_SHIPPING: Final = (
    "has(payload.total_shipping_price_set) && payload.total_shipping_price_set != null "
    "&& has(payload.total_shipping_price_set.shop_money)"
)
_SHOPIFY_AMOUNTS: Final = {
    "tax_minor": (
        f"has(payload.total_tax) && payload.total_tax != null && !({_SHOPIFY_TIP}) "
        "? dyn(minor_units(payload.total_tax)) : dyn(null)"
    ),
    "shipping_minor": (
        f"{_SHOPIFY_SHIPPING} ? dyn(minor_units(payload.total_shipping_price_set.shop_money.amount)) : dyn(null)"
    ),
    "discount_minor": (
        "has(payload.total_discounts) && payload.total_discounts != null "
        "? dyn(minor_units(payload.total_discounts)) : dyn(null)"
    ),
    "tax_included": "has(payload.taxes_included) && payload.taxes_included == true",
}
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
                **_SHOPIFY_AMOUNTS,
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
        when=_SHOPIFY_ORDER,
    ),
)
# Every touch of an order is an update and carries all of it: quantities are read while nothing has left, gone back or been called off, and
# only where a product stands in one line; the address is not, because it would undo what was corrected here.
_SHOPIFY_UNTOUCHED: Final = (
    "payload.cancelled_at == null && (!has(payload.fulfillment_status) || payload.fulfillment_status == null) "
    "&& (!has(payload.refunds) || size(payload.refunds) == 0) "
    "&& payload.line_items.all(l, has(l.sku) && l.sku != null && l.sku != '' "
    "&& payload.line_items.filter(m, m.sku == l.sku).size() == 1)"
)
_SHOPIFY_PAID_BACK: Final = "payload.transactions.filter(t, t.kind == 'refund' && t.status == 'success')"
_SHOPIFY_LEFT: Final = (
    "(has(payload.fulfillments) ? payload.fulfillments : []).filter(f, has(f.status) && f.status == 'success')"
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
        when=f'{_SHOPIFY_ORDER} && has(payload.financial_status) && payload.financial_status == "paid"',
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
        when=f"{_SHOPIFY_ORDER} && has(payload.cancelled_at) && payload.cancelled_at != null",
    ),
    ShippedConnector(
        "shopify-orders-fulfilled",
        "Shopify: orders/fulfilled",
        "orders/fulfilled",
        "shipment.handed_over",
        {
            "id": '"fulfilled/" + text(payload.id)',
            "subject": "payload.name",
            "time": f'utc({_SHOPIFY_LEFT}[0].created_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "payload.name",
                "task": "payload.name",
                "at": f'utc({_SHOPIFY_LEFT}[0].created_at, "UTC")',
                "carrier": f"{_SHOPIFY_LEFT}[0].tracking_company",
                "tracking": f"{_SHOPIFY_LEFT}[0].tracking_number",
            },
        },
        when=(
            f'{_SHOPIFY_ORDER} && has(payload.fulfillment_status) && payload.fulfillment_status == "fulfilled" '
            f"&& size({_SHOPIFY_LEFT}) > 0"
        ),
    ),
    ShippedConnector(
        "shopify-fulfillments-create",
        "Shopify: fulfillments/create",
        "fulfillments/create",
        "task.acknowledged",
        {
            "id": '"fulfillment/" + text(payload.id) + "/" + payload.status',
            "type": 'payload.status in ["error", "failure", "cancelled"] ? "task.refused" : "task.acknowledged"',
            "subject": "text(payload.order_id)",
            "time": 'utc(payload.updated_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "text(payload.order_id)",
                "task": "text(payload.order_id)",
                "at": 'utc(payload.updated_at, "UTC")',
                "reason": "payload.status",
                "reference": "text(payload.id)",
            },
        },
        when="has(payload.order_id) && has(payload.tracking_company)",
    ),
    ShippedConnector(
        "shopify-refunds-create",
        "Shopify: refunds/create",
        "refunds/create",
        "refund.issued",
        {
            "id": '"refund/" + text(payload.id)',
            "subject": "text(payload.order_id)",
            "time": 'utc(payload.created_at, "UTC")',
            "data": {
                "client": "payload.client",
                "order": "text(payload.order_id)",
                "amount_minor": f"size({_SHOPIFY_PAID_BACK}) == 1 ? dyn(minor_units({_SHOPIFY_PAID_BACK}[0].amount)) : dyn(null)",
                "currency": f"size({_SHOPIFY_PAID_BACK}) == 1 ? dyn({_SHOPIFY_PAID_BACK}[0].currency) : dyn(null)",
                "issued_at": 'utc(payload.created_at, "UTC")',
                "reference": "text(payload.id)",
            },
        },
        when="has(payload.refund_line_items) && has(payload.transactions)",
    ),
)
SHOPIFY_UPDATED: Final = ShippedConnector(
    "shopify-orders-updated",
    "Shopify: orders/updated",
    "orders/updated",
    "order.changed",
    {
        "id": '"updated/" + text(payload.id) + "/" + payload.updated_at',
        "subject": "payload.name",
        "time": 'utc(payload.updated_at, "UTC")',
        "changetoken": "text(int(timestamp(payload.updated_at)))",
        "data": {
            "client": "payload.client",
            "order": "payload.name",
            "changed_at": 'utc(payload.updated_at, "UTC")',
            "lines": (
                f"{_SHOPIFY_UNTOUCHED} ? dyn(payload.line_items.map(l, "
                '{"sku": l.sku, "quantity": has(l.current_quantity) ? l.current_quantity : l.quantity, '
                '"unit_minor": minor_units(l.price), "sku_type": "stock"})) : dyn(null)'
            ),
        },
    },
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
