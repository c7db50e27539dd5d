"""What is seen without doing anything: the facts that decide are at the top, nothing is lost when it is narrow, and little is sent."""

from __future__ import annotations

import contextlib
import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Error, Locator, Page, expect

from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from tests.browser.conftest import Visitor, cookie_of
from tests.cast import House
from tests.doors import signed_in
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser
# In kB, as they travel: compressed.
MOST_PAGE, MOST_STYLES, MOST_SCRIPTS, MOST_ALL = 20, 14, 30, 65
NARROWEST = 320
HEAVIEST = (
    "/queue/",
    "/queue/team/",
    "/queue/team/?group=cause",
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
    page = visit("sam", f"/orders/{stopped.key}/")
    statement = page.locator("main .statement")
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert bottom(statement) <= height
    told, name = statement.inner_text(), re.escape(case.owner.name)
    answers = {
        "what happened": r"Payment captured .+ \(web\)\.",
        "which system is right": "Source of record: Handrail",
        "who has it": f"{name} owns the next step, until ",
        "why": re.escape(f"{case.key} ({case.title})"),
        "what next": r"if nobody acts, .+ has it .+",
    }
    assert [question for question, words in answers.items() if not re.search(words, told)] == []
    statement.get_by_role("link", name=case.key).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(case.title)

    page = visit("lee", "about:blank")
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

    page.goto("/queue/team/")
    row = page.get_by_role("row").filter(has_text=case.key)
    assert re.search(r"\d+ (d|h|min).* left\W+due .*\d\d:\d\d", row.aria_snapshot().replace("\n", " "))


def kept(page: Page) -> list[str]:
    """What drafts there are."""
    found = page.evaluate(
        "Object.keys(localStorage).filter(one => one.startsWith('draft.')).map(one => JSON.parse(localStorage[one]).typed)"
    )
    return sorted(found)


def test_what_was_typed_survives_a_reload_the_end_of_the_session_and_a_crash_until_it_has_arrived(
    visit: Visitor, house: House
) -> None:
    (case,) = open_cases(house, 1)
    page, words = visit("lee", f"/exceptions/{case.key}/"), "Called them at ten; they look it up."
    note = page.get_by_label("Add a note")
    note.fill(words)
    page.reload()
    expect(note).to_have_value(words)

    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="Add note").click()
    page.wait_for_url(re.compile("/signin/"), wait_until="commit")
    expect(page.get_by_label("Username")).to_be_visible()
    assert kept(page) == [words]
    page.context.add_cookies([cookie_of(house.users["lee"], page.url)])
    page.goto(f"/exceptions/{case.key}/note/")
    note = page.get_by_label("Note")
    expect(note).to_have_value(words)
    expect(page.get_by_text("was kept on this computer")).to_be_visible()

    note.fill(f"{words} At noon again.")
    while kept(page) != [f"{words} At noon again."]:  # half a second later
        page.wait_for_timeout(20)
    with contextlib.suppress(Error):  # that is what a crash looks like from here
        page.goto("chrome://crash")
    second = page.context.new_page()
    second.goto(f"/exceptions/{case.key}/note/")
    note = second.get_by_label("Note")
    expect(note).to_have_value(f"{words} At noon again.")
    second.get_by_role("button", name="Add note").click()
    expect(second.get_by_text("Note added.")).to_be_visible()
    assert (kept(second), case.notes.get().text) == ([], f"{words} At noon again.")


SPACED = """() => { const sheet = new CSSStyleSheet(); sheet.replaceSync(`* {
    line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
    p { margin-bottom: 2em !important }`); document.adoptedStyleSheets = [sheet] }"""
LOST = """() => [...document.querySelectorAll("main *")].filter(one => {
    const look = getComputedStyle(one), own = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    return own && !one.closest(".vh, svg") && /hidden|clip/.test(look.overflowY) && one.scrollHeight > one.clientHeight + 2;
}).map(one => `text is cut off in ${one.outerHTML.slice(0, 80)}`)"""
MOVING = """() => [...document.querySelectorAll("*")].filter(one => { const look = getComputedStyle(one);
    return parseFloat(look.transitionDuration) > 0.001 || (look.animationName !== "none" && parseFloat(look.animationDuration) > 0.001);
}).map(one => `moves: ${one.outerHTML.slice(0, 80)}`)"""
UNSEEN = """() => [...document.querySelectorAll("main :is(a.btn, button, input, select, textarea)")].filter(one => {
    const look = getComputedStyle(one), box = one.getBoundingClientRect();
    const native = /checkbox|radio|file|hidden/.test(one.type) || one.matches("a, .link, .plain, .icon-btn");
    return box.width && !native && parseFloat(look.borderTopWidth) === 0 && look.outlineStyle === "none";
}).map(one => `no border left: ${one.outerHTML.slice(0, 80)}`)"""


def test_nothing_is_lost_with_wide_letters_forced_colours_and_without_movement(visit: Visitor, house: House) -> None:
    """At 320 pixels, as wide as 1280 at 400 %."""
    (case,) = open_cases(house, 1)
    page = visit("lee", "about:blank", width=NARROWEST)
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    lost = []
    for path in ("/queue/team/", f"/exceptions/{case.key}/", "/approvals/", "/orders/", "/settings/notifications/"):
        page.goto(path)
        found = [*page.evaluate(MOVING), *page.evaluate(UNSEEN)]
        page.evaluate(SPACED)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [*([f"{overflow} px too wide"] if overflow > 0 else []), *page.evaluate(LOST)]
        lost += [f"{path}: {one}" for one in found]
    assert "\n".join(lost) == ""


def test_little_is_sent(house: House) -> None:
    """A page of fifty rows and all it needs, compressed."""
    open_cases(house, 50)
    lee = signed_in(house.users["lee"])
    pages = [len(gzip.compress(lee.get(path).content)) for path in HEAVIEST]
    styles, scripts = _weight("ui/app.css"), _weight("ui/app.js") + _weight("django_htmx/htmx-2.min.js")
    heaviest = max(pages)
    assert (heaviest <= MOST_PAGE << 10, styles <= MOST_STYLES << 10, scripts <= MOST_SCRIPTS << 10) == (True,) * 3
    assert heaviest + styles + scripts <= MOST_ALL << 10


def _weight(name: str) -> int:
    found = finders.find(name)
    assert isinstance(found, str)
    return len(gzip.compress(Path(found).read_bytes()))
