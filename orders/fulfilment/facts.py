"""What rules may ask about an order, and how an order answers."""

from collections.abc import Iterable
from typing import Any

from orders.fulfilment.models import Fulfilment, Order, OrderLine
from rules.facts import Declared

LINE_FACTS: dict[str, Declared] = {
    "sku": str,
    "sku_type": str,
    "vendor": str,
    "quantity": int,
    "unit_minor": int,
    "in_stock": bool,
    "bundle": str,
}
ORDER_FACTS: dict[str, Declared] = {
    "client": str,
    "channel": str,
    "country": str,
    "segment": str,
    "delivery_sla": str,
    "preferred_carrier": str,
    "fraud_score": int,
    "total_minor": int,
    "currency": str,
    "lines": [LINE_FACTS],
}

# What the condition of a hold may ask: what rules ask, and how far the order has come since.
HOLD_FACTS: dict[str, Declared] = {
    **ORDER_FACTS,
    "state": str,
    "paid": bool,
    "reviewed": bool,
    "address_ok": bool,
    "lines": [{**LINE_FACTS, "position": int, "state": str}],
    "fulfilments": [{"key": str, "vendor": str, "carrier": str, "state": str, "confirmed": bool}],
    "cases": [{"key": str, "type": str}],
}

# What a quality check may ask about the parcel it could be for.
PARCEL_FACTS: dict[str, Declared] = {
    **{name: kind for name, kind in ORDER_FACTS.items() if name != "lines"},
    "flow": str,
    "flow_kind": str,
    "vendor": str,
    "lines": [{name: kind for name, kind in LINE_FACTS.items() if name != "in_stock"}],
}


# What rules about cancellations, changes, returns and refunds may ask.
REQUEST_FACTS: dict[str, Declared] = {
    "kind": str,
    "stage": str,
    "days_since_delivery": int,
    "units": int,
    "amount": float,
    "currency": str,
    "announced": bool,
    "condition": str,
    "client": str,
    "channel": str,
    "country": str,
    "segment": str,
    "total_minor": int,
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
        "preferred_carrier": order.preferred_carrier,
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
                "bundle": line.bundle.code if line.bundle else "",
            }
            for line, in_stock in lines
        ],
    }


def hold_context(
    order: Order,
    lines: Iterable[tuple[OrderLine, bool]],
    parcels: Iterable[Fulfilment],
    cases: Iterable[tuple[str, str]],
    *,
    address_ok: bool,
) -> dict[str, Any]:
    """The facts of an order as conditions of holds see them; `cases` are key and type of each live exception about it."""
    told = list(lines)
    context = order_context(order, told)
    places = [{"position": line.position, "state": line.state} for line, _ in told]
    return {
        **context,
        "lines": [{**facts, **place} for facts, place in zip(context["lines"], places, strict=True)],
        "state": order.state,
        "paid": order.paid_at is not None,
        "reviewed": order.reviewed_at is not None,
        "address_ok": address_ok,
        "fulfilments": [
            {
                "key": parcel.key,
                "vendor": parcel.vendor,
                "carrier": parcel.carrier,
                "state": parcel.state,
                "confirmed": parcel.confirmed_at is not None,
            }
            for parcel in parcels
        ],
        "cases": [{"key": key, "type": case_type} for key, case_type in cases],
    }


def parcel_context(parcel: Fulfilment, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """The facts of a parcel with the lines in it. The parcel's order with its client, its flow and each line's SKU must be loaded."""
    context = order_context(parcel.order, [(line, True) for line in lines])
    return {
        **context,
        "fraud_score": parcel.order.fraud_score,
        "flow": parcel.flow.slug,
        "flow_kind": parcel.flow.kind,
        "vendor": parcel.vendor,
    }
