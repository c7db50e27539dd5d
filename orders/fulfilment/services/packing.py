"""What of an order goes in one parcel, said by a person: together, by itself, or again as the rules plan it. Only before it is picked."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, NotFound
from audit.texts import reason_given
from audit.words import said
from orders.fulfilment.models import Order, OrderLine
from orders.fulfilment.services.calling_off import open_again, write_opened
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.routing import group_of
from orders.fulfilment.services.settling import settle
from orders.fulfilment.states import FULFILMENT_ON_SHELF, LineState

MOVABLE: Final = frozenset({LineState.RESERVED, LineState.IN_FULFILMENT, LineState.OPEN, LineState.BACK_ORDERED})


def pack_together(*, order_id: UUID, lines: Collection[int], reason: str, by: Actor, now: datetime) -> Order:
    """Send these lines (by position) in one parcel of their own; without lines, every line as the rules plan it.

    The parcels they are in are called off and planned anew, so nobody packs them twice. Raises `Invalid` where they cannot be in one parcel
    or one of them is picked already, `IllegalTransition` where one is not to be sent any more, `NotFound`, `Refused`.
    """
    why = reason_given(reason)
    with acting(by, at=now, reason=why):
        dockets = load_dockets([order_id])
        require(by, "orders.work_order", dockets[0].order if dockets else None)
        if not dockets:
            raise NotFound("There is no such order, or it is not yours to see.")
        docket, changes = dockets[0], Changes(now)
        chosen = _chosen(docket, lines)
        number = max((line.packed_as for line in docket.lines), default=0) + 1 if lines else 0
        for line in chosen:
            line.packed_as = number
            changes.edit(line, "packed_as")
        positions = [line.position for line in chosen]
        changes.tell("order.packed_as", docket.order, lines=positions, number=number)
        open_again(docket, _planned(docket, chosen if lines else docket.live_lines()), changes)
        write_opened(docket, changes)
        settle(dockets, changes)
    return docket.order


def _planned(docket: Docket, lines: Sequence[OrderLine]) -> list[OrderLine]:
    """Those that are in a parcel nobody has picked."""
    return [
        line
        for line in lines
        if (parcels := docket.parcels_of(line)) and all(one.state in FULFILMENT_ON_SHELF for one in parcels)
    ]


def _chosen(docket: Docket, lines: Collection[int]) -> list[OrderLine]:
    """The lines that are named, or all that a person has packed; none of them may be picked, and they have to fit into one parcel."""
    known = {line.position: line for line in docket.lines}
    if unknown := sorted(set(lines) - known.keys()):
        _refuse("unknown", said("There is no line %(line)s.", line=unknown[0]))
    chosen = (
        [known[one] for one in sorted(set(lines))] if lines else [one for one in docket.live_lines() if one.packed_as]
    )
    if not chosen:
        _refuse("same", said("It is so already."))
    if any(line.state not in MOVABLE for line in chosen):
        raise IllegalTransition(said("One of the lines is not to be sent any more."))
    shared = [parcel for line in chosen for parcel in docket.parcels_of(line)]
    for parcel in shared:
        if parcel.state not in FULFILMENT_ON_SHELF:
            _refuse("picked", said("%(key)s is picked already: what is in it stays so.", key=parcel.key))
    if lines:
        _refuse_mixture(docket, chosen)
    return chosen


def _refuse_mixture(docket: Docket, chosen: Sequence[OrderLine]) -> None:
    """One way, one sender, one place, one receiver and one promise: anything else cannot be one parcel."""
    groups = [group_of(docket, line) for line in chosen]
    sent = [one for one in groups if one.location_id is not None]
    mixtures = (
        ({one.receiver for one in groups}, said("A gift with an address of its own goes in its own parcel.")),
        ({(one.flow, one.vendor) for one in groups}, said("They are not sent by the same house.")),
        ({one.location_id for one in sent}, said("They do not lie in the same place.")),
        ({line.ship_by_at for line in chosen}, said("They were promised for different days.")),
    )
    for different, words in mixtures:
        if len(different) > 1:
            _refuse("mixed", words)


def _refuse(code: str, words: str) -> None:
    raise Invalid(words, errors=[FieldError("/lines", code, words)])
