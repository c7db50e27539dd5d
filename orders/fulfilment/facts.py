"""What rules may ask about an order, and how an order answers."""

from collections.abc import Iterable
from typing import Any

from orders.fulfilment.models import Order, OrderLine
from rules.facts import Declared

LINE_FACTS: dict[str, Declared] = {
    "sku": str,
    "sku_type": str,
    "vendor": str,
    "quantity": int,
    "unit_minor": int,
    "in_stock": bool,
}
ORDER_FACTS: dict[str, Declared] = {
    "client": str,
    "channel": str,
    "country": str,
    "segment": str,
    "delivery_sla": str,
    "fraud_score": int,
    "total_minor": int,
    "currency": str,
    "lines": [LINE_FACTS],
}


def order_context(order: Order, lines: Iterable[tuple[OrderLine, bool]]) -> dict[str, Any]:
    """The facts of an order with those of its lines that are being decided about, each with whether its stock is there.

    The order's client and each line's SKU must be loaded.
    """
    return {
        "client": order.client.slug,
        "channel": order.channel,
        "country": order.country,
        "segment": order.segment,
        "delivery_sla": order.delivery_sla,
        "fraud_score": None
        if order.reviewed_at
        else order.fraud_score,  # a person has looked: the score no longer counts
        "total_minor": order.total_minor,
        "currency": order.currency,
        "lines": [
            {
                "sku": line.sku.code,
                "sku_type": line.sku_type,
                "vendor": line.vendor,
                "quantity": line.quantity,
                "unit_minor": line.unit_minor,
                "in_stock": in_stock,
            }
            for line, in_stock in lines
        ],
    }
