"""Taking lines out of what was planned for them: parcels called off, reservations put back, the rest planned anew."""

from collections.abc import Collection, Mapping, Sequence

from django_fsm import can_proceed

from audit.words import said
from orders.fulfilment.models import Fulfilment, OrderLine
from orders.fulfilment.services import stock
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dispatch import withdraw_task
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.holding import let_go
from orders.fulfilment.services.unwinds import overtake
from orders.fulfilment.states import HoldReason, LineState


def leave_out(docket: Docket, units: Mapping[OrderLine, int], changes: Changes) -> None:
    """So many units of these lines will not be sent; what shares a parcel with them is planned anew without them."""
    whole = {line for line, count in units.items() if count >= line.quantity}
    open_again(docket, list(units), changes, besides=whole)
    for line, count in units.items():
        if line in whole:
            line.cancel()
            changes.edit(line, "state")
        else:
            line.quantity -= count
            changes.edit(line, "quantity")
    if any(line.state == LineState.OPEN for line in docket.lines):
        write_opened(docket, changes)


def open_again(
    docket: Docket, lines: Sequence[OrderLine], changes: Changes, *, besides: Collection[OrderLine] = ()
) -> list[Fulfilment]:
    """Call off every parcel of these lines, and open its lines again but for some; the parcels that were called off."""
    parcels = {parcel.pk: parcel for line in lines for parcel in docket.parcels_of(line)}
    touched = {line.pk: line for line in lines}
    for parcel in parcels.values():
        _call_off(docket, parcel, changes)
        touched |= {content.line.pk: content.line for content in docket.contents.get(parcel.pk, ())}
    for line in touched.values():
        _forget_stock_hold(docket, line, changes)
        if line not in besides and can_proceed(line.reopen):
            line.reopen()
            changes.edit(line, "state")
    return list(parcels.values())


def write_opened(docket: Docket, changes: Changes) -> None:
    """Lines are open, and their reservations put back, before they are planned again: two edges, two statements."""
    stock.release_reservations([docket], changes)
    changes.write()


def _call_off(docket: Docket, parcel: Fulfilment, changes: Changes) -> None:
    """Nothing of it is sent. What held it holds the whole order from now on: planning anew is no way around a hold."""
    for hold in docket.in_force:
        if hold.fulfilment_id == parcel.pk or hold.release_when.get("fulfilment") == parcel.key:
            if hold.reason == HoldReason.VENDOR:
                let_go(docket, hold, changes, why=said("it is called off"))
            else:
                hold.fulfilment = None
                changes.edit(hold, "fulfilment")
                changes.tell("hold.widened", hold, order=docket.order.key, was=parcel.key)
    overtake(docket, parcel, "the parcel is called off", changes)
    withdraw_task(docket, parcel, changes)


def _forget_stock_hold(docket: Docket, line: OrderLine, changes: Changes) -> None:
    for hold in docket.in_force:
        if hold.line_id == line.pk and hold.reason == HoldReason.STOCK and line.state == LineState.BACK_ORDERED:
            let_go(docket, hold, changes, why=said("the line has changed"))
