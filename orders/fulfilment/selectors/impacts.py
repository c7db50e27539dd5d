"""What opening a gate lets through of orders, and the fingerprint of what somebody allows when they allow it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from audit.canonical import canonical_json, sha256_hex
from audit.words import said
from exceptions.subjects import Impact, ImpactItem, Passing
from orders.fulfilment.models import (
    Fulfilment,
    FulfilmentLine,
    GiftCard,
    Hold,
    Order,
    OrderAddress,
    OrderLine,
    ParcelCheck,
)
from orders.fulfilment.selectors.destinations import cards_elsewhere
from orders.fulfilment.states import (
    CHECK_DUE,
    FULFILMENT_IN_HOUSE,
    FULFILMENT_UNCONFIRMED,
    AddressVerdict,
    CheckState,
    FulfilmentState,
    HoldReason,
    HoldState,
    LineState,
)
from orders.sync.models import FlowRun
from orders.sync.states import RunState
from rules.states import FlowKind

SHIP_DESPITE_CASE = "ship-despite-open-case"
SKIP_CONFIRMATION = "skip-vendor-confirmation"
SKIP_CHECK = "skip-quality-check"
CLOSE_UNVERIFIED = "close-unverified-handoff"
ADDRESS, REVIEW = "address", "review"


def material_base(
    order: Order, lines: Collection[OrderLine], address: OrderAddress | None, cards: Collection[GiftCard] = ()
) -> str:
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
    if cards:
        document["gifts"] = sorted(sha256_hex(card.raw) for card in cards)
    return sha256_hex(canonical_json(document))


def order_impacts(order_ids: Collection[str], gate: str) -> dict[str, Impact]:
    """What of each order is stopped at this gate now, what passes anyway and what other things keep; nothing for no such order."""
    orders = Order.objects.select_related("flow").in_bulk([UUID(one) for one in order_ids])
    lines = defaultdict[UUID, list[OrderLine]](list)
    for line in OrderLine.objects.filter(order__in=orders).select_related("sku").order_by("position"):
        lines[line.order_id].append(line)
    addresses = {address.order_id: address for address in OrderAddress.objects.filter(order__in=orders)}
    cards = cards_elsewhere(orders)
    held = _held(orders, gate)
    of_gate = {SKIP_CONFIRMATION: _parcels, SKIP_CHECK: _checks, CLOSE_UNVERIFIED: _handoffs}
    things = of_gate[gate](orders, held) if gate in of_gate else {}
    found = {}
    for pk, order in orders.items():
        address = addresses.get(pk)
        goes_to = [one for one in (address, *cards[pk]) if one is not None]
        items = things.get(pk, []) if gate in of_gate else _stops(order, goes_to, pk in held)
        base = material_base(order, lines[pk], address, cards[pk])
        found[str(pk)] = Impact(items, _noun(gate), order.currency, base)
    return found


def _noun(gate: str) -> str:
    return {SKIP_CONFIRMATION: "parcels", SKIP_CHECK: "checks", CLOSE_UNVERIFIED: "handoffs"}.get(gate, "stops")


def _held(orders: Mapping[UUID, Order], gate: str) -> set[UUID]:
    """Those that something else stops; the hold for the vendor's silence ends with the silence."""
    others = [HoldReason.STOCK, HoldReason.VENDOR] if gate == SKIP_CONFIRMATION else [HoldReason.STOCK]
    holds = Hold.objects.filter(order__in=orders, fulfilment=None, state=HoldState.ACTIVE).exclude(reason__in=others)
    stopped = {pk for pk, order in orders.items() if order.cancelled_at is not None or order.paid_at is None}
    return stopped | set(holds.values_list("order_id", flat=True))


def _stops(order: Order, goes_to: Collection[OrderAddress | GiftCard], held: bool) -> list[ImpactItem]:
    """The address and the review: each can stop the whole order."""
    waits = order.flow is not None and order.flow.kind == FlowKind.MANUAL_REVIEW and order.reviewed_at is None
    invalid = any(one.verdict == AddressVerdict.INVALID for one in goes_to)
    stopped = Passing.STAYS if held else Passing.ONLY_WITH_THIS
    return [
        ImpactItem(
            ADDRESS,
            said("%(key)s, in spite of its address", key=order.key),
            said("The address needs correction") if invalid else "",
            order.total_minor if invalid else 0,
            stopped if invalid else Passing.ANYWAY,
        ),
        ImpactItem(
            REVIEW,
            said("%(key)s, without a review", key=order.key),
            said("Nobody has looked at it yet") if waits else "",
            order.total_minor if waits and not invalid else 0,
            stopped if waits else Passing.ANYWAY,
        ),
    ]


