"""Holds as people see and place them: the page of an order, its form, and letting go of one."""

from datetime import timedelta

import pytest
from django.test import Client as Browser

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.services.holds import hold_order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn


@pytest.fixture
def order(house: House) -> Order:
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    (order_id,) = place_orders(news=[make.placed(client, now, paid_at=now.isoformat())], by=by, now=now)
    return Order.objects.get(pk=order_id)


def place(browser: Browser, order: Order, **more: str) -> tuple[int, str]:
    answer = browser.post(f"/orders/{order.key}/holds/", {"words": "Customer is moving house", **more})
    return answer.status_code, answer.content.decode()


def test_a_person_places_a_hold_with_words_for_the_customer_and_a_condition(order: Order, signed_in: SignedIn) -> None:
    amal = signed_in("amal")
    assert "Hold…" in amal.get(f"/orders/{order.key}/").content.decode()
    wish = {"customer_words": "We wait until you have moved.", "release_when": 'country == "FR"'}
    assert place(amal, order, **wish)[0] == 302
    order.refresh_from_db()
    assert order.state == "on_hold"
    for name in ("amal", "sam"):
        page = signed_in(name).get(f"/orders/{order.key}/").content.decode()
        assert "We wait until you have moved." in page
        assert "Customer is moving house" in page


def test_a_wrong_condition_comes_back_with_its_place_and_what_was_typed(order: Order, signed_in: SignedIn) -> None:
    status, page = place(signed_in("amal"), order, release_when="payed")
    assert (status, Hold.objects.count()) == (422, 0)
    assert "Line 1, column 1" in page
    assert "payed" in page


def test_only_the_hold_that_is_released_goes(order: Order, signed_in: SignedIn) -> None:
    amal = signed_in("amal")
    place(amal, order)
    place(amal, order, words="And the address is checked")
    first, second = Hold.objects.order_by("pk")
    path = f"/orders/{order.key}/holds/{first.pk}/release/"
    assert amal.get(path).status_code == 200
    assert amal.post(path, {"reason": ""}).status_code == 422
    assert amal.post(path, {"reason": "They have moved"}).status_code == 302
    assert list(Hold.objects.filter(state="active")) == [second]
    order.refresh_from_db()
    assert order.state == "on_hold"
    assert amal.post(path, {"reason": "They have moved"}).status_code == 409
    page = amal.get(f"/orders/{order.key}/holds/").content.decode()
    assert page.index("And the address is checked") < page.index("They have moved")


def test_who_may_only_look_places_and_releases_nothing(order: Order, signed_in: SignedIn, house: House) -> None:
    hold = hold_order(order_id=order.pk, words="Wait", by=house.actor("lee"), now=clock.now())
    path = f"/orders/{order.key}/holds/"
    page = signed_in("sam").get(path).content.decode()
    assert "Place the hold" not in page
    assert "Release it…" not in page
    assert "Release it…" not in signed_in("amal").get(path).content.decode()
    assert "Release it…" in signed_in("lee").get(path).content.decode()
    for name, status in (("sam", 403), ("noor", 404)):
        assert place(signed_in(name), order)[0] == status
        assert signed_in(name).post(f"{path}{hold.pk}/release/", {"reason": "because"}).status_code == status
    assert signed_in("amal").post(f"{path}{hold.pk}/release/", {"reason": "because"}).status_code == 403
    assert signed_in("noor").get(path).status_code == 404
    assert Hold.objects.get().state == "active"
