"""Two orders that are one: a person says so. Names of the other and what was paid for it go to the one that stays; the other ends.

News under any of its names goes to the one that stays from then on, except about its own parcels, all of which were called off.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.texts import reason_given
from audit.words import said, within
from orders.fulfilment.decisions.money import NOTHING, in_words
from orders.fulfilment.decisions.requests import Stage
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import Order, OrderIdentifier
from orders.fulfilment.services.agreeing import CONFLICT
from orders.fulfilment.services.cancelling import leave_all
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.paying import MISMATCH, count_again, keep_stores_word
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import UNWIND_OPEN, OrderState, PaymentState, RequestState

PERMISSION: Final = "orders.work_order"
# An order that ends any other way is no longer there to stay.
NOT_STAYING: Final = (OrderState.CANCELLED, OrderState.RETURNING, OrderState.MERGED)


def merge_orders(*, order_id: UUID, into_id: UUID, reason: str, by: Actor, now: datetime) -> Order:
    """Let one order end as the same as another, which stays and is given back.

    That both were paid is said in a case of the one that stays. Raises `AlreadyGone` once anything of the one that ends is off the shelf,
    `IllegalTransition` when one of them is merged or cancelled already or waits for a decision, `Invalid` for itself, another client's or
    another currency; `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        found = {docket.order.pk: docket for docket in load_dockets({order_id, into_id})}
        for pk in (order_id, into_id):
            require(by, PERMISSION, found[pk].order if pk in found else None)
            if pk not in found:
                raise NotFound("There is no such order, or it is not yours to see.")
        ends, stays = found[order_id], found[into_id]
        _refuse(ends, stays)
        changes = Changes(now)
        _move_names(ends.order, stays.order, changes)
        was_paid_for = [one for one in (ends.order, stays.order) if one.paid_at is not None]
        _move_payments(ends, stays, changes)
        _end(ends, stays, changes)
        settle([ends, stays], changes)
        afterwards = Changes(now)  # who works cases may act on the order at once: it has to be written by then
        afterwards.cured += [(ends.order, CONFLICT), (ends.order, MISMATCH)]
        if len(was_paid_for) > 1:
            _tell_paid_twice(ends, stays, afterwards)
        afterwards.write()
    return stays.order


def _refuse(ends: Docket, stays: Docket) -> None:
    order, into = ends.order, stays.order
    if order == into or (order.client_id, order.currency) != (into.client_id, into.currency):
        detail = said("%(key)s is no other order of this client in the same currency.", key=into.key)
        raise Invalid(detail, errors=[FieldError("/into", "invalid", detail)])
    for one in (order, into):
        if one.state in NOT_STAYING or one.cancelled_at is not None:
            state = within(one.get_state_display())
            raise IllegalTransition(said("%(key)s is “%(state)s”: look at it again.", key=one.key, state=state))
    if any(ends.stage(line) != Stage.UNTOUCHED for line in ends.lines):
        raise AlreadyGone(
            said(
                "Units of %(key)s are off the shelf already. Let the other order end instead, or cancel this one: "
                "then somebody decides about the units.",
                key=order.key,
            )
        )
    if _is_undecided(ends):
        raise IllegalTransition(
            said("Something of %(key)s waits for a decision or for money to go back: see to that first.", key=order.key)
        )


def _is_undecided(docket: Docket) -> bool:
    asked = any(one.state == RequestState.UNDECIDED for one in docket.requests)
    return asked or any(one.state in UNWIND_OPEN for one in docket.unwinds) or bool(docket.refunds)


def _move_names(ends: Order, stays: Order, changes: Changes) -> None:
    """Whatever systems call it, and whoever was merged into it, leads to the one that stays."""
    for name in OrderIdentifier.objects.filter(order=ends).order_by("pk"):
        name.order = stays
        changes.edit(name, "order")
        changes.tell("order.identified", stays, system=name.system, was=ends.key)
    for before in Order.objects.select_for_update().filter(merged_into=ends).order_by("pk"):
        before.merged_into = stays
        changes.edit(before, "merged_into")
        changes.tell("order.led_on", before, into=stays.key)


def _move_payments(ends: Docket, stays: Docket, changes: Changes) -> None:
    """Money that came for either has come for the one that stays; more than it costs is a person's to see to."""
    if ends.order.paid_at is not None or ends.payments:
        keep_stores_word(ends, changes)
        keep_stores_word(stays, changes)
    for payment in ends.payments:
        payment.order = stays.order
        payment.reference = _free(payment.reference, stays, ends.order.key)
        changes.edit(payment, "order", "reference")
        stays.payments.append(payment)
        told: dict[str, Any] = {"payment": payment.reference, "amount": payment.amount, "currency": payment.currency}
        captured = payment.state == PaymentState.CAPTURED
        changes.tell("order.payment_captured" if captured else "order.authorisation_heard", stays.order, **told)
    ends.payments = []
    count_again(stays, changes)


def _tell_paid_twice(ends: Docket, stays: Docket, changes: Changes) -> None:
    more = stays.captured - stays.refunded - stays.total
    if more > NOTHING:
        title = said(
            "Paid twice: %(amount)s more, as %(stays)s and as %(ends)s",
            amount=in_words(more, stays.order.currency),
            stays=stays.order.key,
            ends=ends.order.key,
        )
        changes.openings.append(Opening(MISMATCH, stays.order, title, "paid-twice", {"merged": ends.order.key}))


def _free(reference: str, stays: Docket, of: str) -> str:
    """Both may have a payment that is called the same."""
    taken = any(one.reference == reference for one in stays.payments)
    return f"{reference[:110]} ({of})" if taken else reference


def _end(ends: Docket, stays: Docket, changes: Changes) -> None:
    """Nothing of it is sent, what was set aside for it is free, and it says where it went; `settle` takes it to its last state."""
    order = ends.order
    order.cancelled_at, order.merged_into = changes.now, stays.order
    changes.edit(order, "cancelled_at", "merged_into")
    changes.tell("order.same_as", order, into=stays.order.key)
    changes.tell("order.took_in", stays.order, merged=order.key)
    leave_all(ends, changes, why=said("it is the same order as %(key)s", key=stays.order.key))
