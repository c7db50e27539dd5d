"""How far what is asked for has come, what a person may choose then, and what a rule has said; the rules are in the rule book."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from orders.fulfilment.states import (
    FULFILMENT_GONE,
    FULFILMENT_TOUCHED,
    Choice,
    FulfilmentState,
    RequestKind,
)


class Stage(StrEnum):
    """How far the units have come that a request is about."""

    UNTOUCHED = "untouched"
    IN_HOUSE = "in_house"
    GONE = "gone"


@dataclass(frozen=True)
class Ruling:
    """The rule, what it says is to be done, and why; `facts` it was asked about, and until when what is expected has to be back.

    `owner` is the slug of who has it, `passed` says of each rule asked before why it did not rule, `almost` which lacked
    one condition only, `book` is the rule book's number.
    """

    rule: str
    choice: Choice
    why: str
    owner: str = ""
    due_after: timedelta | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    book: int | None = None
    almost: tuple[Mapping[str, Any], ...] = ()


# What a person may choose, and at which stage of the units.
CHOICES: Final = {
    (RequestKind.CANCEL, Choice.STOP): (Stage.UNTOUCHED, Stage.IN_HOUSE),
    (RequestKind.CANCEL, Choice.RECALL): (Stage.GONE,),
    (RequestKind.CANCEL, Choice.LET_GO): tuple(Stage),
    (RequestKind.CHANGE, Choice.ACCEPT): (Stage.UNTOUCHED, Stage.IN_HOUSE),
    (RequestKind.CHANGE, Choice.LET_GO): tuple(Stage),
    (RequestKind.ADDRESS, Choice.ACCEPT): tuple(Stage),
    (RequestKind.ADDRESS, Choice.LET_GO): tuple(Stage),
    (RequestKind.RETURN, Choice.EXPECT): tuple(Stage),
    (RequestKind.RETURN, Choice.LET_GO): tuple(Stage),
}


def stage_of(parcels: Collection[str]) -> Stage:
    """How far units have come that are in parcels of these states; the furthest counts."""
    if any(state in FULFILMENT_GONE for state in parcels):
        return Stage.GONE
    if any(state in FULFILMENT_TOUCHED for state in parcels):
        return Stage.IN_HOUSE
    return Stage.UNTOUCHED


def label_stage(states: Collection[str]) -> Stage:
    """How far parcels have come as another address goes: it is no trouble before there is a label, which is made when one is packed."""
    return stage_of([state for state in states if state == FulfilmentState.PACKED or state in FULFILMENT_GONE])


def possible(kind: str, choice: Choice, stage: Stage) -> Choice:
    """What can be done of what a rule says: nothing that is off the shelf is cancelled, and nothing that has left is changed, unasked."""
    most = {RequestKind.CANCEL: (Stage.UNTOUCHED,), RequestKind.CHANGE: (Stage.UNTOUCHED, Stage.IN_HOUSE)}
    if choice == Choice.AT_ONCE and stage not in most.get(RequestKind(kind), tuple(Stage)):
        return Choice.ASK
    return choice
