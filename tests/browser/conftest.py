"""A real Chromium that fails on any console error, any CSP report and any axe violation."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    sync_playwright,
)

from audit import clock
from audit.access import system_actor
from audit.models import User
from orders.fulfilment.models import Order
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from tests.cast import PASSWORD, House, furnish
from tests.chromium import find
from tests.doors import signed_in
from tests.factories import orders as make

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages live for a second: what would make them faster later costs more than it saves.
    "--js-flags=--no-opt --no-maglev",
]
# What is in order is not told: to gather it took axe a third of its time. Nor is each style sheet read again, which writes styles of axe's
# own where one imports another, as Django's do, and tells only whether a page refuses to be turned.
RULES = {
    "preload": False,
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
# What colours and width decide; the rest is the same in every scheme.
LOOKS = {
    "preload": False,
    "runOnly": {"type": "rule", "values": ["color-contrast", "target-size"]},
    "resultTypes": ["violations"],
}
LOOK = (Path(__file__).parent / "look.js").read_text()
Visitor = Callable[..., Page]
NOBODY = ""  # who has no account and follows a link
# A walk at both widths, once with a script and once without; the two others where everything is asked for.
WALKS = [(1440, True), (390, False), *([(390, True), (1440, False)] if os.environ.get("HANDRAIL_THOROUGH") else [])]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Closed with the last file of this directory: while Playwright's loop runs, no other test could run a loop of its own."""
    path = find()
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the tests
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture
def house(transactional_db: None) -> House:
    return furnish(by=system_actor("test"), now=clock.now())


@pytest.fixture
def stopped(house: House) -> Order:
    """An order whose address stops it."""
    by, now, northwind = system_actor("test"), clock.now(), house.clients["northwind"]
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=by, now=now)
    placed = make.placed(northwind, now, address={**make.BERLIN, "postcode": "1011"})
    (order_id,) = place_orders(news=[placed], by=by, now=now)
    order = Order.objects.get(pk=order_id)
    paid = make.news("payment.captured", northwind, order.number, now, captured_at=now.isoformat())
    take_news(news=[paid], by=by, now=now)
    return Order.objects.get(pk=order_id)


@pytest.fixture
def visit(chromium: Browser, live_server: Any, house: House) -> Iterator[Visitor]:
    """Give a page of somebody who is signed in, by keyboard where asked; at the end nothing may have complained."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_for(
        name: str,
        at: str = "/",
        *,
        width: int = 1440,
        scheme: str = "light",
        javascript: bool = True,
        with_password: bool = False,
        scale: float = 1,
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=javascript,
            device_scale_factor=scale,
            reduced_motion="reduce",
        )
        contexts.append(context)
        if name != NOBODY and not with_password:
            context.add_cookies([cookie_of(house.users[name], live_server.url)])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(at)
        if with_password:
            page.get_by_label("Username").focus()
            page.keyboard.type(name)
            page.keyboard.press("Tab")
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(lambda url: "/signin/" not in url)
        return page

    yield open_for
    for context in contexts:
        context.close()
    assert complaints == []


def cookie_of(user: User, url: str) -> Any:
    """The session's cookie for the whole site of this page; told a page, Chromium would keep it for what is beside that page."""
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": signed_in(user).cookies[name].value, "url": urljoin(url, "/")}


MOST_TABS = 80
IS_SEEN = """one => [one, one.closest("label")].some(
    place => place && ["outlineStyle", "boxShadow"].some(style => getComputedStyle(place)[style] !== "none"))"""


def press(page: Page, on: Locator, key: str) -> None:
    """Go there as somebody without a mouse does, and press the key; where the focus is can be seen."""
    there = on.element_handle()  # found once: to find it by role after each Tab reads the whole page each time
    for _ in range(MOST_TABS):
        if there.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"{on} is not reached by Tab")
    assert there.evaluate(IS_SEEN)
    page.keyboard.press(key)


def write(page: Page, on: Locator, words: str) -> None:
    """Go there by Tab and type instead of what is there."""
    press(page, on, "ControlOrMeta+a")
    page.keyboard.type(words)


def is_complaint(message: ConsoleMessage) -> bool:
    """Errors and warnings, but for Chromium's own remark that a page answered 400, 401, 409 or 422, which is what it should answer."""
    meant = re.search(r"status of (400|401|409|422) ", message.text)
    return message.type in {"error", "warning"} and meant is None


def violations(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """What axe finds on the page; it is put there once."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(LOOK, rules)
    return found


# As wide as 1280 at 400 %.
NARROWEST = 320
# Something is typed in every text field of every form that changes anything; each of them has to be kept until it is sent, but what is
# personal. Pages of the admin keep nothing.
UNKEPT = """() => {
    if (!document.getElementById("live")) return [];
    const all = [...document.querySelectorAll("form[method=post] :is(textarea, input)")];
    const kept = all.filter(one => !("private" in one.dataset) && one.autocomplete !== "one-time-code");
    const texts = kept.filter(one => /^(text|textarea)$/.test(one.type) && !one.readOnly);
    const places = new Set(texts.map(one => `${new URL(one.form.getAttribute("action") || "", location.href).pathname}#${one.name}`));
    for (const one of texts) { one.value += "x"; one.dispatchEvent(new Event("input", { bubbles: true })); }
    document.dispatchEvent(new Event("visibilitychange"));
    const drafts = Object.keys(localStorage).filter(one => one.startsWith("draft."));
    drafts.forEach(one => localStorage.removeItem(one));
    return drafts.length === places.size ? [] : [`${drafts.length} of ${[...places]} are kept`];
}"""


def flaws(page: Page, *, light: bool = True, dark: bool = True) -> list[str]:
    """What axe and the ruler find while it is `light` and wide, then `dark` and narrow, changed under the open page."""
    found = [*violations(page), *_too_wide(page)] if light else []
    if dark:
        _wear(page, "dark", 390)
        found += violations(page, LOOKS if light else RULES)
    page.set_viewport_size({"width": NARROWEST, "height": 900})
    found += [*_too_wide(page), *page.evaluate(UNKEPT)]
    _wear(page, "light", 1440)
    return found


def _wear(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})


def _too_wide(page: Page) -> list[str]:
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [f"{overflow} px too wide"] if overflow > 0 else []
