"""Every page, light and dark, wide and narrow: no violation, nothing overflows."""

import os
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client as Browser
from playwright.sync_api import Page, Route

from exceptions.models import ExceptionCase
from tests.browser.conftest import NOBODY, Visitor, flaws, violations
from tests.browser.day import ClientLink, a_day, client_links
from tests.cast import House
from tests.doors import signed_in

pytestmark = pytest.mark.browser
PALE = """() => { const pale = new CSSStyleSheet(); pale.replaceSync("h1 { color: #999 }"); document.adoptedStyleSheets.push(pale) }"""
# One page is seen light and wide, the next dark and narrow; all of them both ways where everything is asked for.
BOTH = "HANDRAIL_THOROUGH" in os.environ
PAGES = (
    "/queue/causes/",
    "/queue/team/?owner=team%3Aops-team",
    "/queue/?type=nonsense",
    "/flows/",
    "/flows/warehouse-pick-pack/",
    "/systems/",
    "/systems/shop/",
    "/systems/shop/pause/",
    "/rules/books/",
    "/rules/books/1/",
    "/contracts/",
    "/contracts/order.placed/",
    "/views/",
    "/views/new/team/?due=1h",
    "/jobs/",
    "/approvals/",
    "/orders/",
    "/quarantine/",
    "/stock/",
    "/dead-letters/",
    "/audit/",
    "/audit/verify/?record=x",
    "/audit/verify/token/",
    "/status/",
    "/notifications/",
    "/settings/notifications/",
    "/settings/security/",
    "/settings/sessions/",
    "/settings/security/app/",
    "/people/away/",
    "/people/gaps/",
    "/people/rotation/",
    "/people/gates/",
    "/people/gates/ship-despite-open-case/",
    "/people/temporary/",
    "/people/amal/handover/",
    "/help/",
    "/help/runbooks/",
    "/help/runbooks/unforeseen-failure/",
    "/help/runbooks/unforeseen-failure/1/changes/",
    "/help/runbooks/unforeseen-failure/propose/",
    "/postmortems/",
    "/search/?q=NW",
)
STATIC = ("400", "404", "403_csrf", "429", "500")


def test_pages_are_accessible_and_fit(visit: Visitor, house: House) -> None:
    day = a_day(house)
    links = client_links(house)
    day |= {"lee": [*day["lee"], *PAGES], NOBODY: [link.path for link in links]}
    problems, seen = [], count()
    for name, paths in day.items():
        page = visit(name, "about:blank")
        for path in paths:
            page.goto(path)
            problems += [f"{path}: {one}" for one in wrong(page, next(seen))]
    page.route("**/presence/", lambda route: route.fulfill(status=204))
    for path, answer in (errors(house) | told(links)).items():
        page.route(f"**{path}", partial(fulfil, answer))
        page.goto(path)
        problems += [f"{path}: {one}" for one in wrong(page, next(seen))]
    assert problems == []
    page.evaluate(PALE)
    assert violations(page) == ['color-contrast: [["h1"]]'], "what was legible before does not hide what is not"


def wrong(page: Page, number: int) -> list[str]:
    """What is wrong with the page as it is now."""
    inline = page.evaluate("document.querySelectorAll('[style], style').length")
    return [
        *(["inline style"] if inline else []),
        *flaws(page, light=BOTH or number % 2 == 0, dark=BOTH or number % 2 == 1),
    ]


def errors(house: House) -> dict[str, Any]:
    """What is answered where something is wrong, by an address of its own: as an answer that the browser does not complain about."""
    lee, case = signed_in(house.users["lee"]), ExceptionCase.objects.order_by("number")[0]
    late = {"to": "bo", "reason": "They know the carrier", "seen": "0"}
    refused = {
        "/refused/404/": lee.get("/exceptions/EX-1/"),
        "/refused/409/": lee.post(f"/exceptions/{case.key}/reassign/", late),
    }
    return refused | {f"/{name}/": HttpResponse(render_to_string(f"{name}.html")) for name in STATIC}


def told(links: Sequence[ClientLink]) -> dict[str, Any]:
    """What whoever asked a client reads once, and what is read behind a link: thanks, then that it opens nothing any more."""
    return {
        **{f"/made/{number}/": link.made for number, link in enumerate(links)},
        **{f"/answered/{number}/": link.answered() for number, link in enumerate(links)},
        "/gone/": Browser().get(links[0].path),
    }


def fulfil(answer: Any, route: Route) -> None:
    """Give the browser this page, under the policy it came with."""
    route.fulfill(body=answer.content, content_type="text/html; charset=utf-8")
