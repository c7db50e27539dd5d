"""What goes wrong with an order, handed to the people who work it; and taken off their desks when its cause goes away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.access import system_actor
from audit.context import current_actor
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import said
from exceptions import services as exceptions
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening, TimerSetting
from exceptions.states import CASE_LIVE
from orders.fulfilment.models import Order
from rules.rulebook import CompiledBook


@dataclass(frozen=True)
class Opening:
    """A case to open about an order: `type` as in the rule book, words for the person who gets it, PII-free evidence.

    `owner` is who answers for its cause where that is somebody else than who has cases of the type.
    """

    type: str
    order: Order
    title: str
    cause: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""


@dataclass(frozen=True)
class TimerChange:
    """A timer about a record to set, or to cancel where `due_at` is None; `payload` says why it waits, where that is not its kind."""

    subject: SubjectRef
    kind: str
    due_at: datetime | None
    payload: Mapping[str, Any] = field(default_factory=dict)


def solved_by(kind: str, order: Order, book: CompiledBook, *, now: datetime) -> datetime | None:
    """Until when a case of this kind that opens now is promised to be solved; None for a kind the book does not know."""
    if not book.knows_type(kind):
        return None
    promise = book.promise(kind, book.exception_type(kind).severity, order.client.slug)
    return book.due_at(promise.sla.slug, now, order.client.calendar.slug, in_words=False).due_at


def open_all(openings: Sequence[Opening], *, now: datetime) -> list[ExceptionCase]:
    """Open (or count up) one case per order and type."""
    cases = [
        CaseOpening(
            type=opening.type,
            subject=subject_ref(opening.order),
            subject_key=opening.order.key,
            client_id=opening.order.client_id,
            title=opening.title,
            cause=opening.cause,
            evidence=opening.evidence,
            at_risk_minor=opening.order.total_minor,
            currency=opening.order.currency,
            owner=opening.owner,
        )
        for opening in openings
    ]
    return exceptions.open_cases(openings=cases, by=current_actor(), now=now) if cases else []


def withdraw_all(cured: Sequence[tuple[Order, str]], *, now: datetime) -> None:
    """Withdraw live cases whose order has left the place they are about."""
    if not cured:
        return
    pairs = {(str(order.pk), case_type) for order, case_type in cured}
    live = ExceptionCase.objects.filter(
        state__in=CASE_LIVE,
        subject_type="fulfilment.order",
        subject_id__in={pk for pk, _ in pairs},
        type__in={case_type for _, case_type in pairs},
    )
    over = [pk for pk, *pair in live.values_list("pk", "subject_id", "type") if tuple(pair) in pairs]
    reason = said("The order has gone on: the cause is gone.")
    exceptions.withdraw_cases(case_ids=over, reason=reason, by=system_actor("fulfilment"), now=now)


def set_all(timers: Sequence[TimerChange], *, now: datetime) -> None:
    """Set and cancel timers; of several changes of one timer the last counts."""
    last = {(change.subject, change.kind): change for change in timers}
    due = [
        TimerSetting(change.subject, change.kind, change.due_at, change.payload)
        for change in last.values()
        if change.due_at
    ]
    if due:
        exceptions.set_timers(settings=due)
    over = [(change.subject, change.kind) for change in last.values() if change.due_at is None]
    if over:
        exceptions.cancel_timers(timers=over, now=now)
