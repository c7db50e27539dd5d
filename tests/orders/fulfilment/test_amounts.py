"""What an order costs beside its lines: kept as the store states it, shown, and somebody's where it does not add up."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from audit.access import system_actor
from exceptions.models import ExceptionCase
from orders.fulfilment.models import OrderAmounts
from orders.fulfilment.selectors import order_story
from orders.fulfilment.shopify import SHOPIFY, SHOPIFY_SAMPLE
from orders.sync.connectors import translate
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
LINES = [make.line("TENT-2", 2)]


@pytest.fixture(autouse=True)
def whole_at_the_end(northwind: Client) -> Iterator[None]:
    """No invariant is broken, and the trail alone tells what was stated."""
    yield
    assert broken() == []


@pytest.mark.parametrize(
    ("stated", "total", "adds_up"),
    [
        ({"tax_minor": 3_762, "shipping_minor": 490}, 24_052, True),
        ({"tax_minor": 3_240, "shipping_minor": 490, "discount_minor": 490, "tax_included": True}, 19_800, True),
        ({"tax_minor": 3_762, "shipping_minor": 490}, 24_050, False),
        ({"shipping_minor": 490}, 99_999, True),
    ],
)
def test_what_a_store_states_is_kept_and_held_against_its_total(
    place: make.Place, stated: dict[str, Any], total: int, adds_up: bool
) -> None:
    order = place(lines=LINES, total_minor=total, paid=False, **stated)
    story = order_story(by=system_actor("test"), key=order.key)
    assert story.amounts is not None
    assert (story.amounts.lines, story.amounts.total) == (Decimal(198), Decimal(total) / 100)
    assert (story.amounts.shipping, story.amounts.adds_up) == (Decimal("4.90"), adds_up)
    assert ExceptionCase.objects.filter(type="payment-mismatch", cause="sum").exists() is not adds_up


def test_an_order_of_which_only_the_total_is_stated_has_no_amounts(place: make.Place) -> None:
    order = place()
    assert (OrderAmounts.objects.exists(), order_story(by=system_actor("test"), key=order.key).amounts) == (False, None)


def test_what_shopify_states_is_read_and_a_tip_is_held_against_nobody(now: datetime) -> None:
    (connector,) = SHOPIFY
    money: dict[str, Any] = {"total_shipping_price_set": {"shop_money": {"amount": "4.90", "currency_code": "EUR"}}}
    money |= {"total_tax": "15.81", "total_discounts": "0.00", "taxes_included": True}
    sent = {**SHOPIFY_SAMPLE, **money, "client": "northwind"}
    stated = ("tax_minor", "shipping_minor", "discount_minor", "tax_included")
    found = []
    for payload in (sent, {**sent, "total_tip_received": "2.00"}, {**SHOPIFY_SAMPLE, "client": "northwind"}):
        event = translate(mapping=connector.mapping, event_type="order.placed", source="shop", payload=payload, now=now)
        found.append([event.data.get(name) for name in stated])
    assert found == [[1_581, 490, 0, True], [None, 490, 0, True], [None, None, None, False]]
