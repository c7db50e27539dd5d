"""The end of taking something back because something else came first: the parcel left, or was called off altogether."""

from typing import Final

from orders.fulfilment.models import Fulfilment, Unwind
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket

UNWIND_WATCH: Final = "fulfilment.unwind_watch"
STALLED: Final = "unwind-stalled"


def overtake(docket: Docket, parcel: Fulfilment, why: str, changes: Changes) -> None:
    """Whatever was being taken back of this parcel needs no taking back any more."""
    if (unwind := docket.unwind_of(parcel)) is not None:
        unwind.overtake()
        end(docket, unwind, "unwind.overtaken", changes, why=why)


def end(docket: Docket, unwind: Unwind, told: str, changes: Changes, *, why: str = "") -> None:
    """Nothing is waited for any more."""
    unwind.ended_at = changes.now
    changes.edit(unwind, "state", "ended_at")
    changes.tell(told, unwind, order=docket.order.key, fulfilment=unwind.fulfilment.key, why=why)
    changes.timers.append(TimerChange(ref_of(unwind), UNWIND_WATCH, None))
    changes.cured.append((docket.order, STALLED))
