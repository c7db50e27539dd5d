"""A launch weekend on three channels (C01.4): each line gets the flow that it has to, and the same when all of it is sent again."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from audit.context import Actor
from orders.fulfilment.management.scenarios.plans import weekend_preorder
from orders.fulfilment.models import Order, OrderLine
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock
from rules.models import Client, Decision
from rules.selectors import verify_decisions
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def test_each_line_of_a_launch_weekend_gets_its_flow_and_the_same_when_it_is_sent_again(
    northwind: Client, system: Actor, now: datetime
) -> None:
    weekends = []
    for day in (0, 7):
        at = now + timedelta(days=day)
        plan = weekend_preorder(7, at)
        count_stock(
            news=[make.stock(northwind, at, sku, units) for sku, units in plan.stock.items()], by=system, now=at
        )
        placed = [
            make.news("order.placed", northwind, one.number, at, **{**one.data, "paid_at": at.isoformat()})
            for one in plan.orders
        ]
        place_orders(news=placed, by=system, now=at)
        named = {one.number: place for place, one in enumerate(plan.orders)}
        lines = OrderLine.objects.filter(order__number__in=named).select_related("order", "sku", "flow")
        found = {(line.order.number, line.sku.code): line.flow.slug if line.flow else "" for line in lines}
        assert found == {(one.number, sku): flow for one in plan.orders for sku, flow in one.flows.items()}
        weekends.append({(named[number], sku.rsplit("-P7", 1)[0]): flow for (number, sku), flow in found.items()})
    assert weekends[0] == weekends[1]
    kinds = Counter(Order.objects.values_list("channel", "delivery_sla"))
    assert (len({channel for channel, _ in kinds}), set(weekends[0].values())) == (
        3,
        {"warehouse-pick-pack", "vendor-drop-ship"},
    )
    assert {sla for _, sla in kinds} == {"standard", "expedited"}
    assert set(verify_decisions(Decision.objects.all())) == {None}
