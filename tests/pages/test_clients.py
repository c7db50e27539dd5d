"""The pages on which a client is set up, as a browser without scripts fills them in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from django.test import Client as HttpClient

from audit import clock
from audit.models import Event
from orders.fulfilment.models import Order
from orders.fulfilment.selectors import stores
from orders.fulfilment.services.news import count_stock
from orders.sync import services as sync
from orders.sync.models import InboundEvent, OutboundMessage
from rules.models import Client, ClientAccess, ProductLine
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

pytestmark = pytest.mark.django_db

NEW = "/clients/new/?template=shipped:own-warehouse"
FILLED: dict[str, Any] = {
    "slug": "acme",
    "name": "Acme Toys",
    "key_prefix": "AC",
    "currency": "EUR",
    "time_zone": "Europe/Vienna",
    "calendar": "",
    "country": "AT",
    "people": ["bo", "noor"],
    "lead": "bo",
    "backup": "client-success",
    "address_warehouse": "https://wms.acme.example/tasks",
    "reason": "They signed yesterday",
}
LINE = {
    "name": "Robots",
    "slug": "robots",
    "kind": "brand",
    "prefixes": "RB-, ROBO-",
    "channels": "",
    "owner": "logistics",
    "fallback": "ac-team",
    "flow": "warehouse-pick-pack",
    "sla": "expedited-dispatch",
    "reason": "A brand of its own since today",
}


def digest(page: Any) -> str:
    found = re.search(r'name="seen" value="(\w{64})"', page.content.decode())
    assert found
    return found[1]


def test_a_client_and_a_brand_are_set_up_in_the_browser(signed_in: SignedIn, house: House) -> None:
    kim = signed_in("kim")
    assert NEW.rpartition("/")[2] in kim.get("/clients/new/").content.decode().replace("%3A", ":")
    wrong = kim.post(NEW, {**FILLED, "slug": "Acme Toys", "people": ["bo"]})
    assert wrong.status_code == 422
    text = wrong.content.decode()
    assert text.count("Two to thirty small letters") == 2  # in the summary, and beside the field
    assert 'value="They signed yesterday"' in text, "what was typed stays"

    shown = kim.post(NEW, FILLED)
    assert shown.status_code == 200
    text = shown.content.decode()
    for words in (
        "Ownership rules: 2",
        "Hold rules: 1",
        "Promises: 2",
        "Systems: 2",
        "Opening hours: 5",
        "Make all of it",
    ):
        assert words in text, words
    assert not Client.objects.filter(slug="acme").exists()

    seen = digest(shown)
    other = kim.post(NEW, {**FILLED, "name": "Acme Games", "seen": seen, "confirm": "1"})
    assert (other.status_code, Client.objects.filter(slug="acme").exists()) == (409, False)
    made = kim.post(NEW, {**FILLED, "seen": seen, "confirm": "1"})
    assert made.status_code == 201
    secrets = re.findall(r"whsec_[\w+/=]+", made.content.decode())
    assert len(secrets) == 3
    assert "no-store" in made["Cache-Control"]
    assert not Event.objects.filter(body__contains=secrets[0]).exists()

    line = "/clients/acme/lines/new/"
    assert kim.post(line, {**LINE, "prefixes": ""}).status_code == 422
    shown = kim.post(line, LINE)
    assert kim.post(line, {**LINE, "seen": digest(shown), "confirm": "1"}).status_code == 201
    assert (
        ProductLine.objects.get().predicate == 'lines.exists(l, l.sku.startsWith("RB-") || l.sku.startsWith("ROBO-"))'
    )
    page = kim.get("/clients/acme/").content.decode()
    for words in ("Acme Toys", "Robots", "Ready to receive orders: no", "A carrier can be booked", "See to it"):
        assert words in page, words
    assert not any(secret in page for secret in secrets)


def test_who_works_for_the_new_client_sees_it_and_nothing_of_others(signed_in: SignedIn, house: House) -> None:
    """Noor works for fable and from now on for acme too, amal for northwind only."""
    kim = signed_in("kim")
    made = kim.post(NEW, {**FILLED, "seen": digest(kim.post(NEW, FILLED)), "confirm": "1"})
    assert made.status_code == 201
    ClientAccess.objects.get(user=house.users["noor"], client__slug="acme")
    noor, amal = signed_in("noor"), signed_in("amal")
    for browser, theirs, others in ((noor, "acme", "northwind"), (amal, "northwind", "acme")):
        assert browser.get(f"/clients/{theirs}/").status_code == 200
        assert browser.get(f"/clients/{others}/").status_code == 404
        assert browser.get("/clients/new/").status_code == 403
        assert browser.get(f"/clients/{theirs}/lines/new/").status_code == 403
        for address in (
            "/clients/",
            "/orders/",
            "/orders.csv",
            "/queue/team/",
            "/people/rotation/",
            "/api/v1/clients",
            "/api/v1/rules",
            "/api/v1/decisions",
        ):
            answer = browser.get(address)
            assert answer.status_code == 200, address
            assert others not in b"".join(answer).decode(), (address, others)
    assert "acme-rest" in noor.get("/api/v1/rules").content.decode()


def test_the_list_of_clients_asks_no_more_for_many(
    signed_in: SignedIn, house: House, django_assert_max_num_queries: Any
) -> None:
    lee = signed_in("lee")
    with django_assert_max_num_queries(9):
        assert lee.get("/clients/").content.count(b"<tr>") == 4


def test_a_shopify_store_is_connected_in_the_browser_and_its_order_goes_the_whole_way(
    signed_in: SignedIn, house: House, client: HttpClient
) -> None:
    kim = signed_in("kim")
    done = kim.post(NEW, {**FILLED, "seen": digest(kim.post(NEW, FILLED)), "confirm": "1"}).content.decode()
    assert "/clients/acme/store/" in done
    store, secret = "/clients/acme/store/", "shpss_0a1b2c3d4e5f60718293"
    page = kim.get(store).content.decode()
    for words in ("Shopify: order webhooks", "orders/paid → payment.captured", "/api/v1/hooks/acme-store", "It needs:"):
        assert words in page, words
    connect = {"kind": "shopify", "secret": secret, "reason": "They use Shopify"}
    assert kim.post(store, {**connect, "secret": "short"}).status_code == 422
    page = kim.post(store, connect, follow=True).content.decode()
    assert ("The store is connected" in page, secret in page) == (True, False)
    sample = json.loads(stores.sample_of("shopify"))
    for body, words in (
        (sample, "The message works"),
        ({**sample, "line_items": None}, "does not go through"),
        ({**sample, "currency": "euro"}, "/currency"),
    ):
        tried = kim.post(store, {"kind": "shopify", "body": json.dumps(body)})
        assert (tried.status_code, words in tried.content.decode()) == (200, True), words
    assert not InboundEvent.objects.filter(system__slug="acme-store").exists()

    acme = Client.objects.get(slug="acme")
    count_stock(news=[make.stock(acme, clock.now(), "TENT-2", 1)], by=house.actor("kim"), now=clock.now())
    raw = json.dumps({**sample, "name": "#1001"}).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    for topic, given, status in (
        ("orders/create", "AAAA" + signature[4:], 401),
        ("orders/create", signature, 202),
        ("orders/paid", signature, 202),
    ):
        headers = {"X-Shopify-Hmac-Sha256": given, "X-Shopify-Topic": topic}
        answer = client.post("/api/v1/hooks/acme-store", raw, content_type="application/json", headers=headers)
        assert answer.status_code == status
    while sync.apply_due(now=clock.now()):
        pass
    order = Order.objects.get(client=acme)
    told = OutboundMessage.objects.get(type="task.requested", client=acme)
    assert (order.number, order.state, order.flow and order.flow.slug, order.owner.slug, told.system.slug) == (
        "#1001",
        "in_fulfilment",
        "warehouse-pick-pack",
        "ac-team",
        "acme-warehouse",
    )
    assert signed_in("amal").get(store).status_code == 403
