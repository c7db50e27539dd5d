"""Cancelling on the order's page, and what the page says of wishes, decisions and money."""

from datetime import timedelta

import pytest

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn


@pytest.fixture
def order(house: House) -> Order:
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    two = [make.line("TENT-2", 2)]
    (order_id,) = place_orders(news=[make.placed(client, now, lines=two, total_minor=19_800)], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    paid = make.news(
        "payment.captured", client, order.number, now, amount_minor=19_800, currency="EUR", reference="P-1"
    )
    take_news(news=[paid], by=by, now=now)
    return order


def test_some_units_are_cancelled_and_the_page_says_by_which_rule_and_what_goes_back(
    order: Order, signed_in: SignedIn
) -> None:
    amal, path = signed_in("amal"), f"/orders/{order.key}/"
    assert f"{path}cancel/" in amal.get(path).content.decode()
    assert amal.post(f"{path}cancel/", {"reason": ""}).status_code == 422
    assert amal.post(f"{path}cancel/", {"reason": "One is enough", "line-1": "9"}).status_code == 422
    assert amal.post(f"{path}cancel/", {"reason": "One is enough", "line-1": "1"}).status_code == 302
    page = amal.get(path).content.decode()
    for words in ("cancel-before-pick", "1 of line 1", "One is enough", "P-1", "€198.00", "€99.00", "Asked for"):
        assert words in page
    assert "Since when" in page
    story = signed_in("lee").get(f"/orders/{order.key}/").content.decode()
    assert "Amal" in story


def test_who_may_only_look_is_offered_nothing(order: Order, signed_in: SignedIn) -> None:
    path = f"/orders/{order.key}/cancel/"
    assert path not in signed_in("sam").get(f"/orders/{order.key}/").content.decode()
    for name, status in (("sam", 403), ("noor", 404)):
        assert signed_in(name).post(path, {"reason": "because"}).status_code == status
    order.refresh_from_db()
    assert order.state == "in_fulfilment"


def test_a_return_is_announced_on_a_page_that_says_what_the_rule_says(order: Order, signed_in: SignedIn) -> None:
    amal, path = signed_in("amal"), f"/orders/{order.key}/"
    assert f"{path}return/" not in amal.get(path).content.decode()
    assert "nothing can come back" in amal.get(f"{path}return/").content.decode()
    at = {"task": f"{order.key}-1", "at": clock.now().isoformat()}
    client, by = order.client, system_actor("test")
    take_news(news=[make.news("shipment.delivered", client, order.number, clock.now(), **at)], by=by, now=clock.now())
    assert f"{path}return/" in amal.get(path).content.decode()
    too_many = amal.post(f"{path}return/", {"reason": "Too small", "line-1": "3"})
    assert (too_many.status_code, list(too_many.context["form"].errors)) == (422, ["line-1"])
    announced = amal.post(f"{path}return/", {"reason": "Too small", "line-1": "1", "reference": "RMA-7"}, follow=True)
    page = announced.content.decode()
    for words in (
        "It is expected back: Within 30 days of its delivery. (rule return-in-time)",
        "Support",
        "v1",
        "until",
    ):
        assert words in page
    assert amal.post(f"{path}return/", {"reason": "Too small", "reference": "RMA-7"}).status_code == 409
    order.refresh_from_db()
    assert order.state == "return_announced"
