"""A client with rules in force and a shelf of tents."""

from datetime import datetime
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import Actor, acting
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import Client
from rules.services.shipped import install_shipped_configuration
from tests.cast import House
from tests.conftest import NOW, Stand, Standing
from tests.factories import orders as make


@pytest.fixture(scope="module")
def stocked(stand: Stand) -> Standing:
    """The client and the shelf, where they can stand."""
    return stand("shelf", _stock_the_shelf)


@pytest.fixture
def northwind(stocked: Standing, db: None) -> Client:
    return Client.objects.get(slug="northwind") if stocked.is_there else _stock_the_shelf()


def _stock_the_shelf() -> Client:
    by = system_actor("test")
    install_shipped_configuration(by=by, now=NOW)
    with acting(by, at=NOW):
        client = make.client_named()
    count_stock(news=[make.stock(client, NOW, "TENT-2", 10)], by=by, now=NOW)
    return client


@pytest.fixture
def place(northwind: Client, system: Actor, now: datetime) -> make.Place:
    """Place an order (paid unless told otherwise) and give it back."""

    def _place(*, paid: bool = True, **data: Any) -> Order:
        (order_id,) = place_orders(news=[make.placed(northwind, now, **data)], by=system, now=now)
        order = Order.objects.get(pk=order_id)
        if paid:
            told = make.news("payment.captured", northwind, order.number, now, captured_at=now.isoformat())
            take_news(news=[told], by=system, now=now)
        return Order.objects.get(pk=order_id)

    return _place


@pytest.fixture
def tell(northwind: Client, system: Actor, now: datetime) -> make.Tell:
    """Let a system tell something about an order or a fulfilment."""

    def _tell(kind: str, about: str, **data: Any) -> None:
        subject = {"task": about} if kind.startswith(("task.", "shipment.")) else {}
        take_news(news=[make.news(kind, northwind, about, now, **{**subject, **data})], by=system, now=now)

    return _tell


@pytest.fixture
def paid(house: House, system: Actor) -> Any:
    """Place paid orders of the house's first client, and give them back."""
    client, now = house.clients["northwind"], clock.now()
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=system, now=now)

    def place(*numbers: str, **data: Any) -> list[Order]:
        news = [make.placed(client, now, order=number, **data) for number in numbers]
        place_orders(news=news, by=system, now=now)
        for number in numbers:
            take_news(
                news=[make.news("payment.captured", client, number, now, captured_at=now.isoformat())],
                by=system,
                now=now,
            )
        return list(Order.objects.filter(number__in=numbers).order_by("number"))

    return place
