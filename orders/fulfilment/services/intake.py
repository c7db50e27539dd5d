"""Orders and payments coming in, in batches: whatever arrives first, and from however many systems, it becomes one record."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from audit.arrays import bare_array
from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.crypto import blind_index, seal_secret
from audit.words import said
from orders.fulfilment.decisions.news import News, PlacedOrder, read_placed_order
from orders.fulfilment.models import Order, OrderAddress, OrderIdentifier, Sku
from orders.fulfilment.selectors.identity import Names, known_orders
from orders.fulfilment.services import notices
from orders.fulfilment.services.adding_up import keep_amounts
from orders.fulfilment.services.agreeing import Heard, compare
from orders.fulfilment.services.bundles import Parts, lines_of, parts_of
from orders.fulfilment.services.buyers import Buyers
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.gifts import keep_gifts
from orders.fulfilment.services.goods import known_skus
from orders.fulfilment.services.routing import Desk
from orders.fulfilment.services.settling import settle_orders
from orders.fulfilment.services.unpaid import payment_due
from orders.fulfilment.states import ORDER_UNPAID, AddressVerdict, DeliverySla, OrderState
from rules.models import Client
from rules.selectors import active_book

SHARDS = 64
CHUNK = 5_000
CONTACT = ("email", "phone", "recipient", "street", "street2", "postcode", "city", "region", "country", "company")


def place_orders(*, news: Sequence[News], by: Actor, now: datetime) -> list[UUID]:
    """Take in orders as stores tell of them; known ones gain the new system's name for them and nothing else.

    The same few statements for one and for five thousand. Returns the ids of the orders, new or known, once each. Raises `ValueError`
    naming the field of an event that cannot be an order.
    """
    placed = [read_placed_order(one) for one in news]
    touched: list[UUID] = []
    for start in range(0, len(placed), CHUNK):
        with acting(by, at=now):
            touched += _place_chunk(placed[start : start + CHUNK], now)
    return list(dict.fromkeys(touched))


def lock_names(names: Iterable[tuple[UUID, str]], *, buyers: Iterable[str] = ()) -> None:
    """Let nobody else create or look for these orders, nor for these buyers, until this transaction ends.

    Names of orders fall into a few shards per client, which the inbox's lanes do not share: five thousand take a handful of locks. Any lane
    may tell of any buyer, so each has a lock of its own, or two workers would wait for each other all the time; never in a circle.
    """
    shards = {zlib.crc32(f"{client}/{zlib.crc32(name.encode()) % SHARDS}".encode()) for client, name in names}
    keys = sorted(shards | {zlib.crc32(buyer.encode()) for buyer in buyers})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(pg_advisory_xact_lock(key)) FROM unnest(%s::bigint[]) AS key", [bare_array(keys)])


def _place_chunk(placed: Sequence[PlacedOrder], now: datetime) -> list[UUID]:
    buyers = Buyers.of(placed)
    lock_names(
        ((one.news.client_id, name) for one in placed for name in {one.number, *(name for _, name in one.identifiers)}),
        buyers=buyers.names,
    )
    names = known_orders(placed)
    buyers.look_up()
    changes = Changes(now)
    clients = {
        client.pk: client
        for client in Client.objects.filter(pk__in={one.news.client_id for one in placed}).select_related("calendar")
    }
    skus = _skus(placed)
    parts = parts_of(skus.values())
    orders: list[UUID] = []
    heard: list[Heard] = []
    keys = iter(_next_numbers(sum(names.find(one) is None for one in placed)))
    book = active_book()
    owner_id = book.status_owner(OrderState.AWAITING_PAYMENT).id
    payment_until = {client.pk: payment_due(book, client, now) for client in clients.values()}
    in_order = sorted(placed, key=lambda one: one.placed_at)
    for one in in_order:
        known = names.find(one)
        if known is not None and names.is_new_to(one):
            heard.append((one, names.all(one)))
        if known is None:
            order = _new_order(one, f"{clients[one.news.client_id].key_prefix}-{next(keys)}", owner_id, now)
            order.sla_due_at = None if one.paid_at else payment_until[one.news.client_id]
            _fill(order, one, skus, parts, changes, buyers.place(order, one, changes))
            known = order.pk
        _name(known, one, names, changes)
        orders.append(known)
    buyers.learn_more(heard)
    buyers.keep(changes)
    changes.write()
    compare(heard, changes)
    desk = Desk(book, changes.now)
    paid = [order_id for one, order_id in zip(in_order, orders, strict=True) if one.paid_at]
    told = notices.tell_early_news(order_ids=set(orders), desk=desk, now=now)
    settled = settle_orders(order_ids={*paid, *told})
    planned = [order.pk for order in settled if order.state not in ORDER_UNPAID] if told else []
    settle_orders(order_ids=notices.tell_early_news(order_ids=planned, desk=desk, now=now) if planned else ())
    return orders


def _new_order(one: PlacedOrder, key: str, owner_id: UUID, now: datetime) -> Order:
    state = OrderState.AWAITING_PAYMENT if one.lines else OrderState.QUARANTINED
    return Order(
        key=key,
        client_id=one.news.client_id,
        number=one.number,
        channel=one.channel,
        segment=one.segment,
        country=one.country,
        delivery_sla=DeliverySla(one.delivery_sla),
        preferred_carrier=one.preferred_carrier,
        fraud_score=one.fraud_score,
        currency=one.currency,
        total_minor=one.total_minor,
        state=state,
        stamps={state.value: timestamp(now)},
        owner_id=owner_id,
        placed_at=one.placed_at,
        paid_at=one.paid_at,
        promised_at=one.promised_at,
        correlation_id=one.news.correlation_id or one.news.event_id,
        is_test=one.is_test,
    )


def _fill(
    order: Order,
    one: PlacedOrder,
    skus: Mapping[tuple[UUID, str], Sku],
    parts: Parts,
    changes: Changes,
    buyer: Mapping[str, str],
) -> None:
    changes.add(order)
    named = {line.sku: skus[order.client_id, line.sku] for line in one.lines}
    bundles, lines = lines_of(order, one.lines, named, parts)
    changes.add(*bundles, *lines)
    if not one.address.get("kept_by_store"):
        given = {field: one.address[field] for field in CONTACT if one.address.get(field)}
        email = str(given.get("email") or "")
        index = blind_index(email) if email else ""
        sealed = seal_secret(json.dumps(given))
        changes.add(OrderAddress(order=order, raw=sealed, email_index=index, verdict=AddressVerdict.UNCHECKED))
    if not one.lines:
        changes.openings.append(Opening("contract-violation", order, said("The order has no lines"), "incomplete"))
    told: dict[str, Any] = {"system": one.news.system, "channel": one.channel, "lines": len(one.lines)}
    told |= {"state": order.state, **keep_amounts(order, one.amounts, changes)}
    changes.tell("order.received", order, event=one.news.event_id, **told, **buyer)
    keep_gifts(order, one.lines, lines, changes)


def _name(order_id: UUID, one: PlacedOrder, names: Names, changes: Changes) -> None:
    """Keep what this system, and those it speaks for, call the order."""
    added = [pair for pair in one.identifiers if pair not in names.by_identifier]
    for system, external_id in added:
        changes.add(OrderIdentifier(order_id=order_id, system=system, external_id=external_id))
    if one.number not in names.by_number.get(one.news.client_id, {}) or added:
        names.remember(one, order_id)


def _skus(placed: Sequence[PlacedOrder]) -> dict[tuple[UUID, str], Sku]:
    named = {(one.news.client_id, line.sku): line for one in placed for line in one.lines}
    return known_skus(
        {
            (client_id, code): Sku(
                client_id=client_id, code=code, name=line.name, sku_type=line.sku_type, vendor=line.vendor
            )
            for (client_id, code), line in named.items()
        }
    )


def _next_numbers(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('fulfilment_order_number') FROM generate_series(1, %s)", [count])
        return [number for (number,) in cursor.fetchall()]
