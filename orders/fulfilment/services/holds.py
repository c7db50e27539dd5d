"""Stopping an order by hand or by clock, and letting go; each hold releases only itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket, load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import ORDER_FINAL, HoldReason, HoldState

SHORTEST, LONGEST = 3, 280


def hold_order(*, order_id: UUID, words: str, customer_words: str = "", by: Actor, now: datetime) -> Hold:
    """Stop everything of an order that has not left, until a person lets go.

    Raises `Invalid` for a reason too short or too long, `IllegalTransition` for an order that is finished.
    """
    if not SHORTEST <= len(words.strip()) <= LONGEST:
        detail = f"Say why in {SHORTEST} to {LONGEST} characters."
        raise Invalid(detail, errors=[FieldError("/words", "length", detail)])
    with acting(by, at=now, reason=words.strip()):
        docket = _working_on(order_id, by)
        if docket.order.state in ORDER_FINAL:
            raise IllegalTransition(
                f"{docket.order.key} is {docket.order.get_state_display().lower()}: there is nothing to hold."
            )
        changes = Changes(now)
        hold = place(
            docket, HoldReason.PERSON, words.strip(), {"kind": "person"}, by.id, changes, customer_words=customer_words
        )
        settle([docket], changes)
    return hold


def release_hold(*, hold_id: UUID, reason: str = "", by: Actor, now: datetime) -> Order:
    """Let go of one hold; its placer or a lead may. The order goes on if nothing else holds it.

    Raises `IllegalTransition` when it is released already, `Refused` for somebody else's hold.
    """
    with acting(by, at=now, reason=reason):
        found = Hold.objects.filter(pk=hold_id).values_list("order_id", flat=True).first()
        if found is None:
            raise NotFound("There is no such hold.")
        docket = _working_on(found, by)
        hold = next((hold for hold in docket.holds if hold.pk == hold_id), None)
        if hold is None:
            raise IllegalTransition("This hold was released already.")
        if hold.placed_by != by.id:
            require(by, "exceptions.decide_waiver", docket.order)
        changes = Changes(now)
        let_go(docket, hold, changes, by=by.id, why=reason or "released by a person")
        settle([docket], changes)
    return docket.order


def place(
    docket: Docket,
    reason: HoldReason,
    words: str,
    release_when: dict[str, Any],
    placed_by: str,
    changes: Changes,
    *,
    customer_words: str = "",
) -> Hold:
    """A hold on the whole order."""
    hold = Hold(
        order=docket.order,
        reason=reason,
        words=words,
        customer_words=customer_words,
        placed_by=placed_by,
        placed_at=changes.now,
        release_when=release_when,
    )
    changes.add(hold)
    changes.tell("hold.placed", hold, order=docket.order.key, why=reason, release_when=release_when)
    docket.holds.append(hold)
    return hold


def let_go(docket: Docket, hold: Hold, changes: Changes, *, by: str, why: str) -> None:
    """Release one active hold."""
    if hold.state == HoldState.ACTIVE:
        hold.release()
        hold.released_at, hold.released_by = changes.now, by
        changes.edit(hold, "state", "released_at", "released_by")
        changes.tell("hold.released", hold, order=docket.order.key, why=why)


def _working_on(order_id: UUID, by: Actor) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound("There is no such order, or it is not yours to see.")
    require(by, "orders.work_order", dockets[0].order)
    return dockets[0]
