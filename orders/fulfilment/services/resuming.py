"""Going on after a person has acted: a case ended, a time-limited exception was granted, a step of a playbook was done."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django_fsm import can_proceed

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, NotFound
from audit.subject_refs import subject_ref
from audit.words import said
from exceptions.models import Waiver
from exceptions.selectors import live_waivers, undone_audit_steps
from exceptions.services import Use, outdate_waivers
from orders.fulfilment.decisions.addresses import check_address
from orders.fulfilment.errors import AlreadyGone, Held
from orders.fulfilment.models import Fulfilment, Hold, Order
from orders.fulfilment.selectors.addresses import problem_in_words
from orders.fulfilment.selectors.impacts import SKIP_CONFIRMATION
from orders.fulfilment.selectors.quarantine import CASES_OF as HELD_FOR
from orders.fulfilment.services import hearing
from orders.fulfilment.services.addresses import put_address
from orders.fulfilment.services.asking import CASE_OF, Wish, open_case
from orders.fulfilment.services.at_risk import promise
from orders.fulfilment.services.cancelling import cancel
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.deciding import ASK_AGAIN, DECIDED_BY_CASE
from orders.fulfilment.services.dispatch import send_task, withdraw_task
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import place
from orders.fulfilment.services.loading import is_current, load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.unchecked import refuse_unchecked
from orders.fulfilment.states import (
    FULFILMENT_GONE,
    FULFILMENT_IN_HOUSE,
    FULFILMENT_UNCONFIRMED,
    ORDER_FINAL,
    AddressVerdict,
    FulfilmentState,
    HoldReason,
    HoldSource,
    LineState,
    OrderState,
    RequestKind,
)
from rules.models import Flow
from rules.selectors import active_book
from rules.states import CheckPoint, FlowKind

NO_SUCH_ORDER: Final = "There is no such order, or it is not yours to see."
SENT_AGAIN = said("it was asked for again")


@dataclass(frozen=True)
class CaseEnd:
    """An order's case that is over; no outcome where it was withdrawn."""

    order_id: UUID
    case_type: str
    case_key: str
    outcome: str


def end_cases(*, ends: Sequence[CaseEnd], by: Actor, now: datetime) -> None:
    """What the ends of cases mean for their orders; no outcome only looks again. Several of one order are heard one after the other.

    Raises `NotFound` for an order that does not exist.
    """
    rounds: dict[int, list[CaseEnd]] = defaultdict(list)
    heard: dict[UUID, int] = defaultdict(int)
    for end in ends:
        rounds[heard[end.order_id]].append(end)
        heard[end.order_id] += 1
    with acting(by, at=now):
        for _, together in sorted(rounds.items()):
            _end_together(together, now)


def _end_together(ends: Sequence[CaseEnd], now: datetime) -> None:
    """One case of each order."""
    dockets = {docket.order.pk: docket for docket in load_dockets([end.order_id for end in ends])}
    changes = Changes(now)
    for end in ends:
        if (docket := dockets.get(end.order_id)) is None:
            raise NotFound(NO_SUCH_ORDER)
        if end.outcome == "cancelled" and docket.order.cancelled_at is None:
            cancel(docket, Wish(RequestKind.CANCEL, now, reason=f"{end.case_key}: cancelled"), changes)
        elif end.outcome and end.case_type in AFTER_CASE:
            AFTER_CASE[end.case_type](docket, end.outcome, end.case_key, changes)
        elif not end.outcome:
            _ask_again(docket, end.case_type, changes)
    settle(list(dockets.values()), changes)


def _ask_again(docket: Docket, case_type: str, changes: Changes) -> None:
    """A case that was withdrawn decides nothing: what waited for a decision still does."""
    if case_type in ASK_AGAIN:
        ASK_AGAIN[case_type](docket, changes)
    for kind, of_kind in CASE_OF.items():
        if of_kind == case_type and (request := docket.undecided(kind)) is not None:
            open_case(docket, request, changes)
            return


def look_again(*, order_id: UUID, by: Actor, now: datetime) -> Order:
    """Take the order as far as it can go now, for whatever reason that may be further than before."""
    with acting(by, at=now):
        docket = _docket(order_id)
        settle([docket], Changes(now))
    return docket.order


def look_again_at(*, order_ids: Collection[UUID], by: Actor, now: datetime) -> None:
    """As `look_again`, for many together."""
    with acting(by, at=now):
        settle(load_dockets(order_ids), Changes(now))


def skip_confirmation(*, order_ids: Collection[UUID], by: Actor, now: datetime) -> None:
    """A time-limited exception stands in for the vendor's word: what it covers goes on as if it had been confirmed.

    Whether one is in force is asked here, at the moment of use: without one nothing is confirmed.
    """
    with acting(by, at=now):
        dockets, changes = load_dockets(order_ids), Changes(now)
        about = {subject_ref(docket.order): docket for docket in dockets}
        live = live_waivers(gate=SKIP_CONFIRMATION, subjects=about, now=now)
        outdated = [waiver for ref, waiver in live.items() if not is_current(waiver, about[ref])]
        if outdated:
            outdate_waivers(waivers=outdated, now=now)
        for ref, waiver in live.items():
            if is_current(waiver, about[ref]):
                _confirm_allowed(about[ref], waiver, changes)
        settle(dockets, changes)


