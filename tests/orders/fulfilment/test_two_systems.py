"""The same order from two systems: one record with both names, and a person where the two do not agree."""

from datetime import datetime
from typing import Any

import pytest

from audit.context import Actor
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from rules.models import Client, Contract
from tests.factories import orders as make
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db


def conflicts() -> list[str]:
    return list(ExceptionCase.objects.filter(type="id-conflict").order_by("pk").values_list("title", flat=True))


def test_what_two_systems_tell_alike_is_one_order_and_what_they_do_not_a_person_decides(
    northwind: Client, system: Actor, now: datetime
) -> None:
    def tell(teller: str, number: str, *also: tuple[str, str], **data: Any) -> Order:
        also_named = [{"system": name, "external_id": known} for name, known in also]
        news = make.placed(northwind, now, system=teller, order=number, identifiers=also_named, **data)
        (order_id,) = place_orders(news=[news], by=system, now=now)
        return Order.objects.get(pk=order_id)

    first = tell("shop", "W-1")
    assert tell("erp", "E-1", ("shop", "W-1")) == first
    assert {str(one) for one in first.identifiers.all()} == {"shop:W-1", "erp:E-1"}
    assert conflicts() == []

    tell("market", "W-1", total_minor=500, lines=[make.line(quantity=2)])
    tell("market", "W-1", total_minor=400)  # it has told of it before: what it changes comes as order.changed
    assert conflicts() == [f"market tells {first.key} differently: another total and other lines"]
    case = ExceptionCase.objects.get(type="id-conflict")
    assert case.evidence["different"] == {"total": ["9900 EUR", "500 EUR"], "lines": ["1 x TENT-2", "2 x TENT-2"]}
    decides = Contract.objects.get(name="order.placed").business_owner
    assert (case.owner, Order.objects.get(pk=first.pk).total_minor) == (decides, 9_900)

    second, third = tell("shop", "W-2"), tell("shop", "W-3")
    assert tell("crm", "C-1", ("shop", "W-2"), ("shop", "W-3")) == second
    assert conflicts()[1:] == [f"crm tells {second.key} differently: its names lead to {second.key} and {third.key}"]
    assert broken() == []
