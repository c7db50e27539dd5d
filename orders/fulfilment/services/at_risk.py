"""Until when a parcel has to go, and from when on that is at risk: then the owner of its order is told, while there is time left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from audit.services.events import Entry, record_many
from audit.words import at, said
from exceptions.services import Telling, notify_many
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.outcomes import is_to_come
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from rules.business_time import warning_minutes
from rules.rulebook import CompiledBook
from rules.states import FlowKind

AT_RISK: Final = "fulfilment.at_risk"


def promise(parcel: Fulfilment, sla: str, book: CompiledBook, changes: Changes) -> None:
    """The parcel goes by this service level from now on; whoever has its order is told once before that ends."""
    promised, calendar = book.sla(sla), parcel.order.client.calendar.slug
    before = promised.minutes - warning_minutes(promised.minutes)
    hours: dict[str, Any] = {"basis": promised.basis, "calendar": promised.calendar or calendar, "in_words": False}
    parcel.sla = sla
    parcel.due_at = book.after(promised.minutes, changes.now, **hours).due_at
    parcel.warn_at = book.after(before, changes.now, **hours).due_at
    changes.edit(parcel, "sla", "due_at", "warn_at")
    changes.timers.append(TimerChange(ref_of(parcel), AT_RISK, parcel.warn_at))


def on_at_risk(timers: Sequence[Due], *, now: datetime) -> None:
    """Most of its time is used, and what was promised is still to come."""
    found = Fulfilment.objects.filter(pk__in=[timer.subject_id for timer in timers], warn_at__lte=now, due_at__gt=now)
    rows = found.select_related("order__owner", "order__client", "flow").order_by("pk")
    parcels = [parcel for parcel in rows if is_to_come(parcel.flow.kind, parcel.state)]
    record_many(
        [Entry(AT_RISK, parcel, data={"order": parcel.order.key, "due_at": parcel.due_at}) for parcel in parcels]
    )
    notify_many(tellings=[_telling(parcel) for parcel in parcels], now=now)


def _telling(parcel: Fulfilment) -> Telling:
    order, about = parcel.order, {"key": parcel.key, "due": at(parcel.due_at) if parcel.due_at else ""}
    if parcel.flow.kind == FlowKind.DROP_SHIP:
        words = said("%(key)s is at risk: its vendor has not confirmed it, and that is due %(due)s.", **about)
    else:
        words = said("%(key)s is at risk: it has not left, and that is due %(due)s.", **about)
    return Telling(order.owner, AT_RISK, words, f"/orders/{order.key}/", order.client_id)
