"""A shelf is what was counted, came and left, each at its own moment: whatever we are told of first."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from audit.context import Actor
from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Order, StockItem
from orders.fulfilment.services.arrivals import hear_arrivals
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db

EXAMPLES = 300 if "HANDRAIL_THOROUGH" in os.environ else 8
STOVE, CAME, SENT = "STOVE", 3, 2
KINDS = ("stock.changed", "stock.received", "shipment.handed_over", "shipment.delivered")
Tell = Callable[[Sequence[News]], int]


@pytest.fixture
def hear(system: Actor, now: datetime) -> Tell:
    """Let systems tell these, one after the other, a day later. How many there are of it then."""

    def _hear(news: Sequence[News]) -> int:
        doors = {"stock.changed": count_stock, "stock.received": hear_arrivals}
        for one in news:
            doors.get(one.type, take_news)(news=[one], by=system, now=now + timedelta(days=1))
        item = StockItem.objects.get(sku__code=STOVE)
        assert item.on_hand == sum(item.lots.values_list("on_hand", flat=True))
        return item.on_hand

    return _hear


def told(kind: str, client: Client, order: Order, at: datetime, counted: int) -> News:
    if kind in {"stock.changed", "stock.received"}:
        return make.news(kind, client, STOVE, at, system="wms", sku=STOVE, available=counted, quantity=CAME)
    return make.news(kind, client, order.number, at, system="wms", at=at.isoformat())


@example(moments=(1, 4, 2, 3), heard=(KINDS[3], KINDS[0], KINDS[2], KINDS[1]), counted=5, is_set_aside=False)
@example(moments=(3, 1, 2, 4), heard=(KINDS[3], KINDS[0], KINDS[2], KINDS[1]), counted=1, is_set_aside=True)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.permutations(range(1, len(KINDS) + 1)),
    heard=st.permutations(KINDS),
    counted=st.integers(0, 6),
    is_set_aside=st.booleans(),
)
def test_a_count_an_arrival_and_a_parcel_heard_in_any_order_leave_what_is_there(
    hear: Tell,
    place: make.Place,
    northwind: Client,
    now: datetime,
    moments: Sequence[int],
    heard: Sequence[str],
    counted: int,
    is_set_aside: bool,
) -> None:
    at = {kind: now + timedelta(hours=hours) for kind, hours in zip(KINDS, moments, strict=True)}
    counted_at, left_at = at["stock.changed"], min(at["shipment.handed_over"], at["shipment.delivered"])
    has_left_since, has_come_since = left_at > counted_at, at["stock.received"] > counted_at
    counted += SENT * has_left_since  # nobody counts fewer than what leaves afterwards
    with transaction.atomic():
        hear([make.stock(northwind, now, STOVE, SENT * is_set_aside)])
        order = place(lines=[make.line(STOVE, SENT)])
        there = hear([told(kind, northwind, order, at[kind], counted) for kind in heard])
        assert there == counted + CAME * has_come_since - SENT * has_left_since
        transaction.set_rollback(True)


def test_whoever_was_promised_what_a_count_does_not_find_leaves_no_units_behind(
    hear: Tell, place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    """Two are set aside, one is found: what comes makes it good, and what is given up is not there."""
    hear([make.stock(northwind, now, STOVE, 4)])
    orders = [place(lines=[make.line(STOVE, 2)]) for _ in range(2)]
    one_hour, two = now + timedelta(hours=1), now + timedelta(hours=2)
    assert hear([told("stock.changed", northwind, orders[0], one_hour, 1)]) == 4
    assert hear([make.news("order.cancelled", northwind, orders[0].number, two, cancelled_at=two.isoformat())]) == 2
    assert hear([told("stock.received", northwind, orders[0], two, 0)]) == 2 + CAME - 1
    assert broken() == []
