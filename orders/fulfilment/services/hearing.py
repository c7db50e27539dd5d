"""What news change about an order. Later steps may be heard before earlier ones; nothing here depends on who was first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django_fsm import can_proceed

from audit.words import on, said, within
from orders.fulfilment.decisions.carriers import CARRIER_DIFFERS, TAKEN_BY_ANOTHER, is_same
from orders.fulfilment.decisions.news import News, happened, moment
from orders.fulfilment.models import Fulfilment, Hold, OrderLine
from orders.fulfilment.services import stock
from orders.fulfilment.services.asking import Wish
from orders.fulfilment.services.cancelling import cancel, units_of
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.changing import change
from orders.fulfilment.services.departures import leave_earlier, leave_unasked
from orders.fulfilment.services.dispatch import tell_customer, void_booking
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go
from orders.fulfilment.services.paying import hear_authorised, hear_captured, hear_refunded
from orders.fulfilment.services.returning import announce_return, take_back, tell_unknown
from orders.fulfilment.services.routing import Desk, hold_for_stock, plan_observed
from orders.fulfilment.services.sequences import IMPOSSIBLE, watched
from orders.fulfilment.services.unwinding import hear_undone
from orders.fulfilment.services.unwinds import overtake
from orders.fulfilment.states import (
    FULFILMENT_IN_HOUSE,
    FulfilmentState,
    HoldReason,
    LineState,
    RequestKind,
)
from rules.states import CheckPoint

Told = tuple[Docket, News]
OUT_OF_STOCK = frozenset({"out_of_stock", "short_stock", "short"})
SHIPPING = frozenset({"shipment.handed_over", "shipment.delivered"})
DELAY = "carrier-delay"
TIMED = SHIPPING | {"payment.captured"}
MOVING = frozenset({"shipment.picked", "shipment.packed", "shipment.handed_over"})


def hear(told: Sequence[Told], desk: Desk, changes: Changes) -> None:
    """Apply news to the papers of the orders they are about, in the order given."""
    timed = {docket.order.pk: docket for docket, news in told if news.type in TIMED}
    with watched(list(timed.values()), changes):
        _hear(told, desk, changes)


def _hear(told: Sequence[Told], desk: Desk, changes: Changes) -> None:
    unplanned = {docket.order.pk: docket for docket, news in told if news.type in SHIPPING and not docket.parcels}
    if unplanned:
        plan_observed(list(unplanned.values()), desk, changes)
        changes.write()  # lines enter their parcel before the parcel leaves: two edges, two statements
    for docket, news in told:
        if news.type in ABOUT_ORDERS:
            ABOUT_ORDERS[news.type](docket, news, changes)
            continue
        parcels = _parcels(docket, news)
        if not parcels and news.type in SHIPPING:
            _tell_left_without_parcel(docket, news, changes)
        for parcel in parcels:
            holding, before = docket.holding(parcel), parcel.state
            ABOUT_PARCELS[news.type](docket, parcel, news, changes)
            if news.type in MOVING and parcel.state != before:
                _tell_moved_while_held(docket, parcel, holding, news, changes)
            if news.type in SHIPPING and before in FULFILMENT_IN_HOUSE:
                _tell_left_unchecked(docket, parcel, news, changes)
            if news.type in SHIPPING and parcel.state == FulfilmentState.CANCELLED:
                _tell_left_nevertheless(docket, parcel, news, changes)
            take = changes.expecting.take_word if news.is_by_hand else changes.expecting.hear
            take(parcel, news.type, news.event_id)
        docket.has_answers = True


def waits_for_parcel(docket: Docket, news: News) -> bool:
    """Whether it is about a parcel that nobody has planned yet; what has left is planned as it was seen."""
    is_about_parcel = news.type in ABOUT_PARCELS and news.type not in SHIPPING
    return is_about_parcel and not docket.parcels and docket.order.cancelled_at is None


def _tell_moved_while_held(
    docket: Docket, parcel: Fulfilment, holding: Sequence[Hold], news: News, changes: Changes
) -> None:
    """What was seen is true, and somebody has to know: it was held, and by more than the silence that this ends."""
    still = [hold for hold in holding if hold in docket.in_force]
    if still:
        done = within(str(FulfilmentState(parcel.state).label))
        title = said("%(key)s was %(done)s although it is on hold", key=parcel.key, done=done)
        evidence = {"fulfilment": parcel.key, "event": news.event_id, "holds": [str(hold.pk) for hold in still]}
        changes.openings.append(Opening("moved-while-held", docket.order, title, "moved-while-held", evidence))


def _tell_left_unchecked(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """It has left without having passed its quality checks: that is true too, and somebody has to know."""
    if missing := docket.unchecked(parcel, CheckPoint.HAND_OVER):
        names = ", ".join(f"“{check.name}”" for check in missing)
        title = said("%(key)s has left without having passed %(checks)s", key=parcel.key, checks=names)
        evidence = {"fulfilment": parcel.key, "event": news.event_id, "checks": [check.slug for check in missing]}
        changes.openings.append(Opening("moved-while-held", docket.order, title, "left-unchecked", evidence))


def _tell_left_nevertheless(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """It was called off, and whoever had it sent it all the same: the customer gets what nobody expects."""
    title = said("%(key)s has left although it was called off", key=parcel.key)
    evidence = {"fulfilment": parcel.key, "event": news.event_id}
    changes.openings.append(Opening("moved-while-held", docket.order, title, "left-nevertheless", evidence))


def _tell_left_without_parcel(docket: Docket, news: News, changes: Changes) -> None:
    """Nothing of it was to be sent, and somebody says that it has left: nothing is made of that but an exception."""
    title = said("%(key)s is said to have left, and nothing of it was to be sent", key=docket.order.key)
    evidence = {"event": news.event_id, "about": news.type}
    changes.openings.append(Opening(IMPOSSIBLE, docket.order, title, "left-without-parcel", evidence))


def _parcels(docket: Docket, news: News) -> list[Fulfilment]:
    """The fulfilment whose task the sender names; else all that its vendor (or anybody) sends of the order.

    What has left although all of it was called off is the last that each sender had.
    """
    named = [parcel for parcel in docket.parcels if parcel.key == news.data.get("task")]
    vendor = news.data.get("vendor")
    theirs = [parcel for parcel in docket.parcels if not vendor or parcel.vendor == vendor]
    live = [parcel for parcel in theirs if parcel.state != FulfilmentState.CANCELLED]
    last = {parcel.vendor: parcel for parcel in theirs} if news.type in SHIPPING else {}
    return named or live or list(last.values())


def _cancelled(docket: Docket, news: News, changes: Changes) -> None:
    lines, unknown = units_of(docket, news.data.get("lines"))
    tell_unknown(docket, news, unknown, changes)
    if lines or not unknown:
        wish = Wish(
            RequestKind.CANCEL,
            happened(news, "cancelled_at"),
            news.system,
            lines,
            reason=str(news.data.get("reason") or ""),
            event_id=news.event_id,
        )
        cancel(docket, wish, changes)


def _step(parcel: Fulfilment, name: str, news: News, changes: Changes, **facts: object) -> bool:
    """Take the step if it is still ahead; note what was missing either way, and of moments the earliest. Whether it was taken."""
    missing = [field for field, value in facts.items() if value and _says_more(field, getattr(parcel, field), value)]
    for field in missing:
        setattr(parcel, field, facts[field])
    step = getattr(parcel, name)
    ahead = can_proceed(step)
    if ahead:
        step()
    if ahead or missing:
        changes.edit(parcel, "state", *missing)
        heard = f"fulfilment.{FulfilmentState(parcel.state).value}" if ahead else "fulfilment.heard_late"
        changes.tell(heard, parcel, event=news.event_id, about=news.type, system=news.system)
    return ahead


def _says_more(field: str, known: object, told: object) -> bool:
    """Whether it was not known, or is known to have been earlier: what comes out may not depend on who was heard first.

    Who picks is chosen by us until whoever has the task says who it was.
    """
    if field == "picker":
        return known != told
    return not known or (isinstance(known, datetime) and isinstance(told, datetime) and told < known)


def end_silence(docket: Docket, parcel: Fulfilment, changes: Changes, *, why: str = "") -> None:
    """Whatever is done with this task, the silence about it is over; others' silence still holds the order."""
    for hold in docket.in_force:
        if hold.reason == HoldReason.VENDOR and hold.release_when.get("fulfilment") == parcel.key:
            let_go(docket, hold, changes, why=why or said("the vendor has answered"))


