"""When a step does not come in time: a case at the deadline; and where nobody even confirms, a hold the customer can read about later."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.words import at, said
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.outcomes import CONFIRMED, DELIVERED, HANDED_OVER, Outcome
from orders.fulfilment.models import Fulfilment, Hold, Order
from orders.fulfilment.selectors.exports import newest_exports
from orders.fulfilment.services.cases import Opening, TimerChange, solved_by
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.expecting import case_of
from orders.fulfilment.services.holding import place
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import FULFILMENT_UNCONFIRMED, HoldReason, HoldSource
from orders.sync.models import Expectation

NOT_SEEN: Final[Mapping[str, str]] = {
    "shipment.picked": noop("%(who)s has not picked %(key)s, due %(due)s"),
    "shipment.packed": noop("%(who)s has not packed %(key)s, due %(due)s"),
    HANDED_OVER: noop("%(who)s has not handed over %(key)s, due %(due)s"),
    DELIVERED: noop("%(who)s has not delivered %(key)s, due %(due)s"),
}
CUSTOMER_HOLD = "fulfilment.customer_hold"
CUSTOMER_WORDS = "We are waiting for our supplier and will tell you the new date within one working day."
UNRESOLVED_FOR = timedelta(hours=2)


def lock_orders_of(ids: Sequence[str]) -> set[str]:
    """Lock the orders of these fulfilments, skipping those that somebody holds; the fulfilments that are now safe to work on."""
    wanted = Fulfilment.objects.filter(pk__in=ids).values_list("order_id", flat=True)
    locked = set(
        Order.objects.select_for_update(skip_locked=True)
        .filter(pk__in=list(wanted))
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return {str(pk) for pk in Fulfilment.objects.filter(pk__in=ids, order__in=locked).values_list("pk", flat=True)}


def outcomes_missed(missed: Sequence[Expectation], *, now: datetime) -> None:
    """A step did not come in time: a case with what was tried; where nobody confirmed, its own deadline until the customer is told."""
    changes = Changes(now)
    of_parcel = {one.run.subject_id: one for one in missed}
    orders = set(Fulfilment.objects.filter(pk__in=of_parcel).values_list("order_id", flat=True))
    exports = newest_exports(orders)
    for docket in load_dockets(orders):
        for parcel in docket.parcels:
            if (expectation := of_parcel.get(str(parcel.pk))) is not None:
                _hand_over(docket, parcel, expectation, exports.get(docket.order.pk), changes)
    changes.write()


def _hand_over(
    docket: Docket, parcel: Fulfilment, expectation: Expectation, export: UUID | None, changes: Changes
) -> None:
    """One missed outcome, with its context, to whoever has cases of its kind."""
    who = parcel.vendor or said("The warehouse")
    outcome = Outcome(expectation.event_type, expectation.due_at)
    minutes = round((changes.now - (parcel.tasked_at or changes.now)).total_seconds() / 60)
    evidence = {
        "fulfilment": parcel.key,
        "tasked_at": parcel.tasked_at.isoformat() if parcel.tasked_at else None,
        "task": parcel.task_message,
        "rounds": parcel.round,
        "run": str(expectation.run_id),
        "expected": outcome.event_type,
        "due_at": outcome.due_at.isoformat(),
        "export": f"/api/v1/exports/{export}" if export else None,
    }
    if outcome.event_type == CONFIRMED:
        cause = f"vendor:{who}"
        title = said("%(who)s has not confirmed %(key)s for %(minutes)s min", who=who, key=parcel.key, minutes=minutes)
        changes.tell("fulfilment.confirmation_missed", parcel, order=docket.order.key, minutes=minutes)
        promised = solved_by(case_of(parcel, outcome), docket.order, changes.book, now=changes.now)
        changes.timers.append(TimerChange(ref_of(parcel), CUSTOMER_HOLD, promised or changes.now + UNRESOLVED_FOR))
    else:
        if outcome.event_type == DELIVERED and parcel.handed_over_at:
            who = parcel.carrier or said("The carrier")
        title = said(NOT_SEEN[outcome.event_type], who=who, key=parcel.key, due=at(outcome.due_at))
        cause = f"late:{who}"
        changes.tell("fulfilment.outcome_missed", parcel, order=docket.order.key, expected=outcome.event_type)
    changes.openings.append(Opening(case_of(parcel, outcome), docket.order, title, cause, evidence))


def still_unresolved(timers: Sequence[Due], *, now: datetime) -> None:
    """Unsolved at its deadline, and still silence: the order is held, with words for the customer, until it is confirmed."""
    changes = Changes(now)
    held: dict[UUID, Docket] = {}
    for docket, parcel in _silent(timers):
        condition = {"kind": "confirmation", "fulfilment": parcel.key}
        if not any(hold.release_when == condition for hold in docket.in_force):
            hold = Hold(
                reason=HoldReason.VENDOR,
                source=HoldSource.ROUTE,
                words=said(
                    "%(who)s has not confirmed %(key)s", who=parcel.vendor or said("The warehouse"), key=parcel.key
                ),
                customer_words=CUSTOMER_WORDS,
                release_when=condition,
            )
            place(docket, hold, changes)
        held[docket.order.pk] = docket
    settle(list(held.values()), changes)


def _silent(timers: Sequence[Due]) -> list[tuple[Docket, Fulfilment]]:
    """The fulfilments of these timers that are still waiting, with the papers of their orders."""
    wanted = {timer.subject_id for timer in timers}
    orders = Fulfilment.objects.filter(pk__in=wanted, state__in=FULFILMENT_UNCONFIRMED).values_list(
        "order_id", flat=True
    )
    return [
        (docket, parcel)
        for docket in load_dockets(set(orders))
        for parcel in docket.parcels
        if str(parcel.pk) in wanted and parcel.state in FULFILMENT_UNCONFIRMED and docket.order.cancelled_at is None
    ]
