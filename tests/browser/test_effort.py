"""What it costs a person to get something done, counted in a browser: keystrokes, clicks and page loads."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.subject_refs import subject_ref
from exceptions import services, subjects
from exceptions.models import ExceptionCase
from exceptions.states import CaseState, WaiverState
from orders.fulfilment.models import Order
from tests.browser.conftest import Visitor
from tests.cast import House
from tests.pages.conftest import open_cases

pytestmark = pytest.mark.browser
COUNT = """
    for (const kind of ["pointerdown", "keydown"])
        addEventListener(kind, () => sessionStorage.setItem(kind, 1 + Number(sessionStorage.getItem(kind) || 0)), true)
"""
STEPS: dict[str, list[dict[str, Any]]] = {
    "one click": [{"label": "Give it to the warehouse again", "kind": "do", "action": "test.resend"}],
    "to be recorded": [{"label": "Ask the customer", "kind": "record", "fields": ["answer"], "required": True}],
}


def with_playbook(case: ExceptionCase, steps: Sequence[dict[str, Any]]) -> None:
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=steps)


def counted(page: Page, kind: str) -> int:
    return int(page.evaluate(f"sessionStorage.getItem('{kind}')") or 0)


@pytest.fixture
def resend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(subjects._actions, "test.resend", lambda case, *, by, now, data: "Given again")


@pytest.mark.parametrize("kind", ["keydown", "pointerdown"])
def test_an_exception_of_one_step_is_resolved_with_three_keys_or_three_clicks(
    visit: Visitor, house: House, resend: None, kind: str
) -> None:
    case, other = open_cases(house, 2)
    with_playbook(case, STEPS["one click"])
    page = visit("amal", "about:blank")
    page.add_init_script(COUNT)
    page.goto("/queue/")
    if kind == "keydown":
        page.keyboard.press("s")
        expect(page.get_by_role("button", name="Give it to the warehouse again")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Resolve")).to_be_focused()
        page.keyboard.press("Enter")
    else:
        page.get_by_role("link", name=f"Next step {case.key}").click()
        page.get_by_role("button", name="Give it to the warehouse again").click()
        page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text(f"{case.key}: Resolved.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/exceptions/{other.key}/"))
    assert counted(page, kind) == 3
    case.refresh_from_db()
    assert (case.state, case.steps.get().outcome) == (CaseState.RESOLVED, "Given again")


def test_keys_lead_to_steps_neighbours_and_causes(visit: Visitor, house: House) -> None:
    cases = open_cases(house, 2)
    page = visit("amal")
    expect(page).to_have_url(re.compile("/queue/$"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(rf"/exceptions/{cases[1].key}/step/1/\?v=mine"))
    expect(page.get_by_label("What came of it")).to_be_focused()
    page.goto(f"/exceptions/{cases[0].key}/?v=mine")
    for key, address in (
        ("]", f"/exceptions/{cases[1].key}/"),
        ("[", f"/exceptions/{cases[0].key}/"),
        ("2", f"/exceptions/{cases[0].key}/step/2/"),
    ):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(address))
    page.goto("/queue/")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    for key in ("s", "1", "[", "b"):
        expect(sheet.get_by_text(key, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.get_by_role("link", name="No shared cause")).to_be_visible()


@pytest.mark.parametrize(("javascript", "most_loads"), [(True, 1), (False, 5)])
def test_one_recorded_step_with_evidence_costs_nine_clicks_and_one_page_or_five_without_a_script(
    visit: Visitor, house: House, javascript: bool, most_loads: int, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    (case,) = open_cases(house, 1)
    with_playbook(case, STEPS["to be recorded"])
    page = visit("amal", "about:blank", javascript=javascript)
    page.add_init_script(COUNT)
    page.goto("/queue/")
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    clicked: list[str] = []

    def click(target: Any) -> None:
        clicked.append(str(target))
        target.click()

    click(page.get_by_role("link", name=case.title))
    with page.expect_file_chooser() as chooser:
        click(page.get_by_label("File"))
    chooser.value.set_files({"name": "answer.txt", "mimeType": "text/plain", "buffer": b"1017 CT"})
    click(page.get_by_role("button", name="Add file"))
    expect(page.get_by_text("File added.")).to_be_visible()
    click(page.get_by_role("link", name=re.compile("Log it….*Ask the customer")))
    click(page.get_by_label("Answer"))
    page.keyboard.type("1017 CT")
    click(page.get_by_role("button", name="Ask the customer"))
    click(page.get_by_role("button", name="Resolve"))
    expect(page.get_by_text(f"{case.key}: Resolved.")).to_be_visible()
    case.refresh_from_db()
    assert (case.state, case.attachments.count(), case.steps.count()) == (CaseState.RESOLVED, 1, 1)
    assert (len(clicked) <= 9, len(loads) <= most_loads) == (True, True), (clicked, loads)
    if javascript:
        assert counted(page, "pointerdown") == len(clicked)


def test_an_approval_is_decided_from_its_letter_with_three_clicks(visit: Visitor, house: House, stopped: Order) -> None:
    waiver = services.request_waiver(
        gate="ship-despite-open-case",
        subject=subject_ref(stopped),
        subject_key=stopped.key,
        client_id=stopped.client_id,
        reason="The customer confirmed the address by phone.",
        plan="Correct it in the store today.",
        minutes=240,
        owner="amal",
        by=house.actor("amal"),
        now=clock.now(),
    )
    lead = visit("lee", "about:blank")
    lead.add_init_script(COUNT)
    letter = f'<a href="/approvals/{waiver.key}/">Decide</a>'
    lead.route("**/letter/", lambda route: route.fulfill(body=letter, content_type="text/html"))
    lead.goto("/letter/")
    lead.get_by_role("link", name="Decide").click()
    deciding = (
        lead.locator(".statement"),
        lead.get_by_text("The customer confirmed the address by phone."),
        lead.get_by_text("Correct it in the store today."),
        lead.get_by_text("only with this"),
        lead.get_by_text("Money at risk:"),
        lead.get_by_text("The gate closes by itself, even if no worker runs."),
        lead.get_by_text("lapses if nobody decides by"),
        lead.get_by_role("button", name="Send your decision"),
    )
    expect(deciding[-1]).to_be_visible()
    boxes = {fact.inner_text()[:40]: fact.bounding_box() for fact in deciding}
    assert [words for words, box in boxes.items() if box is None or box["y"] + box["height"] > 1_000] == []
    lead.get_by_role("radio", name=re.compile("Approve")).click()
    lead.get_by_role("button", name=re.compile("^Approve until")).click()
    expect(lead.get_by_text(f"{waiver.key}: Approved.")).to_be_visible()
    waiver.refresh_from_db()
    assert (counted(lead, "pointerdown"), waiver.state) == (3, WaiverState.APPROVED)
