"""Saying by hand what of an order is a gift, for as long as it is not packed."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, NotFound, StaleVersion
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.decisions.addresses import check_address
from orders.fulfilment.decisions.gifts import LONGEST_MESSAGE, LONGEST_WRAP, Gift
from orders.fulfilment.errors import AlreadyPacked
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.addresses import problem_in_words
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.gifts import giftable, give, is_packed
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.resuming import refuse_before_audit
from orders.fulfilment.services.settling import settle


def say_gift(
    *, order_id: UUID, line: str, gift: Gift | None, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> Order:
    """Say what is given to whom, with which words and how wrapped; None where the line is no gift (any more).

    `line` is the number or product of a line or bundle. Raises `AlreadyPacked` where it is too late, `Invalid` naming what cannot be,
    `StaleVersion` when the order changed since it was looked at, `NotFound`, `Refused`.
    """
    with acting(by, at=now, reason=reason.strip()):
        docket = _docket(order_id, by, seen)
        reason_given(reason)
        position = giftable(docket, line)
        if position is None:
            detail = said("%(key)s has no line “%(line)s” that could be a gift.", key=docket.order.key, line=line[:80])
            raise Invalid(detail, errors=[FieldError("/line", "unknown", detail)])
        if is_packed(docket, position):
            raise AlreadyPacked(
                said(
                    "Line %(line)s of %(key)s is packed already: nothing can be put in or changed any more.",
                    line=position,
                    key=docket.order.key,
                )
            )
        refuse_before_audit(docket.order)
        changes = Changes(now)
        give(docket, position, _read(gift), changes)
        settle([docket], changes)
    return docket.order


def _docket(order_id: UUID, by: Actor, seen: int | None) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound("There is no such order, or it is not yours to see.")
    order = dockets[0].order
    require(by, "orders.work_order", order)
    if seen is not None and seen != order.version:
        raise StaleVersion(said("%(key)s was changed since you looked at it. Look again, then decide.", key=order.key))
    return dockets[0]


def _read(gift: Gift | None) -> Gift | None:
    """Tidied. Raises `Invalid` naming every field that cannot be."""
    if gift is None:
        return None
    message = gift.message.strip() if gift.message else gift.message
    wrap = gift.wrap.strip() if gift.wrap else gift.wrap
    errors = [
        FieldError(f"/{name}", "too-long", said("At most %(most)s characters.", most=most))
        for name, value, most in (("message", message, LONGEST_MESSAGE), ("wrap", wrap, LONGEST_WRAP))
        if len(value or "") > most
    ]
    if gift.address:
        problems = check_address(gift.address).problems
        errors += [
            FieldError(f"/address/{one.field}", one.code, problem_in_words(one.field, one.code)) for one in problems
        ]
    if errors:
        raise Invalid(said("This gift cannot be sent: %(detail)s.", detail=errors[0].detail), errors=errors)
    return replace(gift, message=message, wrap=wrap)
