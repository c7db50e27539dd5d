"""News about orders, told to the order, or kept until the order arrives or a break-glass over it ends."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from audit.crypto import open_secret, seal_secret
from exceptions.timer_kinds import Due
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import EarlyNotice, Order, OrderIdentifier
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.hearing import Told, hear, waits_for_parcel
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.pausing import CHANGED, in_emergency, says_promises
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.settling import settle_orders
from orders.fulfilment.services.stuck import cured_by_answers
from rules.selectors import active_book

CAUSAL_ORDER = {
    "payment.authorised": 0,
    "payment.captured": 1,
    "order.changed": 2,
    "return.requested": 7,
    "return.received": 8,
    "order.cancelled": 9,
    "refund.issued": 10,
}


def keep_early_news(news: Sequence[News], *, now: datetime) -> None:
    """Keep news about orders nobody has told us of yet."""
    changes = Changes(now)
    known = set(
        EarlyNotice.objects.filter(event_id__in=[one.event_id for one in news]).values_list("system", "event_id")
    )
    for one in news:
        if (one.system, one.event_id) not in known:
            notice = EarlyNotice(
                client_id=one.client_id,
                system=one.system,
                order_name=one.order_name,
                event_type=one.type,
                happened_at=one.happened_at,
                data={"sealed": seal_secret(json.dumps(dict(one.data)))},
                event_id=one.event_id,
            )
            changes.add(notice)
            changes.tell("notice.kept", notice, about=one.type, event=one.event_id)
    changes.write()


def tell_early_news(*, order_ids: Collection[UUID], desk: Desk, now: datetime) -> list[UUID]:
    """Tell these orders what was heard of them before: they have just arrived, got their parcels, or come out of a break-glass.

    What still waits for a parcel, or for the end of a break-glass, stays. Returns those that had news.
    """
    names = _names_of(order_ids)
    notices = _untold(names)
    if not notices:
        return []
    changes = Changes(now)
    dockets = {docket.order.pk: docket for docket in load_dockets({names[n.client_id, n.order_name] for n in notices})}
    pausable = any(notice.event_type == CHANGED for notice in notices)
    paused = in_emergency(list(dockets.values()), now) if pausable else set()
    notices = [
        notice
        for notice in notices
        if not _waits(dockets[names[notice.client_id, notice.order_name]], _as_news(notice), paused)
    ]
    _tell(notices, names, dockets, desk, changes)
    changes.write()
    for docket in dockets.values():
        changes.cured += cured_by_answers(docket, changes.book, now)
    changes.write()
    return list(dockets)


def take_kept_promises(told: Sequence[Told], changes: Changes) -> list[Told]:
    """What was held back for a break-glass that is over, where newer news of the same come before the timer: both are heard in order."""
    dockets = {docket.order.pk: docket for docket, news in told if says_promises(news)}
    names = _names_of(list(dockets)) if dockets else {}
    kept = [notice for notice in _untold(names) if notice.event_type == CHANGED] if names else []
    for notice in kept:
        notice.told_at = changes.now
        changes.edit(notice, "told_at")
    return [(dockets[names[notice.client_id, notice.order_name]], _as_news(notice)) for notice in kept]


def on_emergency_over(timers: Sequence[Due], *, now: datetime) -> None:
    """The break-glass over these orders is over: what systems have said meanwhile is told now."""
    desk, ids = Desk(active_book(), now), [UUID(timer.subject_id) for timer in timers]
    settle_orders(order_ids=tell_early_news(order_ids=ids, desk=desk, now=now))


def _names_of(order_ids: Collection[UUID]) -> dict[tuple[UUID, str], UUID]:
    """What anybody calls these orders, each name with its client."""
    names: dict[tuple[UUID, str], UUID] = {}
    orders = Order.objects.filter(pk__in=order_ids)
    for pk, client_id, number, key in orders.values_list("pk", "client_id", "number", "key"):
        names[client_id, number] = names[client_id, key] = pk
    of_systems = OrderIdentifier.objects.filter(order__in=order_ids)
    for client_id, name, pk in of_systems.values_list("order__client_id", "external_id", "order_id"):
        names[client_id, name] = pk
    return names


def _untold(names: Mapping[tuple[UUID, str], UUID]) -> list[EarlyNotice]:
    untold = EarlyNotice.objects.select_for_update().filter(
        Q(order_name__in={name for _, name in names}), client__in={client for client, _ in names}, told_at=None
    )
    return [notice for notice in untold.order_by("pk") if (notice.client_id, notice.order_name) in names]


def _waits(docket: Docket, news: News, paused: Collection[UUID]) -> bool:
    return waits_for_parcel(docket, news) or (docket.order.pk in paused and says_promises(news))


def _tell(
    notices: Sequence[EarlyNotice],
    names: Mapping[tuple[UUID, str], UUID],
    dockets: Mapping[UUID, Docket],
    desk: Desk,
    changes: Changes,
) -> None:
    in_causal_order = sorted(notices, key=lambda notice: (CAUSAL_ORDER.get(notice.event_type, 5), notice.happened_at))
    told = [(dockets[names[notice.client_id, notice.order_name]], _as_news(notice)) for notice in in_causal_order]
    hear(told, desk, changes)
    for notice in notices:
        notice.told_at = changes.now
        changes.edit(notice, "told_at")


def _as_news(notice: EarlyNotice) -> News:
    return News(
        event_id=notice.event_id,
        type=notice.event_type,
        system=notice.system,
        subject=notice.order_name,
        client_id=notice.client_id,
        happened_at=notice.happened_at,
        data=json.loads(open_secret(notice.data["sealed"])) if "sealed" in notice.data else notice.data,
    )
