"""Many records are written in few statements, with the same promises as one."""

from datetime import datetime

import pytest

from audit.context import Actor
from audit.errors import StaleVersion
from audit.services.rows import insert_rows, update_rows
from orders.fulfilment.models import StockItem
from orders.fulfilment.services.news import count_stock
from rules.models import Client
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def test_a_record_somebody_else_changed_meanwhile_is_not_overwritten(
    northwind: Client, system: Actor, now: datetime
) -> None:
    mine = StockItem.objects.get()
    count_stock(news=[make.stock(northwind, now, "TENT-2", 7)], by=system, now=now)
    mine.on_hand = 99
    with pytest.raises(StaleVersion, match="1 of 1 stock items changed meanwhile"):
        update_rows([mine], ["on_hand"], now=now)
    assert StockItem.objects.get().on_hand == 7


def test_nothing_to_write_is_no_statement(northwind: Client, now: datetime, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        insert_rows([])
        update_rows([], ["on_hand"], now=now)