def _acknowledged(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    del docket
    _step(parcel, "acknowledge", news, changes)


def _confirmed(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    if _step(parcel, "confirm", news, changes, confirmed_at=happened(news, "at")):
        end_silence(docket, parcel, changes)


def _refused(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    reason = str(news.data.get("reason") or "")
    lines = _lines(docket, parcel)
    if reason in OUT_OF_STOCK and parcel.state in FULFILMENT_IN_HOUSE:
        parcel.cancel()
        changes.edit(parcel, "state")
        changes.tell("fulfilment.cancelled", parcel, event=news.event_id, reason=reason)
        stock.keep_places(docket, lines, changes)
        stock.write_off(docket.take_reservations(lines), news.happened_at, changes)
        for line in lines:
            hold_for_stock(docket, line, changes)
        changes.expecting.end(parcel)
    elif _step(parcel, "refuse", news, changes):
        end_silence(docket, parcel, changes)
        changes.expecting.end(parcel)
        _move_lines(lines, "refuse", changes)


def _picked(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    at = happened(news, "at")
    if _step(parcel, "pick", news, changes, picker=str(news.data.get("picker") or ""), confirmed_at=at):
        end_silence(docket, parcel, changes)


def _packed(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    manifest = str(news.data.get("manifest") or "")
    if _step(parcel, "pack", news, changes, packed_at=happened(news, "at"), manifest=manifest):
        end_silence(docket, parcel, changes)


def _handed_over(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    facts = {"carrier": news.data.get("carrier"), "tracking_number": news.data.get("tracking")}
    has_carrier, was = bool(parcel.carrier), parcel.left_at
    if _step(parcel, "hand_over", news, changes, handed_over_at=happened(news, "at"), **facts):
        _left(docket, parcel, "ship", changes)
    _leave_earlier(docket, parcel, was, changes)
    if parcel.carrier and not has_carrier:
        _tell_other_carrier(docket, parcel, news, changes)


def _tell_other_carrier(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """It was given to another carrier than the store asked for: that is true, and said."""
    asked, taken = docket.order.preferred_carrier, parcel.carrier
    if asked and asked.casefold() != taken.casefold() and not is_same(asked, taken, changes.carriers):
        heard = {"asked": asked, "system": news.system, "taken": taken}
        why = said("%(asked)s was asked for; %(system)s says that %(taken)s has taken it.", **heard)
        told = {"asked": asked, "instead": taken, "because": TAKEN_BY_ANOTHER, "system": news.system}
        changes.tell(CARRIER_DIFFERS, parcel, reason=why, event=news.event_id, **told)


def _delivered(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    was = parcel.left_at
    if _step(parcel, "deliver", news, changes, delivered_at=happened(news, "at")):
        _left(docket, parcel, "deliver", changes, has_left=was is not None)
        if all(one.delivered_at or one.state == FulfilmentState.CANCELLED for one in docket.parcels):
            changes.cured.append((docket.order, DELAY))
    _leave_earlier(docket, parcel, was, changes)


def _rejected(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """The shipment is void, at the carrier too; the parcel is back where it was packed."""
    tracking = parcel.tracking_number
    parcel.carrier = str(news.data.get("carrier") or parcel.carrier)
    parcel.tracking_number = ""
    if _step(parcel, "reject", news, changes):
        changes.edit(parcel, "carrier", "tracking_number")
        told = {"carrier": parcel.carrier, "tracking": tracking, "reason_given": str(news.data.get("reason") or "")}
        changes.tell("fulfilment.voided", parcel, order=docket.order.key, event=news.event_id, **told)
        void_booking(docket, parcel, changes)
        _move_lines(_lines(docket, parcel), "come_back", changes)
        changes.expecting.end(parcel)


def _delayed(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """The carrier brings it later: somebody tells the customer. It is on its way all the same."""
    if parcel.state in {FulfilmentState.DELIVERED, FulfilmentState.CANCELLED}:
        changes.tell("fulfilment.heard_late", parcel, event=news.event_id, about=news.type, system=news.system)
        return
    carrier = str(news.data.get("carrier") or parcel.carrier) or said("The carrier")
    days = {"expected_at": moment(news.data.get("expected_at")), "promised_at": docket.order.promised_at}
    evidence: dict[str, Any] = {name: day.isoformat() if day else None for name, day in days.items()}
    evidence |= {"fulfilment": parcel.key, "event": news.event_id, "reason": str(news.data.get("reason") or "")}
    changes.tell("fulfilment.delayed", parcel, order=docket.order.key, system=news.system, **evidence)
    title = said("%(carrier)s brings %(key)s later", carrier=carrier, key=parcel.key)
    if days["expected_at"]:
        title = said("%(text)s, expected %(day)s", text=title, day=on(days["expected_at"].date()))
    changes.openings.append(Opening(DELAY, docket.order, title, f"delay:{carrier}", evidence))


def _left(docket: Docket, parcel: Fulfilment, step: str, changes: Changes, *, has_left: bool = False) -> None:
    end_silence(docket, parcel, changes)
    overtake(docket, parcel, "it has left", changes)
    lines = _lines(docket, parcel)
    aside = docket.take_reservations(lines)
    left_at = parcel.left_at or changes.now
    stock.use_reservations(aside, left_at, changes)
    if not aside and not has_left:
        leave_unasked(parcel, lines, left_at, changes)
    tell_customer(docket, parcel, changes)
    _move_lines(lines, step, changes)


def _leave_earlier(docket: Docket, parcel: Fulfilment, was: datetime | None, changes: Changes) -> None:
    if was is not None and parcel.left_at is not None and parcel.left_at < was:
        leave_earlier(_lines(docket, parcel), was, parcel.left_at, changes)


def _lines(docket: Docket, parcel: Fulfilment) -> list[OrderLine]:
    return [content.line for content in docket.contents.get(parcel.pk, []) if content.line.state != LineState.CANCELLED]


def _move_lines(lines: Sequence[OrderLine], step: str, changes: Changes) -> None:
    for line in lines:
        move = getattr(line, step)
        if can_proceed(move):
            move()
            changes.edit(line, "state")


ABOUT_ORDERS: dict[str, Callable[[Docket, News, Changes], None]] = {
    "payment.authorised": hear_authorised,
    "payment.captured": hear_captured,
    "order.changed": change,
    "order.cancelled": _cancelled,
    "return.requested": announce_return,
    "return.received": take_back,
    "refund.issued": hear_refunded,
}
ABOUT_PARCELS: dict[str, Callable[[Docket, Fulfilment, News, Changes], None]] = {
    "task.acknowledged": _acknowledged,
    "task.confirmed": _confirmed,
    "task.refused": _refused,
    "task.cancelled": hear_undone,
    "shipment.picked": _picked,
    "shipment.packed": _packed,
    "shipment.handed_over": _handed_over,
    "shipment.delivered": _delivered,
    "shipment.rejected": _rejected,
    "shipment.delayed": _delayed,
}
