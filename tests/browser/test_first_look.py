"""What is seen without doing anything: the facts that decide are at the top, nothing is lost when it is narrow, and little is sent."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client as Door
from playwright.sync_api import Locator

from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from tests.browser.conftest import Visitor
from tests.cast import House
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser
# In kB, as they travel: compressed.
MOST_PAGE, MOST_STYLES, MOST_SCRIPTS, MOST_ALL = 20, 14, 30, 65
NARROWEST = 320
HEAVIEST = (
    "/queue/",
    "/queue/team/",
    "/queue/causes/",
    "/notifications/",
    "/settings/notifications/",
    "/audit/",
    "/help/",
)


def bottom(one: Locator) -> float:
    """Where it ends, in pixels from the top of the page."""
    box = one.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_who_has_to_do_what_until_when_is_seen_at_first_sight(visit: Visitor, house: House, stopped: Order) -> None:
    case = ExceptionCase.objects.get(subject_id=str(stopped.pk))
    page = visit("lee")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"/orders/{stopped.key}/")
    statement = page.locator("main .statement")
    assert bottom(statement) <= 800
    assert re.search(f"{case.owner.name} owns the next step, until .+ {case.key}", statement.inner_text())

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/exceptions/{case.key}/")
    seen = page.locator("main")
    facts = {
        "what": seen.get_by_role("heading", level=1),
        "owner": seen.get_by_text(case.owner.name).first,
        "time left": seen.get_by_text("Time left").first,
        "next step": seen.locator("#playbook"),
        "consequence": seen.get_by_text("If nobody acts").first,
    }
    assert {fact: bottom(where) <= 1000 for fact, where in facts.items()} == dict.fromkeys(facts, True)

    note = page.get_by_label("Add a note")
    note.fill("Called them at ten; they look it up.")
    for _ in range(500):  # what is typed is kept half a second later
        if page.evaluate("Object.keys(localStorage).some(key => key.startsWith('draft.'))"):
            break
        page.wait_for_timeout(20)
    page.reload()
    assert note.input_value() == "Called them at ten; they look it up."

    page.goto("/queue/team/")
    row = page.get_by_role("row").filter(has_text=case.key)
    assert re.search(r"\d+ (h|min).* left", row.aria_snapshot().replace("\n", " "))


def test_nothing_is_lost_at_320_pixels(visit: Visitor, house: House) -> None:
    """As wide as 1280 at 400 %."""
    (case,) = open_cases(house, 1)
    page = visit("lee", width=NARROWEST)
    wide = []
    for path in ("/queue/team/", f"/exceptions/{case.key}/", "/approvals/", "/orders/", "/settings/notifications/"):
        page.goto(path)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wide += [f"{path} is {overflow} px too wide"] if overflow > 0 else []
    assert wide == []


def test_little_is_sent(house: House) -> None:
    """A page of fifty rows and all it needs, compressed."""
    open_cases(house, 50)
    lee = Door()
    lee.force_login(house.users["lee"])
    pages = [len(gzip.compress(lee.get(path).content)) for path in HEAVIEST]
    styles, scripts = _weight("ui/app.css"), _weight("ui/app.js") + _weight("django_htmx/htmx-2.min.js")
    heaviest = max(pages)
    assert (heaviest <= MOST_PAGE << 10, styles <= MOST_STYLES << 10, scripts <= MOST_SCRIPTS << 10) == (True,) * 3
    assert heaviest + styles + scripts <= MOST_ALL << 10


def _weight(name: str) -> int:
    found = finders.find(name)
    assert isinstance(found, str)
    return len(gzip.compress(Path(found).read_bytes()))
