"""What opening a gate lets through of one order, and the fingerprint of what somebody allows when they allow it."""

from collections.abc import Collection
from uuid import UUID

from audit.canonical import canonical_json, sha256_hex
from exceptions.subjects import Impact, ImpactItem, Passing
from orders.fulfilment.models import Fulfilment, FulfilmentLine, Hold, Order, OrderAddress, OrderLine
from orders.fulfilment.states import (
    FULFILMENT_UNCONFIRMED,
    AddressVerdict,
    FulfilmentState,
    HoldReason,
    HoldState,
    LineState,
)
from rules.states import FlowKind

SHIP_DESPITE_CASE = "ship-despite-open-case"
SKIP_CONFIRMATION = "skip-vendor-confirmation"
ADDRESS, REVIEW = "address", "review"


def material_base(order: Order, lines: Collection[OrderLine], address: OrderAddress | None) -> str:
    """SHA-256 of what an approval is about: what is sent, to where, for how much. Progress does not change it."""
    wanted = sorted(
        (line.position, line.sku.code, line.quantity) for line in lines if line.state != LineState.CANCELLED
    )
    document = {
        "lines": [list(line) for line in wanted],
        "total": [order.total_minor, order.currency],
        "address": sha256_hex(address.raw) if address else "",
        "cancelled": order.cancelled_at is not None,
    }
    return sha256_hex(canonical_json(document))


def order_impact(order_id: str, gate: str) -> Impact | None:
    """What of the order is stopped at this gate now, what passes anyway and what other things keep; None for no such order."""
    order = Order.objects.select_related("flow").filter(pk=UUID(order_id)).first()
    if order is None:
        return None
    lines = list(OrderLine.objects.filter(order=order).select_related("sku").order_by("position"))
    address = OrderAddress.objects.filter(order=order).first()
    held = _is_held(order, gate)
    items = _parcels(order, held) if gate == SKIP_CONFIRMATION else _stops(order, address, held)
    return Impact(items, _noun(gate), order.currency, material_base(order, lines, address))


def _noun(gate: str) -> str:
    return "parcels" if gate == SKIP_CONFIRMATION else "stops"


def _is_held(order: Order, gate: str) -> bool:
    """Whether something else stops it; the hold for the vendor's silence ends with the silence."""
    others = [HoldReason.STOCK, HoldReason.VENDOR] if gate == SKIP_CONFIRMATION else [HoldReason.STOCK]
    holds = Hold.objects.filter(order=order, fulfilment=None, state=HoldState.ACTIVE).exclude(reason__in=others)
    return order.cancelled_at is not None or order.paid_at is None or holds.exists()


def _stops(order: Order, address: OrderAddress | None, held: bool) -> list[ImpactItem]:
    """The address and the review: each can stop the whole order."""
    waits = order.flow is not None and order.flow.kind == FlowKind.MANUAL_REVIEW and order.reviewed_at is None
    invalid = address is not None and address.verdict == AddressVerdict.INVALID
    stopped = Passing.STAYS if held else Passing.ONLY_WITH_THIS
    return [
        ImpactItem(
            ADDRESS,
            f"{order.key}, in spite of its address",
            "The address needs correction" if invalid else "",
            order.total_minor if invalid else 0,
            stopped if invalid else Passing.ANYWAY,
        ),
        ImpactItem(
            REVIEW,
            f"{order.key}, without a review",
            "Nobody has looked at it yet" if waits else "",
            order.total_minor if waits and not invalid else 0,
            stopped if waits else Passing.ANYWAY,
        ),
    ]


def _parcels(order: Order, held: bool) -> list[ImpactItem]:
    worth = _worth(order)
    parcels = Fulfilment.objects.filter(order=order).exclude(state=FulfilmentState.CANCELLED).order_by("key")
    return [_parcel(parcel, worth.get(parcel.pk, 0), held) for parcel in parcels]


def _parcel(parcel: Fulfilment, money_minor: int, held: bool) -> ImpactItem:
    if parcel.state in FULFILMENT_UNCONFIRMED:
        missing, passing = "The vendor has not confirmed it", Passing.STAYS if held else Passing.ONLY_WITH_THIS
    elif parcel.state in (FulfilmentState.REFUSED, FulfilmentState.REJECTED, FulfilmentState.PLANNED):
        missing, passing = FulfilmentState(parcel.state).label, Passing.STAYS
    else:
        missing, passing = "", Passing.ANYWAY
    return ImpactItem(parcel.key, f"Parcel {parcel.key}", missing, money_minor, passing)


def _worth(order: Order) -> dict[UUID, int]:
    """The price of what is in each parcel, in minor units."""
    worth: dict[UUID, int] = {}
    contents = FulfilmentLine.objects.filter(fulfilment__order=order).select_related("line")
    for content in contents.order_by("pk"):
        price = content.line.unit_minor * content.quantity
        worth[content.fulfilment_id] = worth.get(content.fulfilment_id, 0) + price
    return worth
