"""What a task is expected to lead to and until when, from promises somebody made: the flow's service level, the store's delivery date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orders.fulfilment.states import FulfilmentState
from rules.states import FlowKind

CONFIRMED: Final = "task.confirmed"
HANDED_OVER: Final = "shipment.handed_over"
DELIVERED: Final = "shipment.delivered"
# The way of a parcel: the event that proves each step, and the step in words.
WAY: Final[Mapping[str, str]] = {
    CONFIRMED: "confirmed",
    "shipment.picked": "picked",
    "shipment.packed": "packed",
    HANDED_OVER: "handed over",
    DELIVERED: "delivered",
}
# Our own flow promises that the parcel leaves; of a vendor it only promises an answer.
PROMISED_BY_FLOW: Final[Mapping[str, tuple[str, ...]]] = {
    FlowKind.WAREHOUSE: (CONFIRMED, "shipment.picked", "shipment.packed", HANDED_OVER),
    FlowKind.DROP_SHIP: (CONFIRMED,),
}
_STEPS: Final = tuple(WAY)
_REACHED: Final[Mapping[str, int]] = {
    FulfilmentState.TASKED: 0,
    FulfilmentState.ACKNOWLEDGED: 0,
    FulfilmentState.CONFIRMED: 1,
    FulfilmentState.PICKED: 2,
    FulfilmentState.PACKED: 3,
    FulfilmentState.HANDED_OVER: 4,
}


@dataclass(frozen=True)
class Outcome:
    """One step that somebody else has to be seen to take."""

    event_type: str
    due_at: datetime

    @property
    def words(self) -> str:
        """The step."""
        return WAY[self.event_type]


@dataclass(frozen=True)
class Task:
    """A task as far as deadlines go: who does it, since when, by when, what the customer was told, and the seller's hand-over limit."""

    kind: str
    tasked_at: datetime
    due_at: datetime | None
    promised_at: datetime | None
    ship_by_at: datetime | None = None


def expected_outcomes(task: Task) -> list[Outcome]:
    """What has to be seen, first things first. A limit or delivery date that had passed when the task went out binds nobody any more."""
    promised = PROMISED_BY_FLOW.get(task.kind, ()) if task.due_at is not None else ()
    outcomes = [Outcome(event_type, task.due_at) for event_type in promised if task.due_at is not None]
    if task.ship_by_at is not None and task.ship_by_at > task.tasked_at and HANDED_OVER not in promised:
        outcomes.append(Outcome(HANDED_OVER, max([task.ship_by_at, *(one.due_at for one in outcomes)])))
    if task.promised_at is not None and task.promised_at > task.tasked_at:
        outcomes.append(Outcome(DELIVERED, max([task.promised_at, *(one.due_at for one in outcomes)])))
    return outcomes


def is_to_come(kind: str, state: str) -> bool:
    """Whether something its flow promises until its deadline is still to come, of a parcel that is planned or on its way."""
    if state == FulfilmentState.PLANNED:
        return kind in PROMISED_BY_FLOW
    ahead = _STEPS[_REACHED[FulfilmentState(state)] :] if state in _REACHED else ()
    return any(step in ahead for step in PROMISED_BY_FLOW.get(kind, ()))


def proven_by(event_type: str) -> tuple[str, ...]:
    """The steps an event proves: its own and those it cannot have happened without."""
    return _STEPS[: _STEPS.index(event_type) + 1] if event_type in WAY else ()


def overdue(task: Task, state: str, now: datetime) -> Outcome | None:
    """The first step that should have been seen by now and was not, of a parcel that is on its way."""
    if state not in _REACHED:
        return None
    ahead = _STEPS[_REACHED[FulfilmentState(state)] :]
    return next((one for one in expected_outcomes(task) if one.event_type in ahead and one.due_at <= now), None)
