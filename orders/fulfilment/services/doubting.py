"""Putting an order into quarantine by hand, and letting it out again once whatever was in doubt is confirmed.

The doubt is a hold of its own: other holds stay in force whatever becomes of it, and nobody lets go of it but by resubmitting.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound, StaleVersion
from audit.texts import reason_given, reason_mistake
from audit.words import said, within
from orders.fulfilment.decisions.doubts import DOUBTS
from orders.fulfilment.decisions.progress import resting_state
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go, place
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.resuming import refuse_before_audit
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import HoldReason, HoldSource, OrderState


def quarantine_order(
    *,
    order_id: UUID,
    doubts: Sequence[str],
    reason: str,
    line: int | None = None,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> Order:
    """Stop an order until somebody has confirmed these things about it (of this line, where one is meant) and resubmits it.

    Raises `Invalid` naming what is wrong, `StaleVersion`, `IllegalTransition` where nothing is left to stop or other things are to be
    decided first.
    """
    with acting(by, at=now, reason=reason.strip()):
        docket = _working_on(order_id, by, seen)
        _refuse_invalid(docket, doubts, reason, line)
        hold = Hold(
            reason=HoldReason.DOUBT,
            source=HoldSource.PERSON,
            words=reason.strip(),
            release_when={"kind": "resubmit", "doubts": list(doubts), "line": line},
        )
        changes = Changes(now)
        place(docket, hold, changes)
        _refuse_unless_it_stops(docket)
        settle([docket], changes)
    return docket.order


def resubmit_doubted(
    *,
    order_id: UUID,
    confirmed: Collection[str],
    reason: str,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> Order:
    """Let an order that somebody put into quarantine go on where it stopped; nothing before is repeated, other holds stay.

    Raises `Invalid` naming everything that is in doubt and not confirmed, or every audit step nobody has done; `StaleVersion`,
    `IllegalTransition` when it is not in quarantine by hand.
    """
    with acting(by, at=now, reason=reason.strip()):
        docket = _working_on(order_id, by, seen)
        order, doubts = docket.order, docket.doubts
        if not doubts:
            raise IllegalTransition(
                said(
                    "Nothing of %(key)s is in doubt any more: it is “%(state)s”.",
                    key=order.key,
                    state=said(order.get_state_display()),
                )
            )
        reason_given(reason)
        refuse_before_audit(order)
        _refuse_unconfirmed(doubts, confirmed)
        changes = Changes(now)
        for doubt in doubts:
            let_go(docket, doubt, changes, by=by.id, why=reason.strip())
        settle([docket], changes)
    return order


def _working_on(order_id: UUID, by: Actor, seen: int | None) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound("There is no such order, or it is not yours to see.")
    order = dockets[0].order
    require(by, "orders.work_order", order)
    if seen is not None and seen != order.version:
        raise StaleVersion(said("%(key)s was changed since you looked at it. Look again, then decide.", key=order.key))
    return dockets[0]


def _refuse_invalid(docket: Docket, doubts: Sequence[str], reason: str, line: int | None) -> None:
    mistake = reason_mistake(reason)
    errors = [mistake] if mistake else []
    if not doubts or not set(doubts) <= DOUBTS.keys():
        known = ", ".join(DOUBTS)
        errors.append(
            FieldError("/doubts", "unknown", said("Say what is in doubt. There are: %(known)s.", known=known))
        )
    if line is not None and line not in {one.position for one in docket.live_lines()}:
        detail = said("%(key)s has no line %(line)s.", key=docket.order.key, line=line)
        errors.append(FieldError("/line", "unknown", detail))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _refuse_unless_it_stops(docket: Docket) -> None:
    """A quarantine that would change nothing is none: what has left, is over, waits for a decision or is in quarantine already."""
    order = docket.order
    if order.state == OrderState.QUARANTINED or resting_state(docket.facts()) != OrderState.QUARANTINED:
        raise IllegalTransition(
            said(
                "%(key)s is %(state)s: it cannot be put into quarantine now.",
                key=order.key,
                state=within(order.get_state_display()),
            )
        )


def _refuse_unconfirmed(doubts: Sequence[Hold], confirmed: Collection[str]) -> None:
    open_ones = [name for doubt in doubts for name in doubt.release_when["doubts"] if name not in confirmed]
    if open_ones:
        errors = [
            FieldError(f"/{name}", "required", said("Not confirmed yet: %(label)s.", label=said(DOUBTS[name].label)))
            for name in open_ones
        ]
        raise Invalid(errors[0].detail, errors=errors)
