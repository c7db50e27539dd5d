"""What customers send back: announced, seen to arrive, and paid back."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from audit.words import said
from orders.fulfilment.decisions.news import News, happened
from orders.fulfilment.decisions.requests import Ruling, Stage
from orders.fulfilment.models import OrderLine, OrderRequest
from orders.fulfilment.services.asking import REQUEST_DUE, Wish, close_request, keep_request
from orders.fulfilment.services.cancelling import by_position, named, units_of, worth
from orders.fulfilment.services.cases import Opening, TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.paying import owe
from orders.fulfilment.services.ruling import rule_on
from orders.fulfilment.states import WITH_THE_CUSTOMER, Choice, LineState, RequestKind, RequestState

CAN_ARRIVE = (*WITH_THE_CUSTOMER, LineState.RETURNING, LineState.CANCEL_UNDECIDED)
RETURNS_WITHIN = timedelta(days=30)
OVERDUE = "return-overdue"
UNANNOUNCED = Ruling("return-unannounced", Choice.EXPECT, "It came back without having been announced.")


def announce_return(docket: Docket, news: News, changes: Changes) -> None:
    """Something is coming back: expected within the window, for a person to decide after it."""
    lines, unknown = units_of(docket, news.data.get("lines"))
    tell_unknown(docket, news, unknown, changes)
    asked_at = happened(news, "requested_at")
    reference = str(news.data.get("return") or "")
    if any(one.reference == reference for one in docket.requests if reference and one.kind == RequestKind.RETURN):
        return
    if not lines and not unknown:
        lines = named({line: line.quantity - line.returned for line in _among(docket, WITH_THE_CUSTOMER)})
    units = {line: count for line, count in by_position(docket, lines).items() if line.state in WITH_THE_CUSTOMER}
    if not units:
        tell_unknown(docket, news, [] if unknown else ["what the customer does not have"], changes)
        return
    wish = Wish(
        RequestKind.RETURN,
        asked_at,
        news.system,
        named(units),
        reason=str(news.data.get("reason") or ""),
        reference=reference,
        event_id=news.event_id,
    )
    ask_to_return(docket, units, wish, changes)


def ask_to_return(docket: Docket, units: Mapping[OrderLine, int], wish: Wish, changes: Changes) -> OrderRequest:
    """What the rule says about sending these units back: expected, for a person to decide, or refused."""
    delivered = [parcel.delivered_at for line in units for parcel in docket.parcels_of(line) if parcel.delivered_at]
    days = (wish.asked_at - max(delivered)).days if delivered else None
    facts = {"days_since_delivery": days, "units": sum(units.values()), "amount": float(worth(docket, units))}
    ruling = rule_on(docket, RequestKind.RETURN, changes, stage=Stage.GONE, **facts)
    request = keep_request(docket, wish, ruling, changes)
    if ruling.choice == Choice.EXPECT:
        _expect(list(units), changes)
    changes.tell("order.return_heard", docket.order, lines=named(units), event=wish.event_id)
    return request


def decide_return(docket: Docket, request: OrderRequest, choice: Choice, by: str, changes: Changes) -> None:
    """Take it back although it is late, or not."""
    if choice == Choice.LET_GO:
        close_request(docket, request, choice, RequestState.DECLINED, by, changes)
        return
    close_request(docket, request, choice, RequestState.AWAITED, by, changes)
    wait_for(request, changes)
    _expect([line for line in by_position(docket, request.lines) if line.state in WITH_THE_CUSTOMER], changes)


def wait_for(request: OrderRequest, changes: Changes) -> None:
    """What is expected has as long as rules of returns give it, from now on."""
    request.due_at = changes.now + RETURNS_WITHIN
    changes.edit(request, "due_at")
    changes.timers.append(TimerChange(ref_of(request), REQUEST_DUE, request.due_at))


def decide_overdue(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    """What was announced has not come: it is waited for once more, or the customer keeps it."""
    for request in docket.requests:
        if request.kind != RequestKind.RETURN or request.state != RequestState.AWAITED:
            continue
        if outcome != "let-go":
            wait_for(request, changes)
            continue
        close_request(docket, request, Choice.LET_GO, RequestState.DECLINED, case_key, changes)
        for line in by_position(docket, request.lines):
            if line.state == LineState.RETURNING:
                arrived = any(parcel.delivered_at for parcel in docket.parcels_of(line))
                line.stay_delivered() if arrived else line.stay_shipped()
                changes.edit(line, "state")


def take_back(docket: Docket, news: News, changes: Changes) -> None:
    """Units were seen to be back. They are paid back by rule; those nobody announced, and damaged ones, by a decision."""
    lines, unknown = units_of(docket, news.data.get("lines"))
    tell_unknown(docket, news, unknown, changes)
    if not lines and not unknown:
        lines = named({line: line.quantity - line.returned for line in _among(docket, CAN_ARRIVE)})
    units = {line: count for line, count in by_position(docket, lines).items() if line.state in CAN_ARRIVE}
    counted = {line: min(count, line.quantity - line.returned) for line, count in units.items()}
    for line, count in counted.items():
        _count_back(line, count, changes)
    if not counted:
        tell_unknown(docket, news, [] if unknown else ["what is not on its way back"], changes)
        return
    told: dict[str, Any] = {"lines": named(counted), "condition": str(news.data.get("condition") or "sellable")}
    changes.tell("order.return_received", docket.order, event=news.event_id, system=news.system, **told)
    request = _awaited(docket, str(news.data.get("return") or ""))
    announced = request is not None
    if request is None:
        wish = Wish(RequestKind.RETURN, changes.now, news.system, named(counted), event_id=news.event_id)
        request = keep_request(docket, wish, UNANNOUNCED, changes)
    if not any(line.state == LineState.RETURNING for line in by_position(docket, request.lines)):
        changes.cured.append((docket.order, OVERDUE))
        close_request(docket, request, Choice.EXPECT, RequestState.DONE, f"event:{news.event_id}"[:160], changes)
    _pay_back(docket, counted, request, told["condition"], announced=announced, changes=changes)


def tell_unknown(docket: Docket, news: News, names: Sequence[str], changes: Changes) -> None:
    """News name something the order does not have: nobody guesses, somebody looks."""
    if names:
        named_there = ", ".join(names[:3])
        title = said(
            "%(event)s names %(names)s, which %(key)s does not have",
            event=news.type,
            names=named_there,
            key=docket.order.key,
        )
        evidence = {"event": news.event_id, "system": news.system, "names": list(names)}
        changes.openings.append(Opening("contract-violation", docket.order, title, f"unknown:{news.type}", evidence))


def _pay_back(
    docket: Docket,
    units: dict[OrderLine, int],
    request: OrderRequest,
    condition: str,
    *,
    announced: bool,
    changes: Changes,
) -> None:
    amount = worth(docket, units)
    owe(docket, amount, "returned", changes, request=request, announced=announced, condition=condition)


def _expect(lines: Sequence[OrderLine], changes: Changes) -> None:
    for line in lines:
        line.expect_back()
        changes.edit(line, "state")


def _count_back(line: OrderLine, count: int, changes: Changes) -> None:
    line.returned += count
    if line.returned == line.quantity:
        line.take_back()
    elif line.state != LineState.PARTLY_RETURNED:
        line.take_back_partly()
    changes.edit(line, "state", "returned")


def _awaited(docket: Docket, reference: str) -> OrderRequest | None:
    """The request this is the answer to: the one of that number, else the first that waits."""
    kinds = {RequestKind.RETURN, RequestKind.CANCEL}
    open_states = {RequestState.AWAITED, RequestState.UNDECIDED}
    waiting = [one for one in docket.requests if one.kind in kinds and one.state in open_states]
    named_so = [one for one in waiting if reference and one.reference == reference]
    return next(iter(named_so or waiting), None)


def _among(docket: Docket, states: Sequence[str]) -> list[OrderLine]:
    return [line for line in docket.lines if line.state in states and line.returned < line.quantity]
