"""Where an order stands, from the facts about it. One function, so that every way of arriving at the facts ends in the same place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orders.fulfilment.states import (
    FULFILMENT_GONE,
    AddressVerdict,
    FulfilmentState,
    LineState,
    OrderState,
)


@dataclass(frozen=True)
class OrderFacts:
    """Everything the state of an order depends on. `needs_review`: a rule or the risk score asks for a person, who has not decided.

    `is_doubted`: a person has put it into quarantine.
    """

    is_paid: bool
    is_cancelled: bool
    is_held: bool
    needs_review: bool
    address: AddressVerdict
    lines: Sequence[LineState]
    fulfilments: Sequence[FulfilmentState]
    return_is_over: bool = False
    is_authorised: bool = False
    is_partly_paid: bool = False
    is_cancellation_undecided: bool = False
    is_change_undecided: bool = False
    is_merged: bool = False
    is_doubted: bool = False


def resting_state(facts: OrderFacts) -> OrderState:
    """The one state that says what stands between this order and its customer."""
    parcels = [state for state in facts.fulfilments if state != FulfilmentState.CANCELLED]
    gone = [state in FULFILMENT_GONE for state in parcels]
    if facts.is_cancellation_undecided:
        return OrderState.CANCEL_UNDECIDED
    if facts.is_cancelled:
        over = OrderState.MERGED if facts.is_merged else OrderState.CANCELLED
        return OrderState.RETURNING if any(gone) and not facts.return_is_over else over
    if not facts.lines:
        return OrderState.QUARANTINED
    if facts.is_change_undecided:
        return OrderState.CHANGE_UNDECIDED
    if all(gone) and gone and not _is_waiting(facts.lines):
        return _after_shipping(facts, parcels)
    return _before_shipping(facts, parcels, gone)


def _after_shipping(facts: OrderFacts, parcels: Sequence[FulfilmentState]) -> OrderState:
    back = {LineState.RETURNED, LineState.PARTLY_RETURNED}
    asked_in_this_order = (
        (LineState.RETURNING in facts.lines, OrderState.RETURN_ANNOUNCED),
        (set(facts.lines) == {LineState.RETURNED}, OrderState.RETURNED),
        (not back.isdisjoint(facts.lines), OrderState.PARTLY_RETURNED),
        (all(state == FulfilmentState.DELIVERED for state in parcels), OrderState.DELIVERED),
        (True, OrderState.SHIPPED),
    )
    return next(state for applies, state in asked_in_this_order if applies)


def _before_shipping(facts: OrderFacts, parcels: Sequence[FulfilmentState], gone: Sequence[bool]) -> OrderState:
    waiting = _is_waiting(facts.lines)
    refused = FulfilmentState.REFUSED in parcels or LineState.REFUSED in facts.lines
    asked_in_this_order = (
        (facts.is_doubted, OrderState.QUARANTINED),
        (facts.is_held, OrderState.ON_HOLD),
        (FulfilmentState.UNWINDING in parcels, OrderState.REROUTING),
        (FulfilmentState.REJECTED in parcels, OrderState.CARRIER_REJECTED),
        (not facts.is_paid and facts.is_partly_paid, OrderState.PARTLY_PAID),
        (not facts.is_paid and facts.is_authorised, OrderState.PAYMENT_AUTHORISED),
        (not facts.is_paid, OrderState.AWAITING_PAYMENT),
        (facts.address == AddressVerdict.INVALID, OrderState.ADDRESS_INVALID),
        (facts.needs_review, OrderState.MANUAL_REVIEW),
        (refused, OrderState.VENDOR_REFUSED),
        (not parcels and waiting, OrderState.PAID_NO_STOCK),
        (not parcels, OrderState.PAID),
        (waiting, OrderState.PARTLY_FULFILLED),
        (any(gone), OrderState.PARTLY_SHIPPED),
        (True, OrderState.IN_FULFILMENT),
    )
    return next(state for applies, state in asked_in_this_order if applies)


def _is_waiting(lines: Sequence[LineState]) -> bool:
    return LineState.BACK_ORDERED in lines


def way_to(source: OrderState, target: OrderState, edges: Collection[tuple[str, str]]) -> tuple[OrderState, ...]:
    """The states to enter one after the other: the target itself, or by way of "paid" where the machine has no direct edge.

    Raises `LookupError` when there is no way: the caller refuses, the order stays.
    """
    if source == target:
        return ()
    if (source, target) in edges:
        return (target,)
    via = OrderState.PAID
    if (source, via) in edges and (via, target) in edges:
        return (via, target)
    raise LookupError(f"There is no way from {source.label} to {target.label}.")
