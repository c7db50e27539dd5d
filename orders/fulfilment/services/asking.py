"""Keeping what is asked of an order: as a request with the rule that ruled, and as a case where a person has to decide."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.context import current_actor
from audit.words import said
from orders.fulfilment.decisions.requests import Ruling
from orders.fulfilment.models import OrderRequest
from orders.fulfilment.services.cases import Opening, TimerChange, solved_by
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import Choice, OrderState, RequestKind, RequestState

CASE_OF: Final = {
    RequestKind.CANCEL: "late-cancellation",
    RequestKind.CHANGE: "late-change",
    RequestKind.ADDRESS: "late-change",
    RequestKind.RETURN: "return-request",
}
STATUS_OF: Final = {
    RequestKind.CANCEL: OrderState.CANCEL_UNDECIDED,
    RequestKind.CHANGE: OrderState.CHANGE_UNDECIDED,
    RequestKind.ADDRESS: OrderState.CHANGE_UNDECIDED,
    RequestKind.RETURN: OrderState.RETURN_ANNOUNCED,
}
STATE_AFTER: Final = {
    Choice.ASK: RequestState.UNDECIDED,
    Choice.EXPECT: RequestState.AWAITED,
    Choice.AT_ONCE: RequestState.DONE,
    Choice.REFUSE: RequestState.DECLINED,
}
REQUEST_DUE: Final = "fulfilment.request_due"


@dataclass(frozen=True)
class Wish:
    """What somebody asks: `lines` maps positions to units, none for all of it; `asked_by` a system's slug or an actor."""

    kind: RequestKind
    asked_at: datetime
    asked_by: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    reference: str = ""
    event_id: str = ""


def keep_request(docket: Docket, wish: Wish, ruling: Ruling, changes: Changes) -> OrderRequest:
    """Keep the wish with what the rule says about it; more of what a person has to decide anyway joins what waits already."""
    waiting = docket.undecided(wish.kind)
    if ruling.choice == Choice.ASK and waiting is not None:
        return _join(waiting, wish, changes)
    state = STATE_AFTER[ruling.choice]
    decided = state != RequestState.UNDECIDED
    request = OrderRequest(
        order=docket.order,
        kind=wish.kind,
        lines=dict(wish.lines),
        change=dict(wish.change),
        reason=wish.reason[:280],
        reference=wish.reference[:80],
        asked_by=wish.asked_by or current_actor().id,
        asked_at=wish.asked_at,
        event_id=wish.event_id,
        rule=ruling.rule,
        book_number=ruling.book,
        facts=dict(ruling.facts),
        why=ruling.why,
        choice=ruling.choice,
        owner_id=_owner(ruling, wish.kind, changes),
        state=state,
        due_at=_due_at(docket, wish.kind, ruling, changes),
        decided_at=changes.now if decided else None,
        decided_by=f"rule:{ruling.rule}" if decided else "",
        done_at=changes.now if state == RequestState.DONE else None,
    )
    changes.add(request)
    docket.requests.append(request)
    told: dict[str, Any] = {"kind": wish.kind, "rule": ruling.rule, "choice": ruling.choice, "lines": dict(wish.lines)}
    told |= {"book": ruling.book, "why": ruling.why, "passed": list(ruling.passed), "almost": list(ruling.almost)}
    changes.tell("request.kept", request, order=docket.order.key, event=wish.event_id, **told)
    if state == RequestState.AWAITED and request.due_at is not None:
        changes.timers.append(TimerChange(ref_of(request), REQUEST_DUE, request.due_at))
    if not decided:
        open_case(docket, request, changes)
    return request


def _owner(ruling: Ruling, kind: RequestKind, changes: Changes) -> UUID:
    if ruling.owner:
        return changes.book.owner(ruling.owner).id
    return changes.book.status_owner(STATUS_OF[kind].value).id


def _due_at(docket: Docket, kind: RequestKind, ruling: Ruling, changes: Changes) -> datetime | None:
    """Until when a person decides, or until when what is expected has to be back."""
    if ruling.choice == Choice.ASK:
        return solved_by(CASE_OF[kind], docket.order, changes.book, now=changes.now)
    return changes.now + ruling.due_after if ruling.due_after else None


def _join(waiting: OrderRequest, wish: Wish, changes: Changes) -> OrderRequest:
    waiting.lines = {**waiting.lines, **{key: waiting.lines.get(key, 0) + units for key, units in wish.lines.items()}}
    waiting.change = {**waiting.change, **wish.change}
    changes.edit(waiting, "lines", "change")
    changes.tell("request.widened", waiting, event=wish.event_id)
    return waiting


def open_case(docket: Docket, request: OrderRequest, changes: Changes) -> None:
    """Have a person decide about it."""
    kind = RequestKind(request.kind)
    title = said("%(kind)s: %(why)s", kind=said(str(kind.label)), why=said(request.why))
    evidence = {"request": str(request.pk), "rule": request.rule, "lines": dict(request.lines)}
    changes.openings.append(Opening(CASE_OF[kind], docket.order, title, f"{kind}:{request.rule}", evidence))


def close_request(
    docket: Docket, request: OrderRequest, choice: Choice, state: RequestState, by: str, changes: Changes
) -> None:
    """What was decided; a case that waits for it has nothing to wait for any more."""
    was_undecided = request.state == RequestState.UNDECIDED
    steps = {
        RequestState.AWAITED: request.await_it,
        RequestState.DONE: request.finish,
        RequestState.DECLINED: request.decline,
    }
    steps[state]()
    if was_undecided:
        request.choice, request.decided_at, request.decided_by = choice, changes.now, by
    if state == RequestState.DONE:
        request.done_at = changes.now
    if state != RequestState.AWAITED:
        changes.timers.append(TimerChange(ref_of(request), REQUEST_DUE, None))
    changes.edit(request, "state", "choice", "decided_at", "decided_by", "done_at")
    changes.tell("request.decided", request, order=docket.order.key, choice=choice, decided_by=by)
    if was_undecided:
        changes.cured.append((docket.order, CASE_OF[RequestKind(request.kind)]))
