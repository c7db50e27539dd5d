"""What of an order is a gift, on its page: read by whoever may see personal data, changed by whoever works orders."""

from datetime import timedelta

import pytest

from audit import clock
from audit.access import system_actor
from audit.crypto import open_secret
from orders.fulfilment.models import GiftCard, Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from tests.cast import House
from tests.factories import orders as make
from tests.pages.conftest import SignedIn

GIFT = {"message": "Happy birthday, Zoe", "wrap": "red paper", "address": {**make.BERLIN, "recipient": "Zoe Zimmer"}}


@pytest.fixture
def order(house: House) -> Order:
    client, now, by = house.clients["northwind"], clock.now() - timedelta(minutes=5), system_actor("test")
    count_stock(news=[make.stock(client, now, "TENT-2", 10)], by=by, now=now)
    lines = [make.line(gift=GIFT), make.line("TENT-2")]
    (order_id,) = place_orders(news=[make.placed(client, now, paid_at=now.isoformat(), lines=lines)], by=by, now=now)
    return Order.objects.get(pk=order_id)


def test_the_card_is_read_by_whoever_may_and_changed_without_being_read(
    order: Order, house: House, signed_in: SignedIn
) -> None:
    amal, path = signed_in("amal"), f"/orders/{order.key}/lines/1/gift/"
    for name, reads in (("amal", False), ("kim", True)):
        page = signed_in(name).get(f"/orders/{order.key}/").content.decode()
        assert ("Happy birthday, Zoe" in page, "Zoe Zimmer" in page) == (reads, reads)
        assert ("red paper" in page, "Make it a gift…" in page) == (True, name == "amal" or reads)
    form = amal.get(path).content.decode()
    assert ("Hidden. Leave it empty to keep it." in form, "Zoe" in form) == (True, False)
    kept = {"is_gift": "on", "city": "Berlin", "country_code": "DE", "wrap": "gold", "reason": "They called"}
    assert amal.post(path, {**kept, "seen": "1"}).status_code == 409
    assert amal.post(path, {**kept, "postal_code": "1", "name": "A", "street_address": "B 1"}).status_code == 422
    page = amal.post(path, kept, follow=True).content.decode()
    assert ("It is noted." in page, "gold" in page) == (True, True)
    card = GiftCard.objects.get(gift__order=order)
    assert (open_secret(card.message), card.verdict) == ("Happy birthday, Zoe", "valid")
    packed = [make.news("shipment.packed", house.clients["northwind"], order.key, clock.now())]
    take_news(news=packed, by=system_actor("test"), now=clock.now())
    late = amal.post(path, {"reason": "They called again"})
    assert (late.status_code, "is packed already" in late.content.decode()) == (409, True)
    for name, address, status in (("sam", path, 403), ("noor", path, 404), ("amal", path.replace("/1/", "/9/"), 404)):
        assert signed_in(name).get(address).status_code == status
