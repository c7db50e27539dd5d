"""What packers see and do: a list, one parcel at a time, one field that a scanner fills, photos, and giving it to the carrier."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit import clock
from audit.access import system_actor
from audit.context import acting
from orders.fulfilment.models import CheckResult, Fulfilment, Order, ParcelCheck, ProductFacts
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import QualityCheck
from rules.services import freeze_rule_book
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture
def orders(house: House) -> list[Order]:
    """Three packed orders whose contents, weight and label have to be checked."""
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    with acting(by, at=now):
        QualityCheck.objects.filter(slug__in=["right-contents", "right-label"]).update(is_active=True)
    freeze_rule_book(by=by, now=now, note="checks")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    placed = [make.placed(client, now, paid_at=now.isoformat()) for _ in range(3)]
    ids = place_orders(news=placed, by=by, now=now)
    parcels = Fulfilment.objects.filter(order__in=ids).order_by("key")
    packed = [make.news("shipment.packed", client, one.key, now, task=one.key) for one in parcels]
    take_news(news=packed, by=by, now=now)
    return list(Order.objects.filter(pk__in=ids).order_by("key"))


def said(page: Any) -> str:
    return str(page.content.decode())


def test_a_packer_works_through_a_parcel_with_a_scanner(
    house: House, orders: list[Order], signed_in: SignedIn, django_assert_max_num_queries: Any
) -> None:
    pia, order = signed_in("pia"), orders[0]
    key = f"{order.key}-1"
    assert pia.get("/")["Location"] == "/checks/"
    with django_assert_max_num_queries(9):
        listed = said(pia.get("/checks/"))
    assert [f"{one.key}-1" in listed for one in orders] == [True] * 3
    assert pia.get(f"/checks/?parcel={key.lower()}")["Location"] == f"/checks/{key}/"
    unknown = pia.get("/checks/?parcel=NW-0")
    assert (unknown.status_code, "There is no parcel NW-0" in said(unknown)) == (404, True)
    page = said(pia.get(f"/checks/{key}/"))
    assert ("autofocus" in page, "Expected:</b>" in page or "1 x TENT-2" in page) == (True, True)
    nothing = pia.post(f"/checks/{key}/", {"check": "right-contents"})
    assert (nothing.status_code, "Scan or type the code" in said(nothing)) == (422, True)
    wrong = pia.post(f"/checks/{key}/", {"check": "right-contents", "code": "PEG"}, follow=True)
    for words in ("PEG is not in this parcel.", "What to do:", "Put back what does not belong", "On hold:"):
        assert words in said(wrong)
    assert key in said(pia.get("/checks/?tab=failed"))
    shown = {"check": "right-contents", "photo": SimpleUploadedFile("box.png", PNG, "image/png")}
    passed = said(pia.post(f"/checks/{key}/", shown, follow=True))
    assert ("“Right contents” is passed." in passed, "Number on the label" in passed) == (True, True)
    late = pia.post(f"/checks/{key}/", {"check": "right-contents", "code": "TENT-2"})
    assert (late.status_code, "Pia Moreau has checked it already" in said(late)) == (409, True)
    early = pia.post(f"/checks/{key}/hand-over/", {"carrier": "DPD"})
    assert (early.status_code, "has to pass first: “Right label”" in said(early)) == (409, True)
    ready = said(pia.post(f"/checks/{key}/", {"check": "right-label", "code": "RR473124829DE"}, follow=True))
    assert ("Everything is checked." in ready, 'value="RR473124829DE"' in ready) == (True, True)
    left = pia.post(f"/checks/{key}/hand-over/", {"carrier": "DPD", "tracking": "RR473124829DE"}, follow=True)
    assert f"{key} has left with DPD." in said(left)
    told = said(signed_in("amal").get(f"/orders/{order.key}/"))
    for words in ("Quality checks", "1 x PEG", "checked it, and it failed", "checked it, and it passed", "Photo"):
        assert words in told
    check = ParcelCheck.objects.get(order=order, slug="right-contents")
    photo: Any = pia.get(f"/photos/{check.pk}/{check.results.get(verdict='passed').number}/")
    assert (b"".join(photo.streaming_content), photo["X-Content-Type-Options"]) == (PNG, "nosniff")


def test_others_do_not_check_and_what_is_known_of_a_product_is_said_by_who_works_orders(
    orders: list[Order], signed_in: SignedIn
) -> None:
    path = f"/checks/{orders[0].key}-1/"
    for name, status in (("sam", 403), ("noor", 404)):
        assert signed_in(name).post(path, {"check": "right-contents", "code": "TENT-2"}).status_code == status
    assert "People who pack may check it" in said(signed_in("sam").get(path))
    assert not CheckResult.objects.exists()
    sku = orders[0].lines.get().sku_id
    amal = signed_in("amal")
    refused = amal.post(f"/products/{sku}/", {"length_mm": "100"})
    assert (refused.status_code, "Say length, width and height" in said(refused)) == (422, True)
    facts = {"barcode": "4006381333931", "weight_grams": "900"}
    assert amal.post(f"/products/{sku}/", facts).status_code == 302
    known = ProductFacts.objects.get()
    assert (known.barcode, known.weight_grams, known.length_mm) == ("4006381333931", 900, None)
    assert signed_in("pia").get(f"/products/{sku}/").status_code == 403


def test_what_came_back_for_what_a_passed_check_should_have_found_is_counted_with_its_orders(
    house: House, orders: list[Order], signed_in: SignedIn
) -> None:
    pia, client, by, now = signed_in("pia"), house.clients["northwind"], system_actor("test"), clock.now()
    for order in orders:
        pia.post(f"/checks/{order.key}-1/", {"check": "right-contents", "code": "TENT-2"})
    for order, reason in zip(orders, ("Wrong_item in the box", "changed my mind", "missing item"), strict=True):
        key = f"{order.key}-1"
        gone = make.news("shipment.delivered", client, key, now, task=key)
        back = make.news("return.requested", client, order.number, now, reason=reason, requested_at=now.isoformat())
        for told in (gone, back):
            take_news(news=[told], by=by, now=now)
    page = said(signed_in("amal").get("/quality/"))
    assert [f"/orders/{one.key}/" in page for one in orders] == [True, False, True]
    assert ("66.67 %" in page, "Wrong_item in the box" in page) == (True, True)
    assert "66.67 %" not in said(signed_in("noor").get("/quality/"))