def _confirm_allowed(docket: Docket, waiver: Waiver, changes: Changes) -> None:
    told = "fulfilment.confirmation_waived"
    for parcel in docket.parcels:
        covered = not waiver.allowed_parts or parcel.key in waiver.allowed_parts
        if covered and parcel.state in FULFILMENT_UNCONFIRMED:
            _confirm(docket, parcel, changes, told, waiver.key, allowed_by=waiver.key)
            changes.uses.append(Use(waiver.key, parcel.key))


def roll_back_orders(
    *, order_ids: Collection[UUID], gate: str, why: str, by: Actor, now: datetime
) -> tuple[Sequence[Order], Sequence[Fulfilment]]:
    """Call back what passed the gate and has not left the house, and hold the orders until a person lets go; what was called back."""
    with acting(by, at=now, reason=why):
        dockets, changes = load_dockets(order_ids), Changes(now)
        back = [parcel for docket in dockets for parcel in _called_back(docket, gate, changes)]
        for docket in dockets:
            if docket.order.state not in ORDER_FINAL:
                hold = Hold(
                    reason=HoldReason.PERSON, source=HoldSource.PERSON, words=why, release_when={"kind": "person"}
                )
                place(docket, hold, changes)
        changes.write()
        settle(dockets, changes)
    return [docket.order for docket in dockets], back


def _called_back(docket: Docket, gate: str, changes: Changes) -> list[Fulfilment]:
    back = [parcel for parcel in docket.parcels if _can_come_back(parcel, gate)]
    for parcel in back:
        withdraw_task(docket, parcel, changes)
        for content in docket.contents.get(parcel.pk, []):
            content.line.reopen()
            changes.edit(content.line, "state")
    return back


def _can_come_back(parcel: Fulfilment, gate: str) -> bool:
    passed = gate != SKIP_CONFIRMATION or parcel.flow.kind == FlowKind.DROP_SHIP
    return passed and parcel.state in FULFILMENT_IN_HOUSE and can_proceed(parcel.cancel)


def correct_address(*, order_id: UUID, address: Mapping[str, Any], by: Actor, now: datetime, reason: str = "") -> Order:
    """Replace the shipping address with one that passes the check, and let the order go on.

    Raises `Invalid` naming every field that cannot be shipped to, or every audit step nobody has done; `NotFound` for another client's
    order, `AlreadyGone` after hand-over.
    """
    with acting(by, at=now, reason=reason):
        docket = _docket(order_id)
        require(by, "orders.work_order", docket.order)
        if any(parcel.state in FULFILMENT_GONE for parcel in docket.parcels):
            raise AlreadyGone(said("%(key)s has left: its address cannot be changed any more.", key=docket.order.key))
        refuse_before_audit(docket.order)
        verdict = check_address(address)
        if not verdict.is_shippable:
            errors = [
                FieldError(f"/{one.field}", one.code, problem_in_words(one.field, one.code)) for one in verdict.problems
            ]
            raise Invalid(said("This cannot be shipped to either: %(detail)s.", detail=errors[0].detail), errors=errors)
        changes = Changes(now)
        put_address(docket, address, changes, reason=reason)
        settle([docket], changes)
    return docket.order


def cancel_order(
    *, order_id: UUID, reason: str, lines: Mapping[str, int] | None = None, by: Actor, now: datetime
) -> Order:
    """Cancel by hand all of it, or so many units of some lines (by position); what is off the shelf waits for a decision.

    Raises `NotFound`, `Refused`.
    """
    with acting(by, at=now, reason=reason):
        docket, changes = _docket(order_id), Changes(now)
        require(by, "orders.work_order", docket.order)
        if docket.order.cancelled_at is None:
            cancel(docket, Wish(RequestKind.CANCEL, now, lines=lines or {}, reason=reason), changes)
        settle([docket], changes)
    return docket.order


def resend_tasks(*, order_id: UUID, by: Actor, now: datetime) -> list[Fulfilment]:
    """Send every unanswered, refused or returned task of the order once more."""
    with acting(by, at=now):
        docket, changes = _docket(order_id), Changes(now)
        require(by, "orders.work_order", docket.order)
        again = send_again(docket, changes)
        settle([docket], changes)
    return again


def reroute_to_warehouse(*, order_id: UUID, by: Actor, now: datetime) -> Order:
    """Take what vendors have not confirmed away from them and send it from our own shelf."""
    with acting(by, at=now):
        docket, changes = _docket(order_id), Changes(now)
        require(by, "orders.work_order", docket.order)
        to_warehouse(docket, changes)
        settle([docket], changes)
    return docket.order


def send_again(docket: Docket, changes: Changes) -> list[Fulfilment]:
    """The unanswered, refused and returned tasks of an order, sent once more and not yet settled. Raises `Held`."""
    again = [parcel for parcel in docket.parcels if parcel.can_be_sent_again]
    for parcel in again:
        hearing.end_silence(docket, parcel, changes, why=SENT_AGAIN)
    for parcel in again:
        _task_again(docket, parcel, changes)
    return again


