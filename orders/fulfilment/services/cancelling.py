"""Cancelling all or a part of an order: left out where nothing is off the shelf, for a person to decide where something is."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from django_fsm import can_proceed

from audit.words import said
from orders.fulfilment.decisions.money import NOTHING, from_minor
from orders.fulfilment.decisions.requests import Stage
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import OrderLine, OrderRequest
from orders.fulfilment.services.asking import Wish, close_request, keep_request
from orders.fulfilment.services.calling_off import leave_out
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dispatch import ask_if_known, order_message, withdraw_task
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go
from orders.fulfilment.services.paying import keep_stores_word, owe
from orders.fulfilment.services.ruling import rule_on
from orders.fulfilment.states import (
    FULFILMENT_GONE,
    Choice,
    FulfilmentState,
    LineState,
    RequestKind,
    RequestState,
)

Units = dict[OrderLine, int]
NOT_TO_CANCEL = (
    LineState.CANCELLED,
    LineState.CANCEL_UNDECIDED,
    LineState.RETURNING,
    LineState.PARTLY_RETURNED,
    LineState.RETURNED,
)


def cancel(docket: Docket, wish: Wish, changes: Changes) -> None:
    """Cancel what is wished (everything, where no lines are named): each unit by the rule of how far it has come."""
    order, units = docket.order, _units(docket, wish.lines)
    whole = not wish.lines or units == {line: line.quantity for line in _cancellable(docket)}
    if whole and order.cancelled_at is not None:
        return
    if whole:
        order.cancelled_at = wish.asked_at
        changes.edit(order, "cancelled_at")
    changes.tell("order.cancellation_received", order, reason=wish.reason, whole=whole, lines=named(units))
    late = {line: count for line, count in units.items() if docket.stage(line) != Stage.UNTOUCHED}
    early = {line: count for line, count in units.items() if line not in late}
    ruling = rule_on(docket, RequestKind.CANCEL, changes, units=sum(units.values()), amount=_amount(docket, units))
    if ruling.choice != Choice.AT_ONCE:  # what nobody has been given yet is left out all the same
        asked = {line: count for line, count in early.items() if can_proceed(line.doubt)}
        late, early = {**late, **asked}, {line: count for line, count in early.items() if line not in asked}
    if whole and not late:
        leave_all(docket, changes, why=said("the order was cancelled"))
    else:
        _leave_part(docket, early, changes)
    if late:
        _doubt(docket, late, wish, changes)
    if early or not late:
        kept = keep_request(docket, _about(wish, early), replace(ruling, choice=Choice.AT_ONCE), changes)
        value = docket.captured if whole and not late else worth(docket, early)
        owe(docket, value, "cancelled", changes, request=kept)


def leave_all(docket: Docket, changes: Changes, *, why: str) -> None:
    """Nothing of it is sent; whoever has a task of it is told."""
    for parcel in docket.parcels:
        if parcel.state not in FULFILMENT_GONE and can_proceed(parcel.cancel):
            withdraw_task(docket, parcel, changes)
        else:
            changes.expecting.end(parcel)
    for line in docket.lines:
        if can_proceed(line.cancel):
            line.cancel()
            changes.edit(line, "state")
    for hold in docket.in_force:
        let_go(docket, hold, changes, why=why)


def _leave_part(docket: Docket, units: Units, changes: Changes) -> None:
    if not units:
        return
    worth_less(docket, units, changes)
    leave_out(docket, units, changes)


def _doubt(docket: Docket, late: Units, wish: Wish, changes: Changes) -> None:
    """What is off the shelf is neither cancelled nor sent in silence: it stands still until somebody has decided."""
    stages = {docket.stage(line) for line in late}
    stage = next(one for one in (Stage.GONE, Stage.IN_HOUSE, Stage.UNTOUCHED) if one in stages)
    facts = {"units": sum(late.values()), "amount": _amount(docket, late)}
    ruling = rule_on(docket, RequestKind.CANCEL, changes, stage=stage, **facts)
    for line in late:
        line.doubt()
        changes.edit(line, "state")
    keep_request(docket, _about(wish, late), ruling, changes)


def decide_cancellation(docket: Docket, request: OrderRequest, choice: Choice, by: str, changes: Changes) -> None:
    """Stop it in the house, call it back, or let it go. Raises `AlreadyGone` where the units have gone further than the choice."""
    units = by_position(docket, request.lines)
    gone = [line for line in units if docket.stage(line) == Stage.GONE]
    if choice == Choice.STOP and gone:
        raise AlreadyGone(said("%(key)s has left meanwhile: call it back, or let it go.", key=docket.order.key))
    if choice == Choice.RECALL and len(gone) < len(units):
        raise AlreadyGone(said("%(key)s has not left: stop it in the house, or let it go.", key=docket.order.key))
    if choice == Choice.LET_GO:
        _let_go(docket, units, changes)
        close_request(docket, request, choice, RequestState.DECLINED, by, changes)
    elif choice == Choice.RECALL:
        _recall(docket, request, units, changes)
        close_request(docket, request, choice, RequestState.AWAITED, by, changes)
    else:
        close_request(docket, request, choice, RequestState.DONE, by, changes)
        _stop(docket, request, units, changes)


def _stop(docket: Docket, request: OrderRequest, units: Units, changes: Changes) -> None:
    value = docket.captured - docket.refunded if docket.order.cancelled_at else worth(docket, units)
    for line in units:  # back to where a line can be left out from
        line.stay_in_fulfilment()
    if docket.order.cancelled_at is None:
        worth_less(docket, units, changes)
    leave_out(docket, units, changes)
    owe(docket, value, "cancelled and stopped in the house", changes, request=request)
    if docket.order.cancelled_at is not None:
        for hold in docket.in_force:
            let_go(docket, hold, changes, why=said("the order was cancelled"))


def _recall(docket: Docket, request: OrderRequest, units: Units, changes: Changes) -> None:
    for line in units:
        line.expect_back()
        changes.edit(line, "state")
    parcels = {parcel.key: parcel for line in units for parcel in docket.parcels_of(line)}
    for parcel in parcels.values():
        changes.expecting.end(parcel)
    payload = {"parcels": sorted(parcels), "reason": request.reason}
    ask_if_known([order_message(docket, "carrier", "recall", str(request.pk), payload)], changes)


def _let_go(docket: Docket, units: Units, changes: Changes) -> None:
    for line in units:
        states = {parcel.state for parcel in docket.parcels_of(line)}
        if FulfilmentState.DELIVERED in states:
            line.stay_delivered()
        elif FulfilmentState.HANDED_OVER in states:
            line.stay_shipped()
        else:
            line.stay_in_fulfilment()
        changes.edit(line, "state")
    if docket.order.cancelled_at is not None:
        docket.order.cancelled_at = None
        changes.edit(docket.order, "cancelled_at")
        changes.tell("order.cancellation_declined", docket.order, lines=named(units))


def units_of(docket: Docket, rows: object) -> tuple[dict[str, int], list[str]]:
    """What events name as lines, by position and units; and what they name that the order does not have."""
    found: dict[str, int] = {}
    unknown: list[str] = []
    for row in rows if isinstance(rows, list) else []:
        name = str(row.get("line") or row.get("sku") or "")
        line = docket.line_called(name)
        inside = [] if line else docket.inside(name)
        if line is None and not inside:
            unknown.append(name[:80])
        for one in [line] if line else inside:
            units = int(row["quantity"]) * (1 if line else one.per_bundle or 1) if row.get("quantity") else one.quantity
            found[str(one.position)] = found.get(str(one.position), 0) + units
    return found, unknown


def _amount(docket: Docket, units: Mapping[OrderLine, int]) -> float:
    return float(worth(docket, units))


def worth(docket: Docket, units: Mapping[OrderLine, int]) -> Decimal:
    """What was paid for these units."""
    currency = docket.order.currency
    return sum((from_minor(line.unit_minor * count, currency) for line, count in units.items()), NOTHING)


def worth_less(docket: Docket, units: Mapping[OrderLine, int], changes: Changes) -> None:
    """The order costs less without them."""
    keep_stores_word(docket, changes)
    less = sum(line.unit_minor * count for line, count in units.items())
    if less:
        docket.order.total_minor = max(docket.order.total_minor - less, 0)
        changes.edit(docket.order, "total_minor")


def named(units: Mapping[OrderLine, int]) -> dict[str, int]:
    """Units by position."""
    return {str(line.position): count for line, count in units.items()}


def _about(wish: Wish, units: Units) -> Wish:
    return Wish(wish.kind, wish.asked_at, wish.asked_by, named(units), {}, wish.reason, wish.reference, wish.event_id)


def _cancellable(docket: Docket) -> list[OrderLine]:
    return [line for line in docket.lines if line.state not in NOT_TO_CANCEL]


def _units(docket: Docket, lines: Mapping[str, int]) -> Units:
    if not lines:
        return {line: line.quantity for line in _cancellable(docket)}
    wanted = {line: lines[str(line.position)] for line in _cancellable(docket) if str(line.position) in lines}
    return {line: min(count, line.quantity) for line, count in wanted.items()}


def by_position(docket: Docket, lines: Mapping[str, int]) -> Units:
    """The lines that are named, with their units."""
    return {line: lines[str(line.position)] for line in docket.lines if str(line.position) in lines}
