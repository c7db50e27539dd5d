"""What routes and ladders of exceptions do with orders by themselves, for many orders in the same few queries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from audit.context import Actor, acting
from audit.words import said
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Hold
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import place
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.resuming import back_to_who_packs, send_again, to_warehouse
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import (
    FULFILMENT_UNCONFIRMED,
    ORDER_FINAL,
    ORDER_LEFT_THE_HOUSE,
    FulfilmentState,
    HoldReason,
    HoldSource,
    OrderState,
)
from rules.states import FlowKind

# What another try of the task may solve; for all other kinds the order is looked at again.
SENT_AGAIN = frozenset({"vendor-no-confirmation", "late-parcel", "carrier-rejection"})
VENDOR, CARRIER = "vendor-no-confirmation", "carrier-rejection"
CUSTOMER_WORDS = "We are looking into a problem with this order and will tell you as soon as it goes on."


def try_again(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> dict[str, str]:
    """Send tasks once more, or look whether the order can go on now. Raises `Held`, `NoWay`."""
    done = {}
    with acting(by, at=now):
        changes, dockets = Changes(now), _dockets(cases)
        for case in cases:
            docket = dockets[case.subject_id]
            again = send_again(docket, changes) if _may_be_sent_again(case, docket) else []
            keys = ", ".join(one.key for one in again)
            done[str(case.pk)] = said("Sent again: %(keys)s.", keys=keys) if again else said("Looked again:")
        settle(list(dockets.values()), changes)
    return {str(case.pk): _and_rests(done[str(case.pk)], dockets[case.subject_id]) for case in cases}


def another_way(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> dict[str, str]:
    """Send from our own shelf what a vendor does not confirm, give back to who packed it what a carrier did not take.

    Any other case is left to who gets it next. Raises `Held`, `NoWay`.
    """
    done: dict[str, str] = {}
    with acting(by, at=now):
        mine = [case for case in cases if case.type in {VENDOR, CARRIER}]
        changes, dockets = Changes(now), _dockets(mine)
        for case in mine:
            if words := _sent_another_way(case, dockets[case.subject_id], changes):
                done[str(case.pk)] = words
        moved = [case for case in mine if str(case.pk) in done]
        settle([dockets[case.subject_id] for case in moved], changes)
    return {str(case.pk): _and_rests(done[str(case.pk)], dockets[case.subject_id]) for case in moved}


def _sent_another_way(case: ExceptionCase, docket: Docket, changes: Changes) -> str:
    """What was done; nothing where that would be the second time, or there is nothing to do."""
    if case.type == VENDOR and _is_stuck(docket):
        to_warehouse(docket, changes)
        return said("Goes by our own warehouse now:")
    if case.type == CARRIER and all(parcel.round <= 1 for parcel in docket.parcels):
        back = back_to_who_packs(docket, changes)
        return said("To be packed again: %(keys)s;", keys=", ".join(parcel.key for parcel in back)) if back else ""
    return ""


def put_on_hold(cases: Sequence[ExceptionCase], *, kind: str, by: Actor, now: datetime) -> Collection[str]:
    """Hold these orders until their case is closed; the ids of those that were not held by it already and can be held."""
    held = {}
    with acting(by, at=now):
        changes, dockets = Changes(now), _dockets(cases)
        for case in cases:
            docket = dockets[case.subject_id]
            release_when = {"kind": "case", "case": case.key}
            if docket.order.state in {*ORDER_FINAL, *ORDER_LEFT_THE_HOUSE} or any(
                one.release_when == release_when for one in docket.in_force
            ):
                continue
            hold = Hold(
                reason=HoldReason.EXCEPTION,
                source=HoldSource.LADDER,
                words=said("%(key)s is not solved (%(kind)s): %(title)s", key=case.key, kind=kind, title=case.headline),
                customer_words=CUSTOMER_WORDS,
                release_when=release_when,
            )
            place(docket, hold, changes)
            held[case.subject_id] = docket
        settle(list(held.values()), changes)
    return held.keys()


def _dockets(cases: Sequence[ExceptionCase]) -> dict[str, Docket]:
    found = load_dockets({UUID(case.subject_id) for case in cases}) if cases else []
    return {str(docket.order.pk): docket for docket in found}


def _may_be_sent_again(case: ExceptionCase, docket: Docket) -> bool:
    """Once by itself: what was sent twice and is stuck again is for a person."""
    return case.type in SENT_AGAIN and all(parcel.round <= 1 for parcel in docket.parcels)


def _is_stuck(docket: Docket) -> bool:
    stuck = {FulfilmentState.REFUSED, *FULFILMENT_UNCONFIRMED}
    return any(parcel.flow.kind == FlowKind.DROP_SHIP and parcel.state in stuck for parcel in docket.parcels)


def _and_rests(done: str, docket: Docket) -> str:
    state = said(str(OrderState(docket.order.state).label))
    return said("%(done)s the order is “%(state)s”.", done=done, state=state)
