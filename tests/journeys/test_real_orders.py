"""Sixty real orders, most of them with real defects, as they happened. All of them: `make bench BENCH=orders`."""

from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from audit import clock
from audit.context import Actor
from audit.services.seals import seal_trail
from tests.cast import House
from tests.journeys import real_orders

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not real_orders.DATA.exists(), reason="the real orders are not on this machine"),
]


def test_real_orders_end_where_an_oracle_that_knows_nothing_of_us_says(
    house: House, system: Actor, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    store = real_orders.open_store(client=house.clients["northwind"], by=system, now=now)
    orders = real_orders.chosen(60)
    arrivals = real_orders.stream(orders, store=store, by=system)
    receipts = real_orders.replay(arrivals, store=store, by=system, until=clock.now())
    seal_trail(now=clock.now())
    assert real_orders.differences(orders, arrivals, receipts) == []
