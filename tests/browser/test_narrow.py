"""On a phone lists begin with their rows: filters are folded away, and open without a script."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.cast import House
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False])
def test_filters_fold_on_a_phone_and_stand_open_on_a_desk(visit: Visitor, house: House, javascript: bool) -> None:
    cases = open_cases(house, 2)
    page = visit("amal", "/queue/", width=390, javascript=javascript)
    expect(page.get_by_label("Words or key")).to_be_hidden()
    page.locator(".filter-box > summary").click()
    page.get_by_label("Words or key").fill("parcel 1")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator(f"#row-{cases[1].key}")).to_be_visible()
    expect(page.get_by_label("Words or key")).to_be_visible()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/queue/")
    expect(page.get_by_label("Words or key")).to_be_visible()
    expect(page.locator(".filter-box > summary")).to_be_hidden()
