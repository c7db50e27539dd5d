"""What a rule says happens when its owner does nothing: an order that has not gone on in time goes to the fallback, once.

The clock is the order's and runs by the decision that was taken, whatever the rule says by now. It begins when the order comes to whom the
rule named, stops where the order stands with somebody else (held, questioned, refused: the owner of that state has it, and its exception
has clocks of its own), and begins anew when it comes back. What has fallen back stays with the fallback until it is decided anew.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from audit.words import said
from exceptions.services import Telling, notify_many
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.fallbacks import AWAITED, UNANSWERED, falls_back_at
from orders.fulfilment.models import Fulfilment, Order
from orders.fulfilment.services.cases import TimerChange
from orders.fulfilment.services.changes import Changes, ref_of
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.exports import send_exports
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.states import FulfilmentState
from rules import selectors as rules
from rules.models import Decision, Owner

FALLBACK: Final = "fulfilment.fallback"


def begin_clock(order: Order, decision: Decision, changes: Changes) -> None:
    """The order was decided about: its owner has as long as the rule says, and nobody has taken over yet."""
    if order.fell_back_at is not None:
        order.fell_back_at = None
        changes.edit(order, "fell_back_at")
    _set(order, falls_back_at(decision.outcome, changes.now), changes)


def keep_clock(order: Order, changes: Changes) -> None:
    """Have it run exactly where the order stands with whom its rule named."""
    due = None
    if order.decision is not None and order.fell_back_at is None and order.state in AWAITED:
        due = order.falls_back_at or falls_back_at(order.decision.outcome, changes.now)
    _set(order, due, changes)


def renew_clock(order: Order, changes: Changes) -> None:
    """More of it is to be sent: a clock that ran out while all was confirmed begins anew."""
    if order.falls_back_at is not None and order.falls_back_at <= changes.now and order.decision is not None:
        _set(order, falls_back_at(order.decision.outcome, changes.now), changes)


def _set(order: Order, due: datetime | None, changes: Changes) -> None:
    if order.falls_back_at != due:
        order.falls_back_at = due
        changes.edit(order, "falls_back_at")
        changes.timers.append(TimerChange(ref_of(order), FALLBACK, due))


def on_fallback(timers: Sequence[Due], *, now: datetime) -> None:
    """The time of these orders' owners is over: what has not gone on goes to the fallback, or to who stands in for it."""
    changes, roster = Changes(now), rules.roster(now)
    dockets = load_dockets(ids) if (ids := _not_gone_on(timers, now)) else []
    came: dict[tuple[UUID, UUID], list[Order]] = defaultdict(list)
    for docket in dockets:
        order, decision = docket.order, docket.order.decision
        if decision is not None:
            heir = roster.on_duty(decision.outcome["fallback"])
            _give(docket, decision, heir, changes)
            came[heir.pk, order.client_id].append(order)
    changes.write()
    send_exports(dockets, changes)
    changes.write()
    notify_many(tellings=[_telling(roster.owners[to], orders) for (to, _), orders in came.items()], now=now)


def _not_gone_on(timers: Sequence[Due], now: datetime) -> list[UUID]:
    """As `decisions.fallbacks.has_gone_on`, asked of the database: most have, and their papers need not be read."""
    live = Fulfilment.objects.filter(order=OuterRef("pk")).exclude(state=FulfilmentState.CANCELLED)
    due = Order.objects.filter(pk__in=[timer.subject_id for timer in timers], falls_back_at__lte=now, state__in=AWAITED)
    waiting = due.filter(~Exists(live) | Exists(live.filter(state__in=UNANSWERED)))
    return list(waiting.values_list("pk", flat=True))


def _give(docket: Docket, decision: Decision, heir: Owner, changes: Changes) -> None:
    """The order, and those of its parcels nobody has confirmed that the same owner had, are the heir's."""
    order, outcome, before = docket.order, decision.outcome, docket.order.owner_id
    minutes = outcome["fallback_after_minutes"]
    reason = said("It had not gone on %(minutes)s min after it came to its owner.", minutes=minutes)
    order.owner, order.falls_back_at, order.fell_back_at = heir, None, changes.now
    changes.edit(order, "owner", "falls_back_at", "fell_back_at")
    named = {name: outcome[name] for name in ("rule", "owner", "fallback")}
    changes.tell("order.fell_back", order, reason=reason, decision=str(decision.pk), minutes=minutes, **named)
    for parcel in docket.parcels:
        if parcel.state in UNANSWERED and parcel.owner_id == before != heir.pk:
            parcel.owner = heir
            changes.edit(parcel, "owner")
            changes.tell("fulfilment.fell_back", parcel, reason=reason, order=order.key)


def _telling(to: Owner, orders: Sequence[Order]) -> Telling:
    """One sentence for all that came at once: a vendor that is silent has many orders."""
    first, url = orders[0], "/orders/"
    text = said("Orders that came to you, because they had not gone on in time: %(count)s.", count=len(orders))
    if len(orders) == 1:
        text = said("%(key)s came to you, because it had not gone on in time.", key=first.key)
        url = f"/orders/{first.key}/"
    return Telling(to, "order.fell_back", text, url, first.client_id)
