"""Sending an order another way and setting fields by hand, as people do it: forms, refusals, reviews."""

from datetime import timedelta
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import subject_ref
from exceptions import services
from orders.fulfilment.models import Order, Override, StockItem
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn


@pytest.fixture
def order(house: House) -> Order:
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    (order_id,) = place_orders(news=[make.placed(client, now, paid_at=now.isoformat())], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    packed = make.news("shipment.packed", client, f"{order.key}-1", now, task=f"{order.key}-1")
    take_news(news=[packed], by=by, now=now)
    return order


def test_a_parcel_is_called_back_and_the_page_says_what_still_stands(order: Order, signed_in: SignedIn) -> None:
    amal, path = signed_in("amal"), f"/orders/{order.key}/reroute/"
    assert f"{order.key}-1: Warehouse pick and pack, Packed" in amal.get(path).content.decode()
    wish = {"fulfilment": f"{order.key}-1", "flow": "vendor-drop-ship", "reason": "The shelf is empty"}
    assert amal.post(path, {**wish, "flow": "warehouse-pick-pack"}).status_code == 422
    assert amal.post(path, wish).status_code == 302
    page = amal.get(f"/orders/{order.key}/").content.decode()
    for words in ("Being sent another way", "Carrier booked: Asked to undo it", "Task given out: Still stands"):
        assert words in page
    for name, status in (("sam", 403), ("noor", 404)):
        assert signed_in(name).post(path, wish).status_code == status


def test_the_rules_of_today_are_applied_from_the_page_of_an_order(order: Order, signed_in: SignedIn) -> None:
    amal, home = signed_in("amal"), f"/orders/{order.key}/"
    offered = 'name="do" value="decide-anew"'
    assert [offered in signed_in(name).get(home).content.decode() for name in ("amal", "sam")] == [True, False]
    plan = amal.post("/orders/bulk/", {"do": "decide-anew", "id": order.key, "return": home})
    assert (plan.status_code, f'href="{home}"' in plan.content.decode()) == (200, True)


def test_a_field_set_by_hand_is_reviewed_by_somebody_else(order: Order, signed_in: SignedIn) -> None:
    amal, lee = signed_in("amal"), signed_in("lee")
    path = f"/orders/{order.key}/override/"
    wish = {"field": "delivery_sla", "value": "by-owl", "reason": "She has to have it on Monday"}
    refused = amal.post(path, wish)
    assert (refused.status_code, "There are: standard, expedited" in refused.content.decode()) == (422, True)
    assert amal.post(path, {**wish, "value": "expedited"}).status_code == 302
    fix = Override.objects.get()
    review = f"/overrides/{fix.key}/"
    assert "You set this" in amal.get(review).content.decode()
    assert amal.post(review, {"decision": "accept", "comment": "Fine"}).status_code == 403
    assert signed_in("noor").get(review).status_code == 404
    listed = lee.get("/overrides/").content.decode()
    for words in (fix.key, "Delivery speed", "standard", "expedited", "She has to have it on Monday"):
        assert words in listed
    assert lee.post(review, {"comment": "Fine"}).status_code == 422
    assert lee.post(review, {"decision": "reject", "comment": "Not promised"}).status_code == 302
    order.refresh_from_db()
    assert order.delivery_sla == "standard"
    assert "Nothing waits for a review" in lee.get("/overrides/").content.decode()
    assert "Taken back" in lee.get("/overrides/?tab=all").content.decode()
    assert lee.post(review, {"decision": "accept", "comment": "Again"}).status_code == 409
    assert lee.get("/overrides/?after=x").status_code == 400


def test_which_field_is_chosen_first_and_what_is_personal_is_shown_to_few(order: Order, signed_in: SignedIn) -> None:
    amal, path = signed_in("amal"), f"/orders/{order.key}/override/"
    assert "Instructions for the delivery" in amal.get(path).content.decode()
    assert amal.get(f"{path}?field=total").status_code == 422
    assert "2: 1 x" not in amal.get(f"{path}?field=quantity").content.decode()
    assert "write all of the new one" in amal.get(f"{path}?field=address").content.decode()
    here = {"field": "address", "name": "Ida Berg", "street_address": "Jungfernstieg 4", "city": "Hamburg"}
    there = {**here, "country_code": "DE", "reason": "She has moved"}
    refused = amal.post(path, {**there, "postal_code": "2035"})
    assert (refused.status_code, "Postal code is not valid" in refused.content.decode()) == (422, True)
    assert amal.post(path, {**there, "postal_code": "20354"}).status_code == 302
    review = f"/overrides/{Override.objects.get().key}/"
    for name, seen in (("amal", False), ("lee", False), ("kim", True)):
        assert ("Jungfernstieg" in signed_in(name).get(review).content.decode()) is seen


def test_a_stock_count_is_set_by_hand(order: Order, signed_in: SignedIn) -> None:
    amal = signed_in("amal")
    wish = {"client": "northwind", "sku": "TENT-2", "value": "7", "reason": "Counted twice"}
    assert amal.get("/overrides/stock/").status_code == 200
    assert amal.post("/overrides/stock/", {**wish, "sku": "NOTHING"}).status_code == 422
    assert amal.post("/overrides/stock/", wish).status_code == 302
    assert StockItem.objects.get(sku__code="TENT-2").on_hand == 7
    assert amal.post("/overrides/stock/", wish).status_code == 409


def test_parcels_of_one_buyer_are_proposed_and_go_together(order: Order, signed_in: SignedIn, house: House) -> None:
    client, now, by = house.clients["northwind"], clock.now(), system_actor("test")
    mine: dict[str, Any] = {"contact": {"email": "ida@example.org"}, "paid_at": now.isoformat()}
    ids = place_orders(news=[make.placed(client, now, **mine) for _ in range(2)], by=by, now=now)
    first, second = (
        f"{key}-1" for key in Order.objects.filter(pk__in=ids).order_by("key").values_list("key", flat=True)
    )
    lee, wish = signed_in("lee"), {"parcels": f"{first} {second}", "reason": "She ordered twice"}
    proposed = lee.get("/shipments/").content.decode()
    assert f"?parcel={first}&amp;parcel={second}" in proposed
    assert "?parcel=" not in signed_in("noor").get("/shipments/").content.decode()
    assert lee.post("/shipments/", {**wish, "parcels": f"{first} {order.key}-1"}).status_code == 422
    made = lee.post("/shipments/", wish)
    assert (made.status_code, lee.post("/shipments/", wish).status_code) == (302, 409)
    for path in (f"/orders/{first[:-2]}/", f"/checks/{first}/", "/shipments/"):
        assert made["Location"] in lee.get(path).content.decode()
    assert signed_in("noor").get(made["Location"]).status_code == 404
    assert lee.post(made["Location"], {"reason": "They differ"}).status_code == 302
    assert lee.post(made["Location"], {"reason": "They differ"}).status_code == 409
    assert "Each by itself again" in lee.get(made["Location"]).content.decode()


def test_what_can_be_done_with_the_order_is_offered_by_its_exception_and_leads_back_there(
    order: Order, signed_in: SignedIn, house: House
) -> None:
    now, by = clock.now(), system_actor("test")
    with acting(by, at=now):
        Order.objects.filter(pk=order.pk).update(fraud_score=12, is_test=True)
    export_order(order_id=order.pk, by=by, now=now)
    opening = services.CaseOpening(
        "address", subject_ref(order), order.key, order.client_id, "The carrier wants another one"
    )
    (case,) = services.open_cases(openings=[opening], by=by, now=now)
    amal, home = signed_in("amal"), f"/exceptions/{case.key}/"
    page = amal.get(home).content.decode()
    offered = {
        name: f'href="/orders/{order.key}/{name}/?return=' in page for name in ("holds", "reroute", "resend", "cancel")
    }
    assert offered == {"holds": True, "reroute": True, "resend": False, "cancel": True}
    for words in ("12 of 100", "verified", '<span class="pill">test</span>', "TENT-2, web"):
        assert words in page
    assert f"/orders/{order.key}/" in signed_in("sam").get(home).content.decode()
    assert "?return=" not in signed_in("sam").get(home).content.decode()
    placed = amal.post(f"/orders/{order.key}/holds/?return={home}", {"words": "Wait for the call"})
    assert (placed.status_code, placed["Location"]) == (302, home)
    page = amal.get(home).content.decode()
    assert ("Wait for the call" in page, "Release a hold…" in page) == (True, True)


def test_a_task_nobody_answered_is_sent_again_from_a_page(order: Order, signed_in: SignedIn, house: House) -> None:
    amal, packed = signed_in("amal"), f"/orders/{order.key}/resend/"
    assert "Nothing of it waits" in amal.get(packed).content.decode()
    assert "nothing was sent" in amal.post(packed, follow=True).content.decode()
    now = clock.now()
    news = [make.placed(house.clients["northwind"], now, paid_at=now.isoformat())]
    (other_id,) = place_orders(news=news, by=system_actor("test"), now=now)
    silent = Order.objects.get(pk=other_id)
    path = f"/orders/{silent.key}/resend/"
    assert "sent once" in amal.get(path).content.decode()
    assert f"Sent again: {silent.key}-1." in amal.post(path, follow=True).content.decode()
    assert signed_in("sam").post(path).status_code == 403
