"""News about orders, parcels and stock from other systems, in batches."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from audit.context import Actor, acting
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Sku
from orders.fulfilment.selectors.identity import orders_named
from orders.fulfilment.services.basing import refuse_stale
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.departures import Since, let_leave, moved_since
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.services.goods import MAIN, known_locations, known_skus
from orders.fulfilment.services.hearing import Told, hear, waits_for_parcel
from orders.fulfilment.services.intake import lock_names
from orders.fulfilment.services.left_alone import counted_by_hand, note
from orders.fulfilment.services.loading import load_dockets
from orders.fulfilment.services.notices import keep_early_news, take_kept_promises, tell_early_news
from orders.fulfilment.services.pausing import hold_back_promises
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.settling import release_queue, settle, settle_orders
from orders.fulfilment.services.stock import lock_stock, put_count
from rules.selectors import active_book

NOWHERE = UUID(int=0)


def take_news(*, news: Sequence[News], by: Actor, now: datetime) -> list[UUID]:
    """Apply payments, cancellations, confirmations and shipping steps; those about orders nobody has told us of are kept for them.

    Returns the ids of the orders that heard something. Raises `StaleBase` for news on the basis of an order as it is no more.
    """
    with acting(by, at=now):
        lock_names((one.client_id, one.order_name) for one in news)
        known = orders_named(news)
        dockets = {docket.order.pk: docket for docket in load_dockets(set(known.values()))}
        told, early = _sort_out(news, known, dockets)
        refuse_stale(told, early)
        changes = Changes(now)
        told, held = hold_back_promises(told, changes)
        if early or held:
            keep_early_news([*early, *held], now=now)
        if not dockets:
            return []
        told += take_kept_promises(told, changes)
        changes.lock_stock(reservations__in=[one.pk for docket in dockets.values() for one in docket.held()])
        desk = Desk(active_book(), changes.now)
        without_parcel = {pk for pk, docket in dockets.items() if not docket.parcels}
        hear(sorted(told, key=lambda pair: (pair[1].happened_at, pair[1].event_id)), desk, changes)
        settle(list(dockets.values()), changes, desk)
        planned = [pk for pk in without_parcel if dockets[pk].parcels]
        settle_orders(order_ids=tell_early_news(order_ids=planned, desk=desk, now=now) if planned else ())
    return list(dockets)


def _sort_out(
    news: Sequence[News], known: Mapping[tuple[UUID, str], UUID], dockets: Mapping[UUID, Docket]
) -> tuple[list[Told], list[News]]:
    """What can be told now, to whom; and what is kept until its order or its parcel is there."""
    told: list[Told] = []
    early: list[News] = []
    for one in news:
        docket = dockets.get(known.get((one.client_id, one.order_name), NOWHERE))
        if docket is None or waits_for_parcel(docket, one):
            early.append(one)
        else:
            told.append((docket, one))
    return told, early


def count_stock(*, news: Sequence[News], by: Actor, now: datetime) -> list[UUID]:
    """Take over what systems say lies in a place, and let the orders that waited for it go on, longest waiting first.

    The newest word per product and place counts; who names no place means the main one. Returns the ids of the orders that were
    looked at again.
    """
    with acting(by, at=now):
        newest = {_counted(one): one for one in sorted(news, key=lambda one: one.happened_at)}
        changes = Changes(now)
        skus = known_skus({(client, code): Sku(client_id=client, code=code) for client, code, _ in newest})
        places = known_locations({(client, slug) for client, _, slug in newest})
        ids = [sku.pk for sku in skus.values()]
        stock = lock_stock(ids, changes)
        by_hand = counted_by_hand([product.item.pk for product in stock.values()])
        oldest = min((one.happened_at for one in newest.values()), default=now)
        moved = moved_since(dict.fromkeys(ids, oldest))
        for (client, code, slug), one in newest.items():
            product, counted = stock[skus[client, code].pk], int(one.data["available"])
            place, since = places[client, slug], moved.get(product.item.sku_id, Since())
            if product.item.pk in by_hand:
                note(by_hand[product.item.pk], str(counted), one, changes)
            else:
                there = since.there_now(counted, place, one.happened_at)
                put_count(product, place, there, one.happened_at, changes)
                let_leave(product, place, one.happened_at, since.gone, changes)
                changes.levels.seen[product.item.pk] = one.event_id
        changes.write()
        return release_queue(ids, changes)


def _counted(one: News) -> tuple[UUID, str, str]:
    return one.client_id, str(one.data["sku"]), str(one.data.get("location") or MAIN)
