"""A house with one record of Northwind behind every address."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from audit import clock
from audit.access import system_actor
from audit.subject_refs import subject_ref
from exceptions.services import attach_file, open_case
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from tests.api.world import NOBODYS, build
from tests.cast import House, furnish
from tests.conftest import Stand, Standing
from tests.factories import orders as make


@pytest.fixture(scope="module")
def furnished(stand: Stand) -> Standing:
    return stand("house with records", lay)


@pytest.fixture(autouse=True)
def fresh_rates() -> None:
    """Nobody has asked anything yet."""
    cache.clear()


@pytest.fixture
def keys(furnished: Standing, house: House) -> dict[str, Any]:
    """The key of one Northwind record per kind."""
    return dict(furnished.laid)


def lay() -> dict[str, Any]:
    """Furnish, and one record of every kind; their keys."""
    system, now = system_actor("test"), clock.now()
    house = furnish(by=system, now=now)
    northwind = house.clients["northwind"]
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=system, now=now)
    (order_id,) = place_orders(news=[make.placed(northwind, now)], by=system, now=now)
    order = Order.objects.get(pk=order_id)
    paid = make.news("payment.captured", northwind, order.number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=system, now=now)
    order.refresh_from_db()
    case = open_case(
        type="address",
        subject=subject_ref(order),
        subject_key=order.key,
        client_id=northwind.pk,
        title="Address cannot be delivered to",
        by=system,
        now=now,
    )
    attach_file(case_id=case.pk, name="note.txt", content=b"Seen", by=system, now=now)
    return build(house, order, case, by=system, now=now) | {"order-pk": order.pk, "nobodys": NOBODYS["event"]}
