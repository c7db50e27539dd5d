"""Every page, light and dark, wide and narrow: no violation, nothing overflows."""

import pytest

from audit import clock
from exceptions import services
from tests.browser.conftest import Visitor, flaws, violations
from tests.cast import House
from tests.pages.conftest import open_cases
from tests.pages.test_many import broken

pytestmark = pytest.mark.browser
PALE = """() => { const pale = new CSSStyleSheet(); pale.replaceSync("h1 { color: #999 }"); document.adoptedStyleSheets.push(pale) }"""
PAGES = (
    "/queue/",
    "/queue/team/",
    "/queue/causes/",
    "/queue/team/?owner=team%3Aops-team",
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
    "/audit/verify/",
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
    "/search/?q=x",
    "/queue/?type=nonsense",
)


def test_pages_are_accessible_and_fit(visit: Visitor, house: House) -> None:
    cases = open_cases(house, 3)
    broken(house, 3)
    page = visit("lee", "about:blank")
    problems = []
    draft = services.draft_postmortem(case_id=cases[0].pk, by=house.actor("amal"), now=clock.now())
    acts = [
        f"/postmortems/{draft.key}/",
        f"/exceptions/{cases[0].key}/",
        f"/exceptions/{cases[0].key}/resolve/",
        f"/time-limited/new/?for={cases[0].key}",
    ]
    for path in [*PAGES, *acts]:
        page.goto(path)
        inline = page.evaluate("document.querySelectorAll('[style], style').length")
        found = [*(["inline style"] if inline else []), *flaws(page)]
        problems += [f"{path}: {one}" for one in found]
    assert problems == []
    page.evaluate(PALE)
    assert violations(page) == ['color-contrast: [["h1"]]'], "what was legible before does not hide what is not"
