"""Sixty real orders, most of them with real defects. Five hundred: `make bench BENCH=ingest`; all of them: `make bench BENCH=orders`."""

from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from audit import clock
from audit.context import Actor
from audit.services.seals import seal_trail
from tests.cast import House
from tests.journeys import real_orders
from tests.shared import shared_data


@pytest.mark.django_db
def test_real_orders_end_where_an_oracle_that_knows_nothing_of_us_says(
    house: House, system: Actor, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    shared_data("orders")
    settings.DATA_DIR = tmp_path
    store = real_orders.open_store(client=house.clients["northwind"], by=system, now=now)
    orders = real_orders.chosen(60)
    receipts = real_orders.ingest(orders, store=store)
    seal_trail(now=clock.now())
    assert real_orders.differences(orders, real_orders.receipts_of_files(orders), receipts) == []
