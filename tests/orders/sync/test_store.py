"""The sandbox's store sells while a demo runs: what it sells follows from the number of the sale."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from orders.sync.sandbox import store
from orders.sync.sandbox.goods import BROKEN_ADDRESSES, CURRENCIES, GOODS
from rules.contracts import CompiledContract
from rules.shipped.contracts import CONTRACTS

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BY_CODE = {good.code: good for goods in GOODS.values() for good in goods}


def placed(number: int) -> dict[str, Any]:
    """The order of a sale."""
    return dict(store.sale(number, at=AT)[0]["data"])


def trouble(order: dict[str, Any]) -> str:
    """What an order gets stuck at."""
    if order["address"] == BROKEN_ADDRESSES[order["client"]]:
        return "address"
    if order["fraud_score"] >= 70:
        return "risk"
    wanted = ((BY_CODE[line["sku"]], line["quantity"]) for line in order["lines"])
    return "stock" if any(good.is_scarce and quantity > good.on_hand for good, quantity in wanted) else ""


def test_a_sale_is_the_same_whoever_asks_and_another_than_the_next() -> None:
    assert store.sale(7, at=AT) == store.sale(7, at=AT)
    events = [event for number in range(1, 50) for event in store.sale(number, at=AT)]
    assert len({event["id"] for event in events}) == len({str(event["data"]) for event in events}) == 98


def test_one_in_eight_gets_stuck_each_time_at_something_else() -> None:
    found = [trouble(placed(number)) for number in range(1, 49)]
    assert Counter(found) == {"": 42, "address": 2, "risk": 2, "stock": 2}
    assert [place for place, one in enumerate(found, start=1) if one] == [8, 16, 24, 32, 40, 48]


def test_every_client_sells_stock_and_what_vendors_send() -> None:
    orders = [placed(number) for number in range(1, 100)]
    assert {order["client"] for order in orders} == set(CURRENCIES)
    assert all(order["currency"] == CURRENCIES[order["client"]] for order in orders)
    assert {line["sku_type"] for order in orders for line in order["lines"]} == {"stock", "drop_ship"}


@pytest.mark.parametrize("kind", ["order.placed", "payment.captured", "stock.changed", "product.changed"])
def test_what_is_said_keeps_its_contract(kind: str) -> None:
    contract = CompiledContract(next(one.schema for one in CONTRACTS if one.name == kind))
    said = [
        event
        for number in range(1, 25)
        for tells in (store.sale, store.counts, store.facts)
        for event in tells(number, at=AT)
    ]
    told = [event["data"] for event in said if event["type"] == kind]
    assert told
    assert [violation for data in told for violation in contract.violations(data)] == []


def test_shelves_are_counted_before_they_are_empty() -> None:
    counted = {event["data"]["sku"]: event["data"]["available"] for event in store.counts(21, at=AT)}
    assert [store.counts(number, at=AT) for number in range(2, 21)] == [[]] * 19
    sold: Counter[str] = Counter()
    for number in range(21, 41):
        sold.update({line["sku"]: line["quantity"] for line in placed(number)["lines"]})
    assert [code for code, quantity in sold.items() if code in counted and quantity > counted[code] // 2] == []


def test_a_demo_that_is_left_alone_for_a_week_stays_small() -> None:
    open_for, sales = 0, 0
    while (open_for := open_for + store.pause(open_for)) <= 7 * 24 * 3_600:
        sales += 1
    assert (store.pause(0), 700 < sales < 750) == (60, True)
