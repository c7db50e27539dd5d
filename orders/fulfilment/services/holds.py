"""Stopping an order or one of its parcels by hand, and letting go by hand or by clock; each hold releases only itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.texts import reason_mistake
from audit.words import said, within
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.holds import CONTEXT
from orders.fulfilment.models import Fulfilment, Hold, Order
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go, parcel_named, place
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import FULFILMENT_IN_HOUSE, ORDER_FINAL, HoldReason, HoldSource, HoldState
from rules import facts
from rules.engine import check_predicate

LONGEST_TIME = timedelta(days=90)


def hold_order(
    *,
    order_id: UUID,
    words: str,
    customer_words: str = "",
    release_when: str = "",
    fulfilment: str = "",
    expires_at: datetime | None = None,
    by: Actor,
    now: datetime,
) -> Hold:
    """Stop everything of an order that has not left, or one parcel of it (`fulfilment` is its key).

    `release_when` is an expression over the order: the hold lets go by itself once it holds; without one a person has to. Raises `Invalid`
    naming the field, `IllegalTransition` for what is finished or has left.
    """
    _refuse_invalid(words, release_when, expires_at, now)
    with acting(by, at=now, reason=words.strip()):
        docket = _working_on(order_id, by)
        hold = Hold(
            reason=HoldReason.PERSON,
            source=HoldSource.PERSON,
            fulfilment=_parcel(docket, fulfilment),
            words=words.strip(),
            customer_words=customer_words.strip(),
            release_when=_condition(release_when),
            expires_at=expires_at,
        )
        return put_on_hold(docket, hold, now=now)


def put_on_hold(docket: Docket, hold: Hold, *, now: datetime) -> Hold:
    """Place a hold whoever asks for it, and take the order to where that leaves it. Raises `IllegalTransition` for a finished order."""
    order = docket.order
    if order.state in ORDER_FINAL:
        raise IllegalTransition(
            said(
                "%(key)s is %(state)s: there is nothing to hold.",
                key=order.key,
                state=within(order.get_state_display()),
            )
        )
    changes = Changes(now)
    place(docket, hold, changes)
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
        if hold.reason == HoldReason.DOUBT:
            raise IllegalTransition(said("This goes once %(key)s is resubmitted.", key=docket.order.key))
        if hold.reason == HoldReason.QUALITY:
            raise IllegalTransition(
                said("This hold goes once %(check)s is passed.", check=within(str(hold.release_when["check"])))
            )
        if hold.placed_by != by.id:
            require(by, "exceptions.decide_waiver", docket.order)
        changes = Changes(now)
        let_go(docket, hold, changes, by=by.id, why=reason or "released by a person")
        settle([docket], changes)
    return docket.order


def on_expiry(timers: Sequence[Due], *, now: datetime) -> None:
    """The time of these holds is over: each lets go, and its order goes on if nothing else holds it."""
    changes, ids = Changes(now), {timer.subject_id for timer in timers}
    orders = Hold.objects.filter(pk__in=ids, state=HoldState.ACTIVE).values_list("order_id", flat=True)
    dockets = load_dockets(set(orders))
    for docket in dockets:
        for hold in docket.in_force:
            if str(hold.pk) in ids:
                let_go(docket, hold, changes, why=said("its time is over"))
    settle(dockets, changes)


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these holds, skipping those that somebody holds; the holds that are now safe to work on."""
    orders = Hold.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=list(orders)).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk in Hold.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def _condition(source: str) -> dict[str, str]:
    return {"kind": "condition", "when": source.strip()} if source.strip() else {"kind": "person"}


def _refuse_invalid(words: str, release_when: str, expires_at: datetime | None, now: datetime) -> None:
    mistake = reason_mistake(words, field="words")
    errors = [mistake] if mistake else []
    if release_when.strip():
        errors += [
            FieldError(
                "/release_when",
                "expression",
                said(
                    "Line %(line)s, column %(column)s: %(message)s",
                    line=one.line,
                    column=one.column,
                    message=one.message,
                ),
            )
            for one in check_predicate(release_when.strip(), facts.context(CONTEXT))
        ]
    if expires_at is not None and not now < expires_at <= now + LONGEST_TIME:
        errors.append(
            FieldError(
                "/expires_at", "out-of-range", said("Say a time within %(days)s days from now.", days=LONGEST_TIME.days)
            )
        )
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _parcel(docket: Docket, key: str) -> Fulfilment | None:
    if not key:
        return None
    parcel = parcel_named(docket, key)
    if parcel is None:
        detail = said("%(key)s has no fulfilment %(key_2)s.", key=docket.order.key, key_2=key)
        raise Invalid(detail, errors=[FieldError("/fulfilment", "unknown", detail)])
    if parcel.state not in FULFILMENT_IN_HOUSE:
        raise IllegalTransition(
            said("%(key)s is %(state)s: there is nothing to hold.", key=key, state=within(parcel.get_state_display()))
        )
    return parcel


def _working_on(order_id: UUID, by: Actor) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound("There is no such order, or it is not yours to see.")
    require(by, "orders.work_order", dockets[0].order)
    return dockets[0]
