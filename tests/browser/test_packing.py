"""A packer with a phone and a scanner, which types a code and presses Enter; nothing on the page needs a script."""

import pytest
from playwright.sync_api import expect

from audit import clock
from audit.access import system_actor
from audit.context import acting
from orders.fulfilment.models import Fulfilment
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from rules.models import QualityCheck
from rules.services import freeze_rule_book
from tests.browser.conftest import Visitor
from tests.cast import House
from tests.factories import orders as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def parcel(house: House) -> Fulfilment:
    """Packed; its contents have to be checked."""
    by, now, northwind = system_actor("test"), clock.now(), house.clients["northwind"]
    with acting(by, at=now):
        QualityCheck.objects.filter(slug="right-contents").update(is_active=True)
    freeze_rule_book(by=by, now=now, note="checks")
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=by, now=now)
    place_orders(news=[make.placed(northwind, now, paid_at=now.isoformat())], by=by, now=now)
    parcel = Fulfilment.objects.get()
    take_news(news=[make.news("shipment.packed", northwind, parcel.key, now, task=parcel.key)], by=by, now=now)
    return parcel


def test_a_scan_finds_the_parcel_a_wrong_one_says_what_to_do_and_the_right_one_lets_it_go(
    visit: Visitor, parcel: Fulfilment
) -> None:
    page = visit("pia", "/checks/", width=390, javascript=False)

    def scan(code: str) -> None:
        """As a scanner does: it types into the field that has the focus."""
        expect(page.locator("[autofocus]")).to_be_focused()
        page.keyboard.type(code)
        page.keyboard.press("Enter")

    scan(parcel.key)
    expect(page.get_by_role("heading", name=parcel.key)).to_be_visible()
    scan("PEG")
    expect(page.get_by_text("PEG is not in this parcel.").first).to_be_visible()
    expect(page.get_by_text("Put back what does not belong").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    scan("TENT-2")
    expect(page.get_by_text("“Right contents” is passed.")).to_be_visible()
    page.get_by_role("textbox", name="Carrier").fill("DPD")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{parcel.key} has left with DPD.")).to_be_visible()
