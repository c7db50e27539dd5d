"""News about orders, told to the order, or kept until the order arrives."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from audit.crypto import open_secret, seal_secret
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import EarlyNotice, Order, OrderIdentifier
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.hearing import hear, waits_for_parcel
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.stuck import cured_by_answers

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
    """Tell these orders, which have just arrived or got their parcels, what was heard of them before. Returns those that had news."""
    names: dict[tuple[UUID, str], UUID] = {}
    for pk, client_id, number, key in Order.objects.filter(pk__in=order_ids).values_list(
        "pk", "client_id", "number", "key"
    ):
        names[client_id, number] = names[client_id, key] = pk
    of_systems = OrderIdentifier.objects.filter(order__in=order_ids)
    for client_id, name, pk in of_systems.values_list("order__client_id", "external_id", "order_id"):
        names[client_id, name] = pk
    untold = EarlyNotice.objects.select_for_update().filter(
        Q(order_name__in={name for _, name in names}), client__in={client for client, _ in names}, told_at=None
    )
    notices = [notice for notice in untold.order_by("pk") if (notice.client_id, notice.order_name) in names]
    if not notices:
        return []
    changes = Changes(now)
    dockets = {docket.order.pk: docket for docket in load_dockets({names[n.client_id, n.order_name] for n in notices})}
    notices = [
        notice
        for notice in notices
        if not waits_for_parcel(dockets[names[notice.client_id, notice.order_name]], _as_news(notice))
    ]
    _tell(notices, names, dockets, desk, changes)
    changes.write()
    for docket in dockets.values():
        changes.cured += cured_by_answers(docket, changes.book, now)
    changes.write()
    return list(dockets)


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
