"""What is done about a request by itself, and what a person decides. Each rule has a name, which is kept with what it ruled."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from orders.fulfilment.states import (
    FULFILMENT_GONE,
    FULFILMENT_TOUCHED,
    Choice,
    FulfilmentState,
    RequestKind,
)

RETURN_WINDOW: Final = timedelta(days=30)
REFUND_WITHOUT_ASKING: Final = Decimal(200)


class Stage(StrEnum):
    """How far the units have come that a request is about."""

    UNTOUCHED = "untouched"
    IN_HOUSE = "in_house"
    GONE = "gone"


@dataclass(frozen=True)
class Ruling:
    """The rule, what it says is to be done, and why."""

    rule: str
    choice: Choice
    why: str


CANCEL: Final = {
    Stage.UNTOUCHED: Ruling("cancel-before-pick", Choice.AT_ONCE, "Nothing of it is off the shelf yet."),
    Stage.IN_HOUSE: Ruling(
        "cancel-after-pick", Choice.ASK, "It is picked or packed: somebody has to stop it, or let it go."
    ),
    Stage.GONE: Ruling("cancel-after-hand-over", Choice.ASK, "It has left: somebody calls it back, or lets it go."),
}
CHANGE: Final = {
    Stage.UNTOUCHED: Ruling("change-before-pick", Choice.AT_ONCE, "Nothing of it is off the shelf yet."),
    Stage.IN_HOUSE: Ruling("change-after-pick", Choice.ASK, "It is picked or packed: somebody has to open it again."),
    Stage.GONE: Ruling("change-after-hand-over", Choice.ASK, "It has left as it was ordered first."),
}
ADDRESS: Final = {
    Stage.UNTOUCHED: Ruling("address-before-label", Choice.AT_ONCE, "No label is printed yet."),
    Stage.IN_HOUSE: Ruling("address-after-label", Choice.ASK, "The label shows the old address."),
    Stage.GONE: Ruling("address-after-hand-over", Choice.ASK, "The carrier has it, with the old address."),
}
BY_STAGE: Final = {RequestKind.CANCEL: CANCEL, RequestKind.CHANGE: CHANGE, RequestKind.ADDRESS: ADDRESS}
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


def rule_on(kind: RequestKind, stage: Stage) -> Ruling:
    """What is done about a cancellation, a change of lines or another address."""
    return BY_STAGE[kind][stage]


def rule_on_address(states: Collection[str]) -> Ruling:
    """Another address is no trouble before there is a label, which is made when the parcel is packed."""
    labelled = [state for state in states if state == FulfilmentState.PACKED or state in FULFILMENT_GONE]
    return ADDRESS[stage_of(labelled)]


def rule_on_return(*, delivered_at: datetime | None, asked_at: datetime) -> Ruling:
    """A return is expected back within the window; later a person decides."""
    if delivered_at is None or asked_at <= delivered_at + RETURN_WINDOW:
        return Ruling("return-in-time", Choice.EXPECT, f"Within {RETURN_WINDOW.days} days of its delivery.")
    days = (asked_at - delivered_at).days
    return Ruling("return-too-late", Choice.ASK, f"{days} days after its delivery; {RETURN_WINDOW.days} were promised.")


def rule_on_refund(*, amount: Decimal, is_announced: bool) -> Ruling:
    """Small amounts go back by themselves; large ones, and those for what came back unannounced, are decided by a person."""
    if not is_announced:
        return Ruling("refund-unannounced", Choice.ASK, "It came back without having been announced.")
    if amount <= REFUND_WITHOUT_ASKING:
        return Ruling("refund-small", Choice.AT_ONCE, f"Not more than {REFUND_WITHOUT_ASKING}.")
    return Ruling("refund-large", Choice.ASK, f"More than {REFUND_WITHOUT_ASKING}.")
