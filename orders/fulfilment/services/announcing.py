"""A return that somebody tells us of by hand, and what was announced and is not seen to come."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.texts import reason_given
from audit.words import on, said, within
from exceptions.timer_kinds import Due
from orders.fulfilment.models import Order, OrderLine, OrderRequest
from orders.fulfilment.services.asking import Wish
from orders.fulfilment.services.cancelling import named
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.returning import OVERDUE, ask_to_return
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import WITH_THE_CUSTOMER, OrderState, RequestKind, RequestState


def return_order(
    *,
    order_id: UUID,
    reason: str,
    lines: Mapping[str, int] | None = None,
    reference: str = "",
    by: Actor,
    now: datetime,
) -> OrderRequest:
    """Announce that so many units of some lines (by position), or all the customer has, come back; what the rule says is in the answer.

    One that is refused is kept, with its rule and reason. Raises `Invalid` naming each line the customer does not have so much of,
    `IllegalTransition` for what was announced before, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets([order_id])
        require(by, "orders.work_order", dockets[0].order if dockets else None)
        if not dockets:
            raise NotFound("There is no such order, or it is not yours to see.")
        docket, changes = dockets[0], Changes(now)
        _refuse_second(docket, reference)
        units = _units(docket, lines or {})
        wish = Wish(
            RequestKind.RETURN, now, current_actor().id, named(units), reason=why[:280], reference=reference.strip()
        )
        request = ask_to_return(docket, units, wish, changes)
        settle(dockets, changes)
    return request


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these requests, skipping those that somebody holds; the requests that are now safe to work on."""
    orders = OrderRequest.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=list(orders)).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk in OrderRequest.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def not_come(timers: Sequence[Due], *, now: datetime) -> None:
    """What was announced has not been seen in its time: somebody asks after it."""
    changes, ids = Changes(now), {timer.subject_id for timer in timers}
    waiting = OrderRequest.objects.filter(pk__in=ids, state=RequestState.AWAITED).values_list("order_id", flat=True)
    for docket in load_dockets(set(waiting)):
        for request in docket.requests:
            if str(request.pk) in ids and request.state == RequestState.AWAITED:
                title = said("Announced %(day)s to come back, and not seen", day=on(request.asked_at.date()))
                evidence = {"request": str(request.pk), "lines": dict(request.lines), "return": request.reference}
                changes.openings.append(Opening(OVERDUE, docket.order, title, "return-overdue", evidence))
    changes.write()


def _refuse_second(docket: Docket, reference: str) -> None:
    if reference.strip() and any(
        one.kind == RequestKind.RETURN and one.reference == reference.strip() for one in docket.requests
    ):
        raise IllegalTransition(
            said("%(key)s: the return %(name)s was announced already.", key=docket.order.key, name=reference[:80])
        )


def _units(docket: Docket, lines: Mapping[str, int]) -> dict[OrderLine, int]:
    with_them = {
        line: line.quantity - line.returned
        for line in docket.lines
        if line.state in WITH_THE_CUSTOMER and line.returned < line.quantity
    }
    known = {str(line.position): line for line in docket.lines}
    errors = [error for position, count in lines.items() if (error := _wrong(position, count, known, with_them))]
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    if not with_them:
        if docket.order.state == OrderState.RETURN_ANNOUNCED:
            raise IllegalTransition(said("%(key)s: all of it was announced already.", key=docket.order.key))
        detail = said(
            "The customer has nothing of %(key)s: it is “%(state)s”.",
            key=docket.order.key,
            state=within(docket.order.get_state_display()),
        )
        raise Invalid(detail, errors=[FieldError("/lines", "nothing-there", detail)])
    return {known[position]: count for position, count in lines.items()} if lines else with_them


def _wrong(
    position: str, count: int, known: Mapping[str, OrderLine], with_them: Mapping[OrderLine, int]
) -> FieldError | None:
    """What is wrong with so many units of a line, if anything is."""
    at, line = f"/line-{position}", known.get(position)
    if line is None:
        return FieldError(at, "unknown", said("There is no line %(line)s.", line=position[:20]))
    if line not in with_them:
        state = within(line.get_state_display())
        detail = said("The customer does not have line %(line)s: it is “%(state)s”.", line=position, state=state)
        return FieldError(at, "not-there", detail)
    if not 0 < count <= with_them[line]:
        return FieldError(at, "too-many", said("From 1 to %(most)s.", most=with_them[line]))
    return None
