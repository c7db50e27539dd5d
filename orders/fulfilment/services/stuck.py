"""The case that belongs to each place where an order cannot go on by itself."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from audit.crypto import open_secret
from audit.words import listed, said
from orders.fulfilment.decisions import doubts
from orders.fulfilment.decisions.addresses import check_address, label_of
from orders.fulfilment.decisions.outcomes import Task, expected_outcomes, overdue
from orders.fulfilment.decisions.suggestions import suggest
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.addresses import problems_in_words
from orders.fulfilment.selectors.quarantine import CASES_OF
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.expecting import CASE_OF_LATENESS, CASE_OF_SILENCE, case_of, task_of
from orders.fulfilment.states import ORDER_UNPAID, FulfilmentState, LineState, OrderState
from rules.rulebook import CompiledBook
from rules.selectors import active_book

Words = tuple[str, str, dict[str, Any]]
UNPAID_CASE = "payment-overdue"
CASES_OF_WAITING = (*CASE_OF_SILENCE.values(), CASE_OF_LATENESS)


def open_cases_for(docket: Docket, state: OrderState, changes: Changes) -> None:
    """Open the case of this state; a hold that a person placed has its person and needs none."""
    if state not in TELLERS:
        return
    case_type, tell = TELLERS[state]
    if state == OrderState.QUARANTINED and docket.doubts and changes.book.knows_type(doubts.CASE):
        case_type = doubts.CASE
    title, cause, evidence = tell(docket)
    changes.openings.append(Opening(case_type, docket.order, title, cause, evidence))


def cured_by_leaving(order: Order, left: OrderState, entered: OrderState) -> list[tuple[Order, str]]:
    """The cases that are moot once an order goes from one place to another; on hold, what stopped it before still does.

    Only what was missing or in doubt is not any more.
    """
    if left in ORDER_UNPAID and entered not in (*ORDER_UNPAID, OrderState.ON_HOLD):
        return [(order, UNPAID_CASE)]
    if left not in TELLERS or (entered == OrderState.ON_HOLD and left != OrderState.QUARANTINED):
        return []
    still = _types_of(entered)
    return [(order, case_type) for case_type in _types_of(left) if case_type not in still]


def _types_of(state: OrderState) -> Sequence[str]:
    """What cases of this state may be called."""
    return CASES_OF.get(state) or ([TELLERS[state][0]] if state in TELLERS else [])


def cured_by_answers(docket: Docket, book: CompiledBook, now: datetime) -> list[tuple[Order, str]]:
    """The cases about what did not come in time that nothing of the order is a reason for any more, once something came."""
    tasks = [task_of(docket.order, parcel, book) for parcel in docket.parcels] if docket.has_answers else []
    if not any(_may_have_been_late(task, now) for task in tasks):
        return []
    standing = {
        case_of(parcel, late)
        for parcel, task in zip(docket.parcels, tasks, strict=True)
        if (late := overdue(task, parcel.state, now))
    }
    if docket.order.state in TELLERS:
        standing.add(TELLERS[OrderState(docket.order.state)][0])
    return [(docket.order, case_type) for case_type in CASES_OF_WAITING if case_type not in standing]


def _may_have_been_late(task: Task, now: datetime) -> bool:
    return any(one.due_at <= now for one in islice(expected_outcomes(task), 1))


def _address(docket: Docket) -> Words:
    goes_to = [one for one in (docket.address, *docket.cards_elsewhere) if one is not None]
    rows = [row for one in goes_to for row in one.problems]
    problems = problems_in_words(rows) or [said("The address was never checked")]
    evidence = {"problems": problems, "suggestion": _suggestion(docket) or "none: ask the customer"}
    country = docket.order.country or said("its country")
    title = said("%(problem)s for %(country)s", problem=problems[0], country=country)
    return title, "address", evidence


def _suggestion(docket: Docket) -> list[str]:
    """What would mend the address, and how that was found; the values themselves only on the page that completes it."""
    known = json.loads(open_secret(docket.address.standard or docket.address.raw)) if docket.address else {}
    checked = check_address(known)
    return [f"{label_of(one.field)}: {one.words}" for one in suggest(checked.address)]


def _risk(docket: Docket) -> Words:
    order = docket.order
    score, rule = order.fraud_score, order.decision.rule_slug if order.decision else ""
    title = said("A rule asks for a person: look before it ships")
    wanted = order.decision.outcome["flow"] if order.decision else ""
    if order.flow is not None and wanted not in {"", order.flow.slug}:
        return _paused(order, wanted)
    if score is not None:
        title = said("Risk score %(score)s of 100: look before it ships", score=score)
    evidence = {"fraud_score": score, "rule": rule, "segment": order.segment, "channel": order.channel}
    return title, "risk", evidence


def _paused(order: Order, wanted: str) -> Words:
    """The rules would have let it go; the flow they chose is paused."""
    book = active_book()
    name = book.flow(wanted).name if wanted in book.document["flows"] else wanted
    title = said("%(flow)s is paused: say what becomes of it, or let it go on once the flow is live", flow=name)
    return title, f"paused:{wanted}", {"flow": wanted, "rule": order.decision.rule_slug if order.decision else ""}


def _stock(docket: Docket) -> Words:
    short = [line for line in docket.lines if line.state == LineState.BACK_ORDERED]
    named = listed([said("%(n)s of %(sku)s", n=line.quantity, sku=line.sku.code) for line in short[:3]])
    title = said("Not in stock: %(lines)s; the rest goes on", lines=named)
    if len(short) == len(docket.lines):
        title = said("Not in stock: %(lines)s; nothing of it is there", lines=named)
    evidence = {"short": [{"sku": line.sku.code, "quantity": line.quantity} for line in short]}
    return title, f"stock:{short[0].sku.code}" if short else "stock", evidence


def _refused(docket: Docket) -> Words:
    refused = [parcel for parcel in docket.parcels if parcel.state == FulfilmentState.REFUSED]
    who = (refused[0].vendor if refused else "") or said("The warehouse")
    title = said("%(who)s will not ship it", who=who)
    return title, f"vendor:{who}", {"fulfilments": [parcel.key for parcel in refused]}


def _rejected(docket: Docket) -> Words:
    rejected = [parcel for parcel in docket.parcels if parcel.state == FulfilmentState.REJECTED]
    carrier = (rejected[0].carrier if rejected else "") or said("The carrier")
    keys = [parcel.key for parcel in rejected]
    title = said("%(carrier)s did not take the parcel", carrier=carrier)
    return title, f"carrier:{carrier}", {"fulfilments": keys}


def _incomplete(docket: Docket) -> Words:
    if docket.doubts:
        doubt = docket.doubts[-1]
        named = doubt.release_when["doubts"]
        title = said("In doubt: %(doubts)s", doubts=doubts.in_doubt(named))
        return title, "in-doubt", {"doubts": named, "line": doubt.release_when["line"], "why": doubt.words}
    return said("The order has no lines"), "incomplete", {"number": docket.order.number}


def _returning(docket: Docket) -> Words:
    gone = [parcel.key for parcel in docket.parcels if parcel.handed_over_at]
    return said("Cancelled after it left: bring the parcel back"), "late-cancellation", {"fulfilments": gone}


TELLERS: dict[OrderState, tuple[str, Callable[[Docket], Words]]] = {
    OrderState.ADDRESS_INVALID: ("address", _address),
    OrderState.MANUAL_REVIEW: ("high-risk-review", _risk),
    OrderState.PAID_NO_STOCK: ("inventory", _stock),
    OrderState.PARTLY_FULFILLED: ("inventory", _stock),
    OrderState.VENDOR_REFUSED: ("vendor-no-confirmation", _refused),
    OrderState.CARRIER_REJECTED: ("carrier-rejection", _rejected),
    OrderState.QUARANTINED: ("contract-violation", _incomplete),
    OrderState.RETURNING: ("carrier-rejection", _returning),
}
