"""What a task is expected to lead to and until when: by the flow's service level, the seller's limit, the store's delivery date.

Where nobody has promised a step, it has to come in its usual time: nothing that left our hands may be silent for ever.
"""

from collections.abc import Callable, Iterator, Mapping
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
# By the deadline of its task our own flow promises that the parcel leaves; of a vendor it only promises an answer.
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
    """A task as far as deadlines go: who does it, since when, by when, what the customer was told, and the seller's hand-over limit.

    `usual` tells until when a step has to come that nobody has promised, from the moment of the step before it.
    """

    kind: str
    tasked_at: datetime
    due_at: datetime | None
    promised_at: datetime | None
    ship_by_at: datetime | None
    usual: Callable[[str, datetime], datetime]

    def until(self, step: str, limit: datetime | None, since: datetime) -> datetime:
        """When a step is due that follows what was due at `since`: a limit that had passed when the task went out binds nobody."""
        binds = limit is not None and limit > self.tasked_at
        return max(limit, since) if limit is not None and binds else self.usual(step, since)


def expected_outcomes(task: Task) -> Iterator[Outcome]:
    """What has to be seen, first things first, each not before the one before it: up to the hands of whom it is for."""
    if task.kind not in PROMISED_BY_FLOW:
        return
    promised, due_at = PROMISED_BY_FLOW[task.kind], task.due_at or task.tasked_at
    if task.due_at is not None:
        yield from (Outcome(step, task.due_at) for step in promised)
    if HANDED_OVER not in promised:
        due_at = task.until(HANDED_OVER, task.ship_by_at, due_at)
        yield Outcome(HANDED_OVER, due_at)
    yield Outcome(DELIVERED, task.until(DELIVERED, task.promised_at, due_at))


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