def refuse_before_audit(order: Order) -> None:
    """What is held for what is missing goes on only after its audit. Raises `Invalid` naming every step nobody has done."""
    held_for = HELD_FOR.get(OrderState(order.state))
    undone = undone_audit_steps(subject_ref(order), case_types=held_for) if held_for else []
    if undone:
        errors = [FieldError("/steps", "required", said("Not done yet: %(label)s.", label=label)) for label in undone]
        raise Invalid(said("%(key)s may not go on before its audit steps are done.", key=order.key), errors=errors)


def _docket(order_id: UUID) -> Docket:
    dockets = load_dockets([order_id])
    if not dockets:
        raise NotFound(NO_SUCH_ORDER)
    return dockets[0]


def _accept_address(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    del outcome
    goes_to = (docket.address, *docket.cards_elsewhere)
    wrong = [one for one in goes_to if one is not None and one.verdict == AddressVerdict.INVALID]
    for one in wrong:
        one.verdict = AddressVerdict.ACCEPTED
        changes.edit_address(one)
    if wrong:
        changes.tell("order.address_corrected", docket.order, accepted_in=case_key)


def _let_pass(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    del outcome
    order = docket.order
    if order.reviewed_at is None:
        order.reviewed_at, order.decision, order.flow = changes.now, None, None
        changes.edit(order, "reviewed_at", "decision", "flow")
        changes.tell("order.reviewed", order, case=case_key)


def _back_to_the_warehouse(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    del outcome, case_key
    if docket.order.state == OrderState.RETURNING:
        docket.return_is_over = True
        return
    back_to_who_packs(docket, changes)


def back_to_who_packs(docket: Docket, changes: Changes) -> list[Fulfilment]:
    """What the carrier did not take is given out once more, to whoever packed it; not yet settled. Raises `Held`."""
    rejected = [parcel for parcel in docket.parcels if parcel.state == FulfilmentState.REJECTED]
    for parcel in rejected:
        _task_again(docket, parcel, changes)
    return rejected


def _vendor_spoke(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    if outcome == "rerouted":
        to_warehouse(docket, changes)
        return
    for parcel in docket.parcels:
        if parcel.state in FULFILMENT_UNCONFIRMED:
            _confirm(docket, parcel, changes, "fulfilment.confirmed", case_key, case=case_key)
        elif parcel.state == FulfilmentState.REFUSED:
            _task_again(docket, parcel, changes)


def _confirm(docket: Docket, parcel: Fulfilment, changes: Changes, told: str, instead: str, **evidence: str) -> None:
    parcel.confirm()
    parcel.confirmed_at = changes.now
    changes.edit(parcel, "state", "confirmed_at")
    changes.tell(told, parcel, order=docket.order.key, **evidence)
    changes.expecting.excuse_confirmation(parcel, instead)
    hearing.end_silence(docket, parcel, changes)


def _task_again(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    hearing.end_silence(docket, parcel, changes, why=SENT_AGAIN)
    if holding := docket.holding(parcel):
        raise Held(
            said(
                "%(key)s is on hold: %(words)s. Nothing of it is sent before that is released.",
                key=parcel.key,
                words=holding[0].words,
            )
        )
    refuse_unchecked(docket, parcel, CheckPoint.PICK)
    for content in docket.contents.get(parcel.pk, []):
        if content.line.state == LineState.REFUSED:
            content.line.fulfil()
            changes.edit(content.line, "state")
    if parcel.state not in FULFILMENT_UNCONFIRMED:  # a new task, and not the old one a second time
        book = active_book()
        promise(parcel, book.flow(parcel.flow.slug).sla, book, changes)
    send_task(docket, parcel, changes)


def to_warehouse(docket: Docket, changes: Changes) -> None:
    """What vendors have not confirmed goes to our own shelf; not yet settled."""
    live = Flow.objects.filter(kind=FlowKind.WAREHOUSE, is_active=True).order_by("slug")
    warehouse = next((flow for flow in live if flow.slug in active_book().document["flows"]), None)
    stuck = {FulfilmentState.REFUSED, *FULFILMENT_UNCONFIRMED}
    for parcel in docket.parcels:
        if parcel.flow.kind == FlowKind.DROP_SHIP and parcel.state in stuck:
            hearing.end_silence(docket, parcel, changes, why=said("it goes another way"))
            withdraw_task(docket, parcel, changes)
            for content in docket.contents.get(parcel.pk, []):
                content.line.reopen()
                content.line.flow = warehouse
                changes.edit(content.line, "state", "flow")
    changes.write()  # lines are open again before they enter another parcel: two edges, two statements
    changes.tell("order.rerouted", docket.order, to=warehouse.slug if warehouse else "")


AFTER_CASE = {
    "address": _accept_address,
    "high-risk-review": _let_pass,
    "carrier-rejection": _back_to_the_warehouse,
    "vendor-no-confirmation": _vendor_spoke,
    **DECIDED_BY_CASE,
}
