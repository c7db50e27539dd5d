"""Sending a parcel another way: what was done for it is undone in strict reverse, and only then is it planned along the other flow."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django_fsm import can_proceed

from audit.access import require
from audit.context import Actor, acting, current_actor
from audit.errors import FieldError, Invalid, NotFound
from audit.texts import reason_given
from audit.words import said, within
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.news import News
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import Fulfilment, Order, Unwind, UnwindStep
from orders.fulfilment.services.calling_off import write_opened
from orders.fulfilment.services.cases import Opening, TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dispatch import ask_to_undo, send_task
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import parcel_named
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.unwinds import STALLED, UNWIND_WATCH, end
from orders.fulfilment.states import (
    FULFILMENT_UNCONFIRMED,
    FulfilmentState,
    StepKind,
    StepState,
    UnwindState,
)
from rules.models import Flow
from rules.selectors import active_book
from rules.states import SENDING

ANSWERS_WITHIN: Final = timedelta(minutes=60)
NOBODY_ACCEPTED: Final = "nobody had accepted it"
OUR_OWN: Final = "our own shelf"


def reroute(*, order_id: UUID, fulfilment: str, flow: str, reason: str, by: Actor, now: datetime) -> Order:
    """Send one parcel of an order (by its key) along another flow (by its slug), once everything done for it is undone.

    Raises `Invalid` naming the field, `AlreadyGone` for a parcel that has left, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets([order_id])
        require(by, "orders.work_order", dockets[0].order if dockets else None)
        if not dockets:
            raise NotFound("There is no such order, or it is not yours to see.")
        docket, changes = dockets[0], Changes(now)
        parcel = _parcel(docket, fulfilment)
        begin(docket, parcel, _flow(flow, parcel), why, changes)
        settle([docket], changes)
    return docket.order


def begin(docket: Docket, parcel: Fulfilment, flow: Flow, reason: str, changes: Changes) -> Unwind:
    """Note what was done for the parcel, in the order it was done, and begin to undo the last of it. Raises `AlreadyGone`."""
    if not can_proceed(parcel.call_back):
        raise AlreadyGone(
            said(
                "%(key)s is %(state)s: it cannot go another way any more.",
                key=parcel.key,
                state=within(parcel.get_state_display()),
            )
        )
    done = _done_for(docket, parcel)
    unwind = Unwind(
        order=docket.order,
        fulfilment=parcel,
        to_flow=flow,
        reason=reason,
        asked_by=current_actor().id,
        asked_at=changes.now,
    )
    steps = [UnwindStep(unwind=unwind, position=place, kind=kind) for place, kind in enumerate(done, start=1)]
    changes.add(unwind, *steps)
    docket.unwinds.append(unwind)
    docket.unwind_steps[unwind.pk] = steps
    changes.tell("unwind.begun", unwind, order=docket.order.key, fulfilment=parcel.key, to=flow.slug, steps=done)
    never_accepted = parcel.state in {*FULFILMENT_UNCONFIRMED, FulfilmentState.REFUSED}
    parcel.call_back()
    changes.edit(parcel, "state")
    changes.tell("fulfilment.unwinding", parcel, order=docket.order.key, to=flow.slug)
    changes.expecting.end(parcel)
    changes.write()  # it is being called back before it is called off: two edges, two statements
    go_on(docket, unwind, changes, never_accepted=never_accepted)
    return unwind


def go_on(docket: Docket, unwind: Unwind, changes: Changes, *, never_accepted: bool = False) -> None:
    """Undo the last thing that still stands, and the one before it only once that is seen to be undone."""
    for step in sorted(docket.unwind_steps[unwind.pk], key=lambda one: -one.position):
        if step.state == StepState.UNDONE:
            continue
        if step.kind == StepKind.RESERVATION:
            _undone(docket, unwind, step, OUR_OWN, changes)
            continue
        if step.state == StepState.STANDS:
            ask_to_undo(docket, unwind.fulfilment, StepKind(step.kind), changes)
            step.ask()
            step.asked_at = changes.now
            changes.edit(step, "state", "asked_at")
            changes.tell("unwind.asked", unwind, order=docket.order.key, step=step.kind)
            changes.timers.append(TimerChange(ref_of(unwind), UNWIND_WATCH, changes.now + ANSWERS_WITHIN))
        if not (never_accepted and step.kind == StepKind.TASK):
            return
        _undone(docket, unwind, step, NOBODY_ACCEPTED, changes)
    _go_the_other_way(docket, unwind, changes)


def hear_undone(docket: Docket, parcel: Fulfilment, news: News, changes: Changes) -> None:
    """Somebody has undone what they were asked to; for a parcel nobody calls back it is only noted."""
    unwind = docket.unwind_of(parcel)
    asked = _asked(docket, unwind) if unwind else None
    if unwind is None or asked is None:
        changes.tell("fulfilment.heard_late", parcel, event=news.event_id, about=news.type, system=news.system)
        return
    _resume(docket, unwind, changes)
    _undone(docket, unwind, asked, news.event_id, changes)
    go_on(docket, unwind, changes)