def _parcels(orders: Collection[UUID], held: Collection[UUID]) -> Mapping[UUID, Sequence[ImpactItem]]:
    worth, items = _worth(orders), defaultdict[UUID, list[ImpactItem]](list)
    parcels = Fulfilment.objects.filter(order__in=orders).exclude(state=FulfilmentState.CANCELLED)
    for parcel in parcels.order_by("key"):
        items[parcel.order_id].append(_parcel(parcel, worth.get(parcel.pk, 0), parcel.order_id in held))
    return items


def _parcel(parcel: Fulfilment, money_minor: int, held: bool) -> ImpactItem:
    missing = ""
    if parcel.state in FULFILMENT_UNCONFIRMED:
        missing, passing = said("The vendor has not confirmed it"), Passing.STAYS if held else Passing.ONLY_WITH_THIS
    elif parcel.state in (FulfilmentState.REFUSED, FulfilmentState.REJECTED, FulfilmentState.PLANNED):
        missing, passing = said(str(FulfilmentState(parcel.state).label)), Passing.STAYS
    else:
        passing = Passing.ANYWAY
    return ImpactItem(parcel.key, said("Parcel %(key)s", key=parcel.key), missing, money_minor, passing)


def _checks(orders: Collection[UUID], held: Collection[UUID]) -> Mapping[UUID, Sequence[ImpactItem]]:
    """The quality checks of what has not left; passed ones pass anyway."""
    worth, items = _worth(orders), defaultdict[UUID, list[ImpactItem]](list)
    here = ParcelCheck.objects.filter(order__in=orders, fulfilment__state__in=FULFILMENT_IN_HOUSE)
    for check in (
        here.exclude(state=CheckState.OVER).select_related("fulfilment").order_by("fulfilment__key", "position")
    ):
        due, parcel = check.state in CHECK_DUE, check.fulfilment
        passing = Passing.ONLY_WITH_THIS if due and check.order_id not in held else Passing.STAYS
        item = ImpactItem(
            check_key(check),
            said("%(key)s without “%(check)s”", key=parcel.key, check=check.name),
            said(str(CheckState(check.state).label)) if due else "",
            worth.get(parcel.pk, 0) if due else 0,
            passing if due else Passing.ANYWAY,
        )
        items[check.order_id].append(item)
    return items


def _handoffs(orders: Collection[UUID], held: Collection[UUID]) -> Mapping[UUID, Sequence[ImpactItem]]:
    """What nobody downstream has confirmed; a hold changes nothing about what has left."""
    del held
    worth, items = _worth(orders), defaultdict[UUID, list[ImpactItem]](list)
    parcels = {str(one.pk): one for one in Fulfilment.objects.filter(order__in=orders)}
    runs = FlowRun.objects.filter(
        subject_type="fulfilment.fulfilment", subject_id__in=parcels, state=RunState.UNVERIFIED
    )
    for run in runs.order_by("subject_key"):
        parcel = parcels[run.subject_id]
        missing = "Nobody downstream has confirmed the handoff"
        words = f"{parcel.key} without a confirmation"
        item = ImpactItem(parcel.key, words, missing, worth.get(parcel.pk, 0), Passing.ONLY_WITH_THIS)
        items[parcel.order_id].append(item)
    return items


def check_key(check: ParcelCheck) -> str:
    """What a time-limited exception calls a check of a parcel."""
    return f"{check.fulfilment.key}/{check.slug}"


def _worth(orders: Collection[UUID]) -> dict[UUID, int]:
    """The price of what is in each parcel, in minor units."""
    worth: dict[UUID, int] = {}
    contents = FulfilmentLine.objects.filter(fulfilment__order__in=orders).select_related("line")
    for content in contents.order_by("pk"):
        price = content.line.unit_minor * content.quantity
        worth[content.fulfilment_id] = worth.get(content.fulfilment_id, 0) + price
    return worth
