"""Units that are set aside and that nobody works on: they are kept for a while, then whoever waits gets them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from orders.fulfilment.models import Fulfilment, Order, Reservation
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import FULFILMENT_ON_SHELF, FulfilmentState

KEPT_FOR: Final = timedelta(days=7)
RESERVATION_EXPIRY: Final = "fulfilment.reservation_expiry"


def watch_reservations(dockets: Sequence[Docket], changes: Changes) -> None:
    """Start the clock of units nobody works on, and stop it where somebody does; a task under way has deadlines of its own."""
    for docket in dockets:
        idle, changed = idle_reservations(docket), False
        for one in docket.held():
            until = (one.expires_at or changes.now + KEPT_FOR) if one in idle else None
            if one.expires_at != until:
                one.expires_at, changed = until, True
                changes.edit(one, "expires_at")
        if changed:
            first = min((one.expires_at for one in idle if one.expires_at), default=None)
            changes.timers.append(TimerChange(ref_of(docket.order), RESERVATION_EXPIRY, first))


def idle_reservations(docket: Docket) -> list[Reservation]:
    """What is set aside for lines that are still on the shelf and may not leave it, or that nobody was asked to send."""
    waiting = {
        line.pk for line in docket.lines if all(_stands_still(docket, parcel) for parcel in docket.parcels_of(line))
    }
    return [one for one in docket.held() if one.line_id in waiting]


def _stands_still(docket: Docket, parcel: Fulfilment) -> bool:
    is_stopped = not docket.may_proceed or bool(docket.holding(parcel))
    return parcel.state == FulfilmentState.PLANNED or (parcel.state in FULFILMENT_ON_SHELF and is_stopped)


def lock_orders(ids: Sequence[str]) -> set[str]:
    """Lock these orders, skipping those that somebody holds."""
    rows = Order.objects.select_for_update(skip_locked=True).filter(pk__in=ids).order_by("pk")
    return {str(pk) for pk in rows.values_list("pk", flat=True)}
