"""Two orders that are one: one stays with the names, the money and the news of both, the other ends."""

from datetime import datetime
from typing import Any

import pytest

from audit.context import Actor
from audit.errors import IllegalTransition, Invalid
from audit.models import Event
from exceptions.models import ExceptionCase
from orders.fulfilment.errors import AlreadyGone
from orders.fulfilment.models import Order, Payment, StockItem
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.merging import merge_orders
from rules.models import Client
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db


@pytest.fixture
def merge(system: Actor, now: datetime) -> Any:
    def _merge(ends: Order, stays: Order) -> Order:
        return merge_orders(order_id=ends.pk, into_id=stays.pk, reason="They said so on the phone", by=system, now=now)

    return _merge


def state_of(order: Order) -> str:
    return str(Order.objects.get(pk=order.pk).state)


def test_names_money_and_news_go_to_the_one_that_stays_and_what_was_set_aside_is_free(
    place: make.Place, tell: make.Tell, merge: Any, northwind: Client, system: Actor, now: datetime
) -> None:
    stays = place(order="W-1", paid=False)
    ends = place(order="E-1", system="erp")
    assert (state_of(ends), StockItem.objects.get().reserved) == ("in_fulfilment", 1)
    assert merge(ends, stays) == stays
    assert (state_of(ends), state_of(stays), StockItem.objects.get().reserved) == ("merged", "in_fulfilment", 1)
    assert {str(one) for one in stays.identifiers.all()} == {"store:W-1", "erp:E-1"}
    assert [payment.order for payment in Payment.objects.all()] == [stays]
    assert set(ends.fulfilments.values_list("state", flat=True)) == {"cancelled"}
    tell("order.cancelled", "E-1")
    again = place_orders(news=[make.placed(northwind, now, order="E-1", system="crm")], by=system, now=now)
    assert (again, state_of(stays), state_of(ends)) == ([stays.pk], "cancelled", "merged")
    told = Event.objects.filter(subject_id=str(ends.pk), type__in=["order.same_as", "order.merged"]).order_by("seq")
    assert [one.type for one in told] == ["order.same_as", "order.merged"]
    assert '"state":["in_fulfilment","merged"]' in told[1].body
    assert (f'"merged_into_id":[null,"{stays.pk}"]' in told[0].body, "on the phone" in told[0].body) == (True, True)
    assert broken() == []


def test_paid_twice_is_a_case_and_who_was_merged_before_leads_on(place: make.Place, merge: Any) -> None:
    first, second, third = (place(order=name) for name in ("W-1", "W-2", "W-3"))
    merge(first, second)
    case = ExceptionCase.objects.get(type="payment-mismatch")
    assert case.title == f"Paid twice: 99.00 EUR more, as {second.key} and as {first.key}"
    merge(second, third)
    assert set(Order.objects.filter(merged_into=third)) == {first, second}
    assert third.identifiers.count() == 3
    assert broken() == []


def test_what_is_off_the_shelf_merged_or_of_somebody_else_is_refused(
    place: make.Place, tell: make.Tell, merge: Any
) -> None:
    one, packed, other = (place(order=name) for name in ("W-1", "W-2", "W-3"))
    tell("shipment.picked", f"{packed.key}-1")
    with pytest.raises(AlreadyGone, match=f"Units of {packed.key} are off the shelf already"):
        merge(packed, one)
    with pytest.raises(Invalid):
        merge(one, one)
    assert merge(one, packed) == packed
    for pair in ((one, other), (other, one)):
        with pytest.raises(IllegalTransition, match=f"{one.key} is “merged into another order”"):
            merge(*pair)
    assert broken() == []
