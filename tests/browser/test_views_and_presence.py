"""Views, columns, and two people on one exception, in real browsers: with a script and without one."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from config.embedded.environment import presence_url
from config.embedded.redis import RedisServer
from exceptions.models import SavedView
from tests.browser.conftest import Visitor, violations
from tests.cast import House
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser


@pytest.fixture
def with_redis(tmp_path: Path, settings: Any) -> Iterator[None]:
    server = RedisServer(tmp_path)
    server.start()
    settings.PRESENCE_URL = presence_url(server.url)
    yield
    server.stop()


@pytest.mark.parametrize(("width", "scheme", "javascript"), [(1440, "light", True), (390, "dark", False)])
def test_a_view_is_saved_shared_and_opened_by_a_colleague(
    visit: Visitor, house: House, width: int, scheme: str, javascript: bool
) -> None:
    open_cases(house, 2)
    page = visit("amal", "/queue/team/?client=northwind", width=width, scheme=scheme, javascript=javascript)
    page.locator(".columns > summary").click()
    page.get_by_role("checkbox", name="Cause", exact=True).check()
    page.get_by_label("At risk", exact=True).and_(page.locator("[name=cols]")).uncheck()
    page.get_by_role("button", name="Show these").click()
    page.get_by_role("link", name="Save this view").click()
    page.get_by_label("Name").fill("Northwind causes")
    page.get_by_label("Share with").select_option("ops-team")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("heading", name="Team queues: Northwind causes")).to_be_visible()
    expect(page.get_by_role("columnheader", name="At risk")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    address = page.url

    colleague = visit("bo", "/views/", width=width, scheme=scheme, javascript=javascript)
    assert colleague.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if javascript:
        assert violations(colleague) == []
        colleague.goto("/views/")
    colleague.get_by_role("link", name="Northwind causes").click()
    assert colleague.url == address
    colleague.goto("/views/")
    colleague.get_by_role("button", name="See first Northwind causes").click()
    colleague.goto("/queue/team/")
    assert colleague.url == address
    assert SavedView.objects.get().team is not None


def said(page: Page) -> Any:
    """Until the server has heard that somebody is on this page; what the page before it says in leaving is sent as a ping."""

    def is_heard(answer: Response) -> bool:
        return answer.url.endswith("/presence/") and answer.request.resource_type == "fetch"

    return page.expect_response(is_heard)


def hears(page: Page, words: str) -> None:
    """Let time pass until this is among the news: only once what came last has settled does the page begin to wait anew."""
    news = page.locator("#news").get_by_text(words)
    for _ in range(3):
        page.clock.fast_forward(16_000)
        with suppress(AssertionError):
            return expect(news).to_be_visible(timeout=2_000)
    return expect(news).to_be_visible()


def test_two_people_see_each_other_and_what_the_other_did_without_a_reload(
    visit: Visitor, house: House, with_redis: None
) -> None:
    (case,) = open_cases(house, 1)
    amal, bo = visit("amal", "about:blank"), visit("bo", "about:blank")
    for page in (amal, bo):
        page.clock.install()
        with said(page):
            page.goto(f"/exceptions/{case.key}/")
    hears(bo, "Amal Okafor is looking at this too")
    with said(amal):
        amal.get_by_label("Add a note").type("Called")
    hears(bo, "Amal Okafor is editing")
    with said(amal):
        amal.get_by_role("button", name="Take it").click()
    hears(bo, "Amal Okafor took it")
    bo.get_by_label("Add a note").fill("typed and not lost")
    bo.clock.fast_forward(60_000)
    expect(bo.get_by_label("Add a note")).to_have_value("typed and not lost")
    bo.goto("/queue/team/?view=all")
    expect(bo.locator(f"#now-{case.key}")).to_contain_text("Amal Okafor: on this")


def test_new_exceptions_are_announced_and_no_row_moves(visit: Visitor, house: House) -> None:
    first = open_cases(house, 2)
    page = visit("amal", "about:blank")
    page.clock.install()
    page.goto("/queue/?view=all")
    page.locator(f"#row-{first[0].key} .title").focus()
    before = page.locator("tr.row").evaluate_all("rows => rows.map(r => [r.id, r.getBoundingClientRect().top])")
    open_cases(house, 3)
    page.clock.fast_forward(31_000)
    expect(page.locator("#news")).to_contain_text("1 new")
    after = page.locator("tr.row").evaluate_all("rows => rows.map(r => [r.id, r.getBoundingClientRect().top])")
    assert after == before
    assert page.evaluate("document.activeElement.closest('tr').id") == f"row-{first[0].key}"
    page.get_by_role("link", name="Show them").click()
    expect(page.locator("tr.row")).to_have_count(3)
