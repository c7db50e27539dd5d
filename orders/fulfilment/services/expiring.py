"""What was set aside for too long is free again: the line goes to the end of the queue, and who waits gets the units."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from exceptions.timer_kinds import Due
from orders.fulfilment.services.calling_off import open_again
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.keeping import idle_reservations
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.routing import hold_for_stock
from orders.fulfilment.services.settling import settle
from orders.fulfilment.services.stock import let_expire


def on_expired(timers: Sequence[Due], *, now: datetime) -> None:
    """The time of some reservations of these orders is over."""
    dockets, changes = load_dockets({UUID(timer.subject_id) for timer in timers}), Changes(now)
    for docket in dockets:
        _let_expire(docket, changes)
    changes.write()
    settle(dockets, changes)


def _let_expire(docket: Docket, changes: Changes) -> None:
    over = [one for one in idle_reservations(docket) if one.expires_at and one.expires_at <= changes.now]
    if not over:
        return
    concerned = {one.line_id for one in over}
    lines = [line for line in docket.lines if line.pk in concerned]
    units = {str(line.position): line.quantity for line in lines}
    let_expire(docket.take_reservations(lines), changes)
    open_again(docket, lines, changes)
    for line in lines:
        line.queued_at = changes.now
        hold_for_stock(docket, line, changes)
    changes.tell("order.reservation_expired", docket.order, lines=units)
