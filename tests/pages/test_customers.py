"""Customers as people work with them: who looks alike, deciding it, splitting again, and the order's page."""

from typing import Any

import pytest
from django.utils.html import escape

from audit import clock
from audit.access import system_actor
from orders.fulfilment.models import Customer, Likeness, Order
from orders.fulfilment.services.intake import place_orders
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

WHY = {"reason": "They said so on the phone"}


@pytest.fixture
def orders(house: House) -> list[Order]:
    """Three orders of two customers with one phone number."""
    client, now = house.clients["northwind"], clock.now()
    contacts = [{"email": f"{name}@example.org", "phone": "0301234567"} for name in ("ida", "ida", "work")]
    places = [make.BERLIN, make.BERLIN, {**make.BERLIN, "recipient": "I. Berg"}]
    news = [
        make.placed(client, now, contact={**contact, "customer_id": contact["email"][:4]}, address=place)
        for contact, place in zip(contacts, places, strict=True)
    ]
    ids = place_orders(news=news, by=system_actor("test"), now=now)
    return list(Order.objects.filter(pk__in=ids).select_related("customer").order_by("key"))


def said(page: Any) -> str:
    return str(page.content.decode())


def test_two_that_look_alike_are_merged_and_split_again(
    orders: list[Order], signed_in: SignedIn, django_assert_max_num_queries: Any
) -> None:
    amal, ida, work = signed_in("amal"), orders[0].customer, orders[2].customer
    assert ida is not None
    assert work is not None
    with django_assert_max_num_queries(9):
        listed = said(amal.get("/customers/?sign=phone&client=northwind"))
    pair = f"/customers/alike/{Likeness.objects.get().pk}/"
    for words in (f"{ida.key} and {work.key}", "Phone number", "2 and 1", pair):
        assert words in listed
    assert "No such pair matches these filters" in said(amal.get("/customers/?sign=place"))
    for wrong in ("client=fable", "after=x"):
        assert amal.get(f"/customers/?{wrong}").status_code == 400
    page = said(amal.get(pair))
    assert ("Ida Berg" in page, "•••" in page, "Torstra" in page) == (False, True, False)
    assert "Ida Berg" in said(signed_in("kim").get(pair))
    assert amal.post(pair, {"answer": ida.key}).status_code == 422
    for name, status in (("sam", 403), ("noor", 404)):
        assert signed_in(name).post(pair, {"answer": ida.key, **WHY}).status_code == status
    merged = amal.post(pair, {"answer": ida.key, **WHY}, follow=True)
    for words in (f"They are the same: {ida.key} stands for both.", "3 orders", f"Split {work.key} off", WHY["reason"]):
        assert words in said(merged)
    late = signed_in("lee").post(pair, {"answer": work.key, "reason": "I know them"})
    faster = f"Amal Okafor was faster: {work.key} was merged into {ida.key}"
    assert (late.status_code, faster in said(late), "I know them" in said(late)) == (409, True, True)
    assert "Nobody looks like anybody else" in said(amal.get("/customers/"))
    assert amal.get(pair)["Location"] == f"/customers/{ida.key}/"

    split = f"/customers/{work.key}/split/"
    assert f"{work.key} stands for itself again." in said(amal.post(split, WHY, follow=True))
    apart = said(amal.get("/customers/?tab=apart"))
    assert (f"{ida.key} and {work.key}" in apart, WHY["reason"] in apart) == (True, True)
    assert "They are to be decided again." in said(amal.post(pair, WHY, follow=True))
    assert "are not listed again" in said(amal.post(pair, {"answer": "apart", **WHY}, follow=True))
    merge = f"/customers/{work.key}/merge/"
    unknown = amal.post(merge, {"into": "CU-0", **WHY})
    assert (unknown.status_code, "There is no customer CU-0" in said(unknown)) == (422, True)
    assert amal.post(merge, {"into": f" {ida.key.lower()}", **WHY}).status_code == 302
    assert Customer.objects.get(pk=work.pk).head == ida


def test_two_orders_that_are_one_are_seen_side_by_side_and_merged(orders: list[Order], signed_in: SignedIn) -> None:
    amal, path = signed_in("amal"), f"/orders/{orders[0].key}/same-order/"
    assert "Look at both" in said(amal.get(path))
    unknown = amal.get(f"{path}?into=W-0")
    assert (unknown.status_code, "names no other order" in said(unknown)) == (422, True)
    both = said(amal.get(f"{path}?into={orders[1].number}"))
    for words in (orders[1].key, "ends", "stays", "TENT-2", "They are the same order"):
        assert words in both
    assert amal.post(path, {"into": orders[1].key}).status_code == 422
    wish = {"into": orders[1].key, **WHY}
    assert f"{orders[1].key} stays" in said(amal.post(path, wish, follow=True))
    late = amal.post(path, wish)
    assert (late.status_code, "merged into another order" in said(late)) == (409, True)
    ended = said(amal.get(f"/orders/{orders[0].key}/"))
    assert (f"/orders/{orders[1].key}/" in ended, "Merged into another order" in ended) == (True, True)
    assert orders[0].key in said(amal.get(f"/orders/{orders[1].key}/"))


def test_an_order_says_who_ordered_and_leads_to_their_other_orders(orders: list[Order], signed_in: SignedIn) -> None:
    sam, ida = signed_in("sam"), orders[0].customer
    assert ida is not None
    page = said(sam.get(f"/orders/{orders[0].key}/"))
    others = escape(f"/orders/?customer={ida.key}")
    for words in (f"/customers/{ida.key}/", "1 other order", others, "Looks like 1 other customer"):
        assert words in page
    listed = said(sam.get(f"/orders/?customer={ida.key}"))
    assert [order.key in listed for order in orders] == [True, True, False]
    assert ("Customer" in listed, ida.key in listed) == (True, True)
    page = said(sam.get(f"/customers/{ida.key}/"))
    assert ("2 orders" in page, "Same as…" in page) == (True, False)
    assert signed_in("noor").get(f"/customers/{ida.key}/").status_code == 404
