"""Taking orders as far as they can go now. Whatever happened, this runs afterwards, and the same facts always lead to the same place."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from audit.canonical import timestamp
from audit.context import current_time
from audit.subject_refs import SubjectRef
from audit.triggers import published_edges
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.fallbacks import ruled_owner
from orders.fulfilment.decisions.progress import resting_state, way_to
from orders.fulfilment.errors import NoWay
from orders.fulfilment.models import Order, StockItem
from orders.fulfilment.services import stock
from orders.fulfilment.services.addresses import check_addresses
from orders.fulfilment.services.cases import TimerChange, set_all
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dispatch import dispatch
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.exports import send_exports
from orders.fulfilment.services.falling_back import keep_clock
from orders.fulfilment.services.holding import review_holds
from orders.fulfilment.services.keeping import watch_reservations
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.quality import review_checks, run_clocks
from orders.fulfilment.services.routing import Desk, route
from orders.fulfilment.services.stuck import cured_by_answers, cured_by_leaving, open_cases_for
from orders.fulfilment.services.together import keep_together
from orders.fulfilment.services.unpaid import payment_due
from orders.fulfilment.states import ORDER_LEFT_THE_HOUSE, ORDER_STUCK, ORDER_UNPAID, FulfilmentState, OrderState
from rules.selectors import active_book

QUEUE_LOOK: Final = "fulfilment.queue_look"
SIBLING_LOOK: Final = "fulfilment.sibling_look"
ORDER: Final = "fulfilment.order"
LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)
STEP_INTO = {
    OrderState.PAID: "prepare",
    OrderState.PAYMENT_AUTHORISED: "authorise",
    OrderState.PARTLY_PAID: "pay_partly",
    OrderState.REROUTING: "reroute",
    OrderState.CHANGE_UNDECIDED: "doubt_change",
    OrderState.CANCEL_UNDECIDED: "doubt_cancellation",
    OrderState.RETURN_ANNOUNCED: "announce_return",
    OrderState.PARTLY_RETURNED: "take_back_partly",
    OrderState.RETURNED: "take_back",
    OrderState.QUARANTINED: "quarantine",
    OrderState.AWAITING_PAYMENT: "await_payment",
    OrderState.ADDRESS_INVALID: "question_address",
    OrderState.MANUAL_REVIEW: "send_to_review",
    OrderState.PAID_NO_STOCK: "miss_stock",
    OrderState.PARTLY_FULFILLED: "fulfil_partly",
    OrderState.IN_FULFILMENT: "fulfil",
    OrderState.VENDOR_REFUSED: "be_refused",
    OrderState.CARRIER_REJECTED: "come_back_from_carrier",
    OrderState.ON_HOLD: "hold",
    OrderState.PARTLY_SHIPPED: "ship_partly",
    OrderState.SHIPPED: "ship",
    OrderState.DELIVERED: "deliver",
    OrderState.CANCELLED: "cancel",
    OrderState.MERGED: "merge",
    OrderState.RETURNING: "return_to_sender",
}


def release_queue(sku_ids: Collection[UUID], changes: Changes) -> list[UUID]:
    """Let those go on whose turn it is for these products, which must be locked. Returns the orders that were looked at.

    An order somebody is working on is not waited for: it is asked again a minute later, and nobody gets what is its turn meanwhile.
    """
    wanted = stock.waiting_orders(sku_ids, changes)
    found = settle_orders(order_ids=wanted, skip_locked=True) if wanted else []
    if len(found) < len(wanted):
        again = changes.now + LOOK_AGAIN_AFTER
        items = changes.lock_stock(sku__in=sku_ids)
        set_all([TimerChange(_of_client(item), QUEUE_LOOK, again) for item in items], now=changes.now)
    return wanted


def on_look_again(timers: Sequence[Due], *, now: datetime) -> None:
    """Whose turn it was is asked again."""
    changes = Changes(now)
    items = changes.lock_stock(pk__in={UUID(timer.subject_id) for timer in timers})
    release_queue([item.sku_id for item in items], changes)


def _of_client(item: StockItem) -> SubjectRef:
    ref = ref_of(item)
    return SubjectRef(ref.type, ref.id, item.sku.client_id)


def settle_orders(*, order_ids: Collection[UUID], skip_locked: bool = False) -> list[Order]:
    """Take these orders as far as they can go, inside the act under way. Raises `NoWay` where the state machine forbids it."""
    if not order_ids:
        return []
    dockets = load_dockets(order_ids, skip_locked=skip_locked)
    settle(dockets, Changes(current_time()))
    return [docket.order for docket in dockets]


def settle(dockets: Sequence[Docket], changes: Changes, desk: Desk | None = None) -> None:
    """As `settle_orders`, for papers that are already on the desk, with what has been changed of them so far."""
    desk = desk or Desk(active_book(), changes.now)
    left = {docket.order.pk: OrderState(docket.order.state) for docket in dockets}
    _take_payments(dockets, desk, changes)
    check_addresses([docket for docket in dockets if docket.order.paid_at is not None], changes)
    review_holds(dockets, desk.book, changes)
    route(dockets, desk, changes)
    review_checks(dockets, changes)
    dispatch(dockets, changes)
    alone = keep_together(dockets, changes)
    run_clocks(dockets, changes)
    stock.release_reservations(dockets, changes)
    watch_reservations(dockets, changes)
    ways = {docket.order.pk: _way(docket) for docket in dockets}
    for step in range(max(map(len, ways.values()), default=0)):
        for docket in dockets:
            if len(way := ways[docket.order.pk]) > step:
                _enter(docket, way[step], desk, changes, last=step == len(way) - 1)
        changes.write()
    send_exports(dockets, changes)
    for docket in dockets:
        changes.cured += cured_by_leaving(docket.order, left[docket.order.pk], OrderState(docket.order.state))
        changes.cured += cured_by_answers(docket, desk.book, changes.now)
    changes.write()
    if alone:
        _let_siblings_go_on(alone, changes.now)
    if changes.freed:
        freed, changes.freed = changes.freed, set()
        release_queue(freed, changes)


def _let_siblings_go_on(order_ids: Collection[UUID], now: datetime) -> None:
    """What went together with a parcel that goes by itself now is looked at; an order somebody works on, a minute later."""
    found = {order.pk for order in settle_orders(order_ids=order_ids, skip_locked=True)}
    busy = (
        Order.objects.filter(pk__in=set(order_ids) - found).values_list("pk", "client")
        if found < set(order_ids)
        else ()
    )
    again = now + LOOK_AGAIN_AFTER
    waiting = [TimerChange(SubjectRef(ORDER, str(pk), client), SIBLING_LOOK, again) for pk, client in busy]
    if waiting:
        set_all(waiting, now=now)


def on_sibling_look(timers: Sequence[Due], *, now: datetime) -> None:
    """Whoever worked on these orders is done: what they ship with others is looked at."""
    del now
    settle_orders(order_ids={UUID(timer.subject_id) for timer in timers})


def _take_payments(dockets: Sequence[Docket], desk: Desk, changes: Changes) -> None:
    """Being paid is a step of its own, before anything is decided."""
    paid = [docket for docket in dockets if docket.order.state in ORDER_UNPAID and docket.may_be_prepared]
    for docket in paid:
        docket.order.sla_due_at = None  # that was for paying; the rules say until when it goes on
        changes.edit(docket.order, "sla_due_at")
        _enter(docket, OrderState.PAID, desk, changes, last=False)
    if paid:
        changes.write()


def _way(docket: Docket) -> tuple[OrderState, ...]:
    source, target = OrderState(docket.order.state), resting_state(docket.facts())
    try:
        return way_to(source, target, published_edges(Order)["state"])
    except LookupError as no_way:
        raise NoWay(f"{docket.order.key}: {no_way}") from no_way


def _enter(docket: Docket, state: OrderState, desk: Desk, changes: Changes, *, last: bool) -> None:
    order = docket.order
    getattr(order, STEP_INTO[state])()
    _stamp(docket, state, changes)
    changes.edit(order, "state")
    if last and state in ORDER_UNPAID:
        order.sla_due_at = payment_due(desk.book, order.client, changes.now)
        changes.edit(order, "sla_due_at")
    if last:
        _pass_on(docket, state, desk, changes)
    changes.tell(f"order.{state.value}", order)
    if last:
        open_cases_for(docket, state, changes)


def _stamp(docket: Docket, state: OrderState, changes: Changes) -> None:
    """When it came into this state; when it left and arrived is when it was seen to, not when we heard of it."""
    order = docket.order
    order.stamps = {**order.stamps, state.value: timestamp(changes.now)}
    changes.edit(order, "stamps")
    if state in ORDER_LEFT_THE_HOUSE and order.shipped_at is None:
        seen = [parcel.handed_over_at or parcel.delivered_at for parcel in docket.parcels]
        order.shipped_at = max((moment for moment in seen if moment), default=changes.now)
        changes.edit(order, "shipped_at")
    arrived = [parcel.delivered_at for parcel in docket.parcels if parcel.delivered_at]
    live = [parcel for parcel in docket.parcels if parcel.state != FulfilmentState.CANCELLED]
    if state in ORDER_LEFT_THE_HOUSE and arrived and len(arrived) == len(live):
        order.delivered_at = max(arrived)
        changes.edit(order, "delivered_at")


def _pass_on(docket: Docket, state: OrderState, desk: Desk, changes: Changes) -> None:
    """Whom the rules decided on has it, in time; where it cannot go on, and before any decision, the one owner of that status."""
    order = docket.order
    owner = desk.book.status_owner(state.value).slug
    if order.decision is not None and state not in {*ORDER_STUCK, *ORDER_UNPAID}:
        owner = ruled_owner(order.decision.outcome, fell_back=order.fell_back_at is not None)
    if order.owner_id != desk.on_duty[owner]:
        order.owner_id = desk.on_duty[owner]
        changes.edit(order, "owner")
    keep_clock(order, changes)