def decide_stalled(docket: Docket, outcome: str, case_key: str, changes: Changes) -> None:
    """A person has undone by hand what nobody answered for, or lets the parcel go on the old way."""
    for unwind in [one for one in docket.unwinds if one.state == UnwindState.STALLED]:
        if outcome == "resolved":
            _resume(docket, unwind, changes)
            if (step := _asked(docket, unwind)) is not None:
                _undone(docket, unwind, step, case_key, changes)
            go_on(docket, unwind, changes)
        else:
            unwind.give_up()
            end(docket, unwind, "unwind.given_up", changes, why=case_key)
            send_task(docket, unwind.fulfilment, changes)


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these unwinds, skipping those that somebody holds; the unwinds that are now safe to work on."""
    orders = Unwind.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=list(orders)).order_by("pk")
    locked = set(rows.values_list("pk", flat=True))
    return {str(pk) for pk in Unwind.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def on_silence(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody has said that it is undone: it stands still, and somebody has it."""
    changes, ids = Changes(now), {timer.subject_id for timer in timers}
    orders = Unwind.objects.filter(pk__in=ids, state=UnwindState.RUNNING).values_list("order_id", flat=True)
    for docket in load_dockets(set(orders)):
        for unwind in docket.unwinds:
            if str(unwind.pk) in ids and unwind.state == UnwindState.RUNNING:
                _stall(docket, unwind, changes)
    changes.write()


def ask_again(docket: Docket, changes: Changes) -> None:
    """The case about what stalled was withdrawn, and it still is."""
    for unwind in docket.unwinds:
        if unwind.state == UnwindState.STALLED:
            _open_case(docket, unwind, changes)


def _stall(docket: Docket, unwind: Unwind, changes: Changes) -> None:
    unwind.stall()
    changes.edit(unwind, "state")
    changes.tell("unwind.stalled", unwind, order=docket.order.key, fulfilment=unwind.fulfilment.key)
    _open_case(docket, unwind, changes)


def _open_case(docket: Docket, unwind: Unwind, changes: Changes) -> None:
    step, key = _asked(docket, unwind), unwind.fulfilment.key
    what = within(str(StepKind(step.kind).label)) if step else said("nothing")
    title = said("%(key)s is being called back, and nobody answers: %(what)s", key=key, what=what)
    standing = [one.kind for one in docket.unwind_steps[unwind.pk] if one.state != StepState.UNDONE]
    evidence = {"fulfilment": key, "unwind": str(unwind.pk), "stands": standing, "to": unwind.to_flow.slug}
    changes.openings.append(Opening(STALLED, docket.order, title, f"unwind:{what}", evidence))


def _resume(docket: Docket, unwind: Unwind, changes: Changes) -> None:
    if unwind.state == UnwindState.STALLED:
        unwind.resume()
        changes.edit(unwind, "state")
        changes.tell("unwind.resumed", unwind, order=docket.order.key)
        changes.cured.append((docket.order, STALLED))
        changes.write()  # it runs again before it is done: two edges, two statements


def _asked(docket: Docket, unwind: Unwind) -> UnwindStep | None:
    return next((step for step in docket.unwind_steps[unwind.pk] if step.state == StepState.ASKED), None)


def _undone(docket: Docket, unwind: Unwind, step: UnwindStep, evidence: str, changes: Changes) -> None:
    step.undo()
    step.undone_at, step.evidence = changes.now, evidence[:200]
    changes.edit(step, "state", "asked_at", "undone_at", "evidence")
    changes.tell("unwind.step_undone", unwind, order=docket.order.key, step=step.kind, event=evidence)


def _go_the_other_way(docket: Docket, unwind: Unwind, changes: Changes) -> None:
    """Nothing stands any more: the parcel is called off, and its lines are planned along the other flow."""
    parcel = unwind.fulfilment
    parcel.cancel()
    changes.edit(parcel, "state")
    changes.tell("fulfilment.cancelled", parcel, order=docket.order.key)
    for content in docket.contents.get(parcel.pk, []):
        if can_proceed(content.line.reopen):
            content.line.reopen()
            content.line.flow = unwind.to_flow
            changes.edit(content.line, "state", "flow")
    unwind.finish()
    end(docket, unwind, "unwind.done", changes)
    changes.tell("order.rerouted", docket.order, to=unwind.to_flow.slug, fulfilment=parcel.key)
    write_opened(docket, changes)


def _done_for(docket: Docket, parcel: Fulfilment) -> list[StepKind]:
    """What was done, first things first."""
    lines = {content.line.pk for content in docket.contents.get(parcel.pk, ())}
    done = {
        StepKind.RESERVATION: not lines.isdisjoint(docket.reservations),
        StepKind.TASK: bool(parcel.task_message),
        StepKind.BOOKING: parcel.state == FulfilmentState.PACKED,
    }
    return [kind for kind, was_done in done.items() if was_done]


def _parcel(docket: Docket, key: str) -> Fulfilment:
    parcel = parcel_named(docket, key)
    if parcel is None:
        detail = said("%(key)s has no fulfilment %(key_2)s.", key=docket.order.key, key_2=key[:60])
        raise Invalid(detail, errors=[FieldError("/fulfilment", "unknown", detail)])
    return parcel


def _flow(slug: str, parcel: Fulfilment) -> Flow:
    ways = Flow.objects.filter(is_active=True, kind__in=SENDING).exclude(pk=parcel.flow_id)
    flow = ways.filter(slug=slug).first()
    if flow is None or slug not in active_book().document["flows"]:
        detail = said("“%(slug)s” is no other way for %(key)s.", slug=slug[:60], key=parcel.key)
        raise Invalid(detail, errors=[FieldError("/flow", "unknown", detail)])
    return flow
