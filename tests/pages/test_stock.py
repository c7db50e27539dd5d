"""Stock as people see it and work on it: places, lots, who has it, who waits, and the acts."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Order, Sku, StockLot
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn


@pytest.fixture
def waiting(house: House) -> list[Order]:
    """Three orders that wait for a stove, the first for two."""
    client, now, by = house.clients["northwind"], clock.now(), system_actor("test")
    lines = ([make.line("STOVE", 2)], [make.line("STOVE", 1)], [make.line("STOVE", 1, sku_type="preorder")])
    news = [make.placed(client, now, paid_at=now.isoformat(), lines=of_one) for of_one in lines]
    ids = place_orders(news=news, by=by, now=now)
    return [Order.objects.get(pk=pk) for pk in ids]


def path_of(code: str = "STOVE") -> str:
    return f"/stock/{Sku.objects.get(code=code).pk}/"


def test_the_page_says_what_lies_where_who_has_it_and_whose_turn_it_is(
    waiting: list[Order], signed_in: SignedIn
) -> None:
    amal, path = signed_in("amal"), path_of()
    taken_in = {"quantity": 3, "location": "leeds", "lot": "L-7", "expires_on": "2031-05-01", "reason": "Delivery 7"}
    assert amal.get(f"{path}receive/").status_code == 200
    assert amal.post(f"{path}receive/", {**taken_in, "quantity": 0}).status_code == 422
    assert amal.post(f"{path}receive/", {**taken_in, "expires_on": "2020-01-01"}).status_code == 422
    done = amal.post(f"{path}receive/", taken_in, follow=True)
    page = done.content.decode()
    for words in ("2 waiting orders were looked at", "leeds", "L-7", "2031-05-01", "pre-order", "being worked on"):
        assert words in page
    stock = done.context["stock"]
    assert [(one.order, one.place) for one in stock.queue] == [(waiting[2].key, 1)]
    assert [(one.order, one.quantity) for one in stock.held] == [(waiting[0].key, 2), (waiting[1].key, 1)]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        listed = amal.get("/stock/?waiting=1&q=sto&client=northwind").content.decode()
    assert ("STOVE" in listed, len(asked) <= 12) == (True, True)
    assert "No product matches" in amal.get("/stock/?q=nothing-like-it").content.decode()
    assert amal.get("/stock/?after=x").status_code == 400


def test_units_are_kept_back_and_lots_recalled_and_readmitted(waiting: list[Order], signed_in: SignedIn) -> None:
    amal, path = signed_in("amal"), path_of()
    amal.post(f"{path}receive/", {"quantity": 9, "location": "main", "lot": "L-7", "reason": "Delivery 7"})
    kept = amal.post(f"{path}keep-back/", {"location": "main", "units": 5, "reason": "For the shop"}, follow=True)
    assert ("5 are kept back" in kept.content.decode(), kept.context["stock"].promisable) == (True, 0)
    gone = amal.post(f"{path}recall/", {"lot": "L-7", "reason": "The valve leaks"}, follow=True)
    assert ("3 orders had units of it" in gone.content.decode(), gone.context["stock"].reserved) == (True, 0)
    assert [one.place for one in gone.context["stock"].queue] == [1, 2, 3]
    assert amal.post(f"{path}recall/", {"lot": "L-7", "reason": "The valve leaks"}).status_code == 422
    back = amal.post(f"{path}readmit/", {"lot": "L-7", "reason": "Tested again"}, follow=True)
    assert (back.context["stock"].reserved, StockLot.objects.get().state) == (4, "usable")
    for name, status in (("sam", 403), ("noor", 404)):
        assert signed_in(name).post(f"{path}recall/", {"lot": "L-7", "reason": "No"}).status_code == status


def test_what_is_in_a_bundle_is_written_one_part_a_line_and_the_order_shows_both(
    waiting: list[Order], house: House, signed_in: SignedIn
) -> None:
    amal, path, by, now = signed_in("amal"), path_of(), system_actor("test"), clock.now()
    count_stock(news=[make.stock(house.clients["northwind"], now, "PEG", 9)], by=by, now=now)
    wrong = amal.post(f"{path}parts/", {"parts": "2 PEG\nsome ROPE", "reason": "As it is sold"})
    assert (wrong.status_code, "“some ROPE”: say how many" in wrong.content.decode()) == (422, True)
    page = amal.post(f"{path}parts/", {"parts": "2 PEG 3", "reason": "As it is sold"}, follow=True).content.decode()
    assert "It has 1 part from now on." in page
    assert "every unit of it is 2" in page
    assert "2 PEG 3" in amal.get(f"{path}parts/").content.decode()
    news = [make.placed(house.clients["northwind"], now, paid_at=now.isoformat(), lines=[make.line("STOVE", 2)])]
    (order_id,) = place_orders(news=news, by=by, now=now)
    page = amal.get(f"/orders/{Order.objects.get(pk=order_id).key}/").content.decode()
    for words in ("Sold as one", 'PEG <span class="meta">(STOVE)</span>'):
        assert words in page
