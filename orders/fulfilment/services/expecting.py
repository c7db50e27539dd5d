"""What a task has to lead to, kept as the flow run of its parcel: begun with the task, met by what is heard, over when the task is."""

from dataclasses import dataclass, field
from datetime import datetime

from audit.context import current_actor
from audit.subject_refs import SubjectRef, subject_ref
from orders.fulfilment.decisions import outcomes
from orders.fulfilment.decisions.outcomes import Outcome, Task
from orders.fulfilment.models import Fulfilment, Order
from orders.sync import services as sync
from orders.sync.services import Excused, Expected, Observed, RunStart
from rules.rulebook import CompiledBook
from rules.states import FlowKind

CASE_OF_SILENCE = {FlowKind.DROP_SHIP: "vendor-no-confirmation", FlowKind.WAREHOUSE: "delivery-failure"}
CASE_OF_LATENESS = "late-parcel"
# The promises in the rule book by which a step has to come that nobody has promised; business minutes where a book makes none.
USUAL = {outcomes.HANDED_OVER: ("vendor-shipping", 20 * 60), outcomes.DELIVERED: ("carrier-delivery", 50 * 60)}


@dataclass
class Expecting:
    """What changes about runs, in the order in which it is written."""

    seen: list[Observed] = field(default_factory=list)
    excused: list[Excused] = field(default_factory=list)
    ended: list[SubjectRef] = field(default_factory=list)
    begun: list[RunStart] = field(default_factory=list)

    def begin(self, order: Order, parcel: Fulfilment, book: CompiledBook) -> None:
        """The parcel's task goes out: from now on its outcomes are expected; a task sent again changes no deadline that runs."""
        expected = [
            Expected(one.words.capitalize(), one.event_type, one.due_at, one.event_type == outcomes.HANDED_OVER)
            for one in outcomes.expected_outcomes(task_of(order, parcel, book))
        ]
        if expected:
            start = RunStart(
                parcel.flow, parcel.client_id, subject_ref(parcel), parcel.key, parcel.task_message, expected
            )
            self.begun.append(start)

    def hear(self, parcel: Fulfilment, event_type: str, event_id: str) -> None:
        """An event proves its step and those before it."""
        self.seen += [Observed(subject_ref(parcel), proven, event_id) for proven in outcomes.proven_by(event_type)]

    def take_word(self, parcel: Fulfilment, event_type: str, instead: str) -> None:
        """A person says so here: the step and those before it are not waited for, and nothing of it is proven."""
        self.excused += [Excused(subject_ref(parcel), said, instead) for said in outcomes.proven_by(event_type)]

    def excuse_confirmation(self, parcel: Fulfilment, instead: str) -> None:
        """A person, or a time-limited exception, stands in for the word of whoever has the task."""
        self.excused.append(Excused(subject_ref(parcel), outcomes.CONFIRMED, instead))

    def end(self, parcel: Fulfilment) -> None:
        """Nothing is expected of this task any more."""
        self.ended.append(subject_ref(parcel))


def tell_all(expecting: Expecting, *, now: datetime) -> None:
    """Write what changes about runs."""
    by = current_actor()
    if expecting.seen:
        sync.observe(observed=expecting.seen, by=by, now=now)
    if expecting.excused:
        sync.excuse(excused=expecting.excused, by=by, now=now)
    if expecting.ended:
        sync.cancel_runs(subjects=expecting.ended, by=by, now=now)
    if expecting.begun:
        sync.start_runs(starts=expecting.begun, by=by, now=now)


def task_of(order: Order, parcel: Fulfilment, book: CompiledBook) -> Task:
    """The parcel's task as far as deadlines go."""

    def usual(step: str, since: datetime) -> datetime:
        slug, minutes = USUAL[step]
        promise = next((sla for sla in book.slas() if sla.slug == slug), None)
        calendar = (promise.calendar if promise else None) or order.client.calendar.slug
        minutes, basis = (promise.minutes, promise.basis) if promise else (minutes, "business")
        return book.after(minutes, since, basis=basis, calendar=calendar, in_words=False).due_at

    tasked_at = parcel.tasked_at or order.placed_at
    return Task(parcel.flow.kind, tasked_at, parcel.due_at, order.promised_at, parcel.ship_by_at, usual)


def case_of(parcel: Fulfilment, outcome: Outcome) -> str:
    """The kind of case a missing step is."""
    return CASE_OF_SILENCE[FlowKind(parcel.flow.kind)] if outcome.event_type == outcomes.CONFIRMED else CASE_OF_LATENESS
