"""The papers of orders, read for many at once and locked from the top down."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from audit.context import current_time
from audit.models import Accountable
from audit.subject_refs import subject_ref
from exceptions.models import Waiver
from exceptions.selectors import live_waivers
from exceptions.services import outdate_waivers
from orders.fulfilment.models import (
    Fulfilment,
    FulfilmentLine,
    Hold,
    Order,
    OrderAddress,
    OrderGift,
    OrderLine,
    OrderRequest,
    Override,
    ParcelCheck,
    Payment,
    Refund,
    Reservation,
    Unwind,
    UnwindStep,
)
from orders.fulfilment.selectors.impacts import (
    ADDRESS,
    REVIEW,
    SHIP_DESPITE_CASE,
    SKIP_CHECK,
    check_key,
    material_base,
)
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import (
    CHECK_DUE,
    UNWIND_OPEN,
    AddressVerdict,
    HoldState,
    OverrideState,
    ReservationState,
)

Dockets = Mapping[UUID, Docket]


def load_dockets(order_ids: Collection[UUID], *, skip_locked: bool = False) -> list[Docket]:
    """The papers of these orders, the orders locked by primary key; the same few queries for one and for thousands."""
    orders = (
        Order.objects.select_for_update(of=("self",), skip_locked=skip_locked)
        .select_related("client__calendar", "flow", "owner", "decision")
        .filter(pk__in=order_ids)
        .order_by("pk")
    )
    dockets = {order.pk: Docket(order) for order in orders}
    ids = list(dockets)
    # Thousands of lines are of a few products and go a few ways: each of these is made once.
    lines_of = OrderLine.objects.filter(order__in=ids).select_related("bundle").prefetch_related("sku", "flow")
    for line in lines_of.order_by("order", "position"):
        line.order = dockets[line.order_id].order
        dockets[line.order_id].lines.append(line)
    for parcel in Fulfilment.objects.filter(order__in=ids).select_related("flow", "owner").order_by("pk"):
        parcel.order = dockets[parcel.order_id].order
        dockets[parcel.order_id].parcels.append(parcel)
    held = Reservation.objects.filter(line__order__in=ids, state=ReservationState.HELD).select_related(
        "line", "lot__location"
    )
    for reservation in held.order_by("pk"):
        dockets[reservation.line.order_id].reservations.setdefault(reservation.line_id, []).append(reservation)
    for address in OrderAddress.objects.filter(order__in=ids):
        dockets[address.order_id].address = address
    _load_parcels(dockets)
    for load in _filed(ids):
        load(dockets)
    _ask_gates(list(dockets.values()))
    _ask_for_checks(list(dockets.values()))
    return list(dockets.values())


def _load_parcels(dockets: Dockets) -> None:
    """What is in the parcels, and their quality checks in the order of the work."""
    lines, parcels = _lines(dockets), _parcels(dockets)
    if not parcels:
        return
    for content in FulfilmentLine.objects.filter(fulfilment__in=list(parcels)).order_by("pk"):
        content.line, content.fulfilment = lines[content.line_id], parcels[content.fulfilment_id]
        dockets[content.fulfilment.order_id].contents.setdefault(content.fulfilment_id, []).append(content)
    for check in ParcelCheck.objects.filter(fulfilment__in=list(parcels)).order_by("fulfilment", "position"):
        check.order, check.fulfilment = dockets[check.order_id].order, parcels[check.fulfilment_id]
        dockets[check.order_id].checks.append(check)


def _load_holds(dockets: Dockets) -> None:
    lines, parcels = _lines(dockets), _parcels(dockets)
    for hold in Hold.objects.filter(order__in=list(dockets), state=HoldState.ACTIVE).order_by("pk"):
        hold.order = dockets[hold.order_id].order
        hold.line = lines[hold.line_id] if hold.line_id else None
        hold.fulfilment = parcels[hold.fulfilment_id] if hold.fulfilment_id else None
        dockets[hold.order_id].holds.append(hold)


def _load_payments(dockets: Dockets) -> None:
    for payment in Payment.objects.filter(order__in=list(dockets)).order_by("pk"):
        payment.order = dockets[payment.order_id].order
        dockets[payment.order_id].payments.append(payment)


def _load_refunds(dockets: Dockets) -> None:
    for refund in Refund.objects.filter(order__in=list(dockets)).order_by("pk"):
        refund.order = dockets[refund.order_id].order
        dockets[refund.order_id].refunds.append(refund)


def _load_requests(dockets: Dockets) -> None:
    for request in OrderRequest.objects.filter(order__in=list(dockets)).order_by("pk"):
        request.order = dockets[request.order_id].order
        dockets[request.order_id].requests.append(request)


def _load_unwinds(dockets: Dockets) -> None:
    """What is being taken back."""
    parcels = _parcels(dockets)
    unwinds = Unwind.objects.filter(order__in=list(dockets), state__in=UNWIND_OPEN).select_related("to_flow")
    found = {unwind.pk: unwind for unwind in unwinds.order_by("pk")}
    for unwind in found.values():
        unwind.order, unwind.fulfilment = dockets[unwind.order_id].order, parcels[unwind.fulfilment_id]
        dockets[unwind.order_id].unwinds.append(unwind)
    for step in UnwindStep.objects.filter(unwind__in=list(found)).order_by("unwind", "position") if found else ():
        step.unwind = found[step.unwind_id]
        dockets[step.unwind.order_id].unwind_steps.setdefault(step.unwind_id, []).append(step)


def _load_overrides(dockets: Dockets) -> None:
    """What somebody set by hand and nobody has reviewed."""
    lines = _lines(dockets)
    waiting = Override.objects.filter(order__in=list(dockets), state=OverrideState.WAITING).select_related("secret")
    for override in waiting.order_by("pk"):
        if override.order_id is not None:
            override.line = lines[override.line_id] if override.line_id else None
            dockets[override.order_id].overrides.append(override)


def _load_gifts(dockets: Dockets) -> None:
    for gift in OrderGift.objects.filter(order__in=list(dockets)).select_related("card").order_by("order", "position"):
        gift.order = dockets[gift.order_id].order
        dockets[gift.order_id].gifts[gift.position] = gift


def _lines(dockets: Dockets) -> dict[UUID, OrderLine]:
    return {line.pk: line for docket in dockets.values() for line in docket.lines}


def _parcels(dockets: Dockets) -> dict[UUID, Fulfilment]:
    return {parcel.pk: parcel for docket in dockets.values() for parcel in docket.parcels}


# What few orders have.
FILED: Final[dict[type[Accountable], Callable[[Dockets], None]]] = {
    Hold: _load_holds,
    Payment: _load_payments,
    Refund: _load_refunds,
    OrderRequest: _load_requests,
    Unwind: _load_unwinds,
    Override: _load_overrides,
    OrderGift: _load_gifts,
}


def _filed(order_ids: list[UUID]) -> list[Callable[[Dockets], None]]:
    """How to load what there is of it; to look into each table for nothing was a third of loading one order."""
    questions = ", ".join(
        f'EXISTS (SELECT FROM "{model._meta.db_table}" WHERE order_id = ANY(%(ids)s::uuid[]))' for model in FILED
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {questions}", {"ids": order_ids})
        return [load for load, is_there in zip(FILED.values(), cursor.fetchone(), strict=True) if is_there]


def _ask_for_checks(dockets: Sequence[Docket]) -> None:
    """As for the other gates, for quality checks that are due."""
    about = {
        subject_ref(docket.order): docket
        for docket in dockets
        if any(check.state in CHECK_DUE for check in docket.checks)
    }
    live = live_waivers(gate=SKIP_CHECK, subjects=about, now=current_time()) if about else {}
    outdated = [waiver for ref, waiver in live.items() if not is_current(waiver, about[ref])]
    for ref, waiver in live.items():
        docket = about[ref]
        if is_current(waiver, docket):
            parts = waiver.allowed_parts
            covered = [
                one for one in docket.checks if one.state in CHECK_DUE and (not parts or check_key(one) in parts)
            ]
            docket.skipped = {one.pk: waiver.key for one in covered}
    if outdated:
        outdate_waivers(waivers=outdated, now=current_time())


def _ask_gates(dockets: Sequence[Docket]) -> None:
    """Whether a time-limited exception lets an order pass is asked under its lock, at the moment of use, where one could matter."""
    stopped = {
        subject_ref(docket.order): docket
        for docket in dockets
        if docket.verdict == AddressVerdict.INVALID or docket.needs_review
    }
    live = live_waivers(gate=SHIP_DESPITE_CASE, subjects=stopped, now=current_time()) if stopped else {}
    outdated = [waiver for ref, waiver in live.items() if not is_current(waiver, stopped[ref])]
    for ref, waiver in live.items():
        if is_current(waiver, stopped[ref]):
            stopped[ref].allowed = frozenset(waiver.allowed_parts or (ADDRESS, REVIEW))
            stopped[ref].allowed_by = waiver.key
    if outdated:
        outdate_waivers(waivers=outdated, now=current_time())


def is_current(waiver: Waiver, docket: Docket) -> bool:
    """Whether the order is still what the approval was given for."""
    base = material_base(docket.order, docket.lines, docket.address, docket.cards_elsewhere)
    return waiver.base_of(str(docket.order.pk)) in {"", base}
