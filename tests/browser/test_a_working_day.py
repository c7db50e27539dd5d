"""From signing in to the proof: one person works, another approves; with a script and without one."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from audit import clock
from exceptions.models import ExceptionCase, Waiver
from exceptions.states import CaseState, WaiverReason, WaiverState
from tests.browser.conftest import WALKS, Visitor, press, violations
from tests.cast import House
from tests.pages.conftest import open_cases
from tests.pages.test_many import broken

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "javascript"), WALKS)
def test_somebody_signs_in_takes_a_case_and_resolves_it_with_the_keyboard_alone(
    visit: Visitor, house: House, width: int, javascript: bool
) -> None:
    (case,) = open_cases(house, 1)
    page = visit("amal", width=width, javascript=javascript, with_password=True)
    expect(page).to_have_url(re.compile("/queue/$"))
    if javascript:
        page.keyboard.press("j")
        page.keyboard.press("Enter")
    else:
        press(page, page.get_by_role("link", name=case.title), "Enter")
    expect(page).to_have_url(re.compile(rf"/exceptions/{case.key}/\?v=mine$"))
    if javascript:
        page.keyboard.press("a")
    else:
        press(page, page.get_by_role("button", name="Take it"), "Enter")
    expect(page.get_by_text("You have it now.")).to_be_visible()
    if javascript:
        page.keyboard.press("r")
    else:
        press(page, page.get_by_role("link", name="Resolve…"), "Enter")
    expect(page.get_by_role("heading", name="Resolve")).to_be_visible()
    expect(page.get_by_role("button", name="Resolve")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{case.key}: Resolved.")).to_be_visible()
    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert (case.acknowledged_by, case.acknowledged_at is not None) == (house.actor("amal").id, True)


@pytest.mark.parametrize("javascript", [True, False])
def test_one_asks_another_approves(visit: Visitor, house: House, javascript: bool) -> None:
    (case,) = open_cases(house, 1)
    page = visit("amal", f"/exceptions/{case.key}/", javascript=javascript)
    page.get_by_role("link", name="Ask for a time-limited exception").click()
    page.get_by_label("Ship despite").or_(page.locator("input[name=gate]").first).first.check()
    page.get_by_label("Why").fill("The customer confirmed the address by phone.")
    page.get_by_label("What will be done until then").fill("Correct it in the store today.")
    page.get_by_label("Kind of reason").select_option(WaiverReason.CUSTOMER)
    page.get_by_role("button", name="Ask for it").click()
    expect(page.get_by_text("You asked for this, so somebody else has to decide.")).to_be_visible()
    waiver = Waiver.objects.get()

    lead = visit("lee", javascript=javascript)
    expect(lead).to_have_url(re.compile("/approvals/$"))
    lead.get_by_role("row", name=re.compile(waiver.key)).get_by_role("link").click()
    lead.get_by_label("Deny").check()
    lead.get_by_role("button", name="Deny", exact=True).click()
    expect(lead.get_by_text("Say why; the people concerned read it.").first).to_be_visible()
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.REQUESTED
    lead.get_by_label("Approve").check()
    lead.get_by_role("button", name=re.compile("^Approve until")).click()
    expect(lead.get_by_text(f"{waiver.key}: Approved.")).to_be_visible()
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.APPROVED


def test_two_browsers_one_has_it_the_other_sees_theirs_and_mine(visit: Visitor, house: House) -> None:
    (case,) = open_cases(house, 1)
    first = visit("amal", f"/exceptions/{case.key}/")
    second = visit("bo", f"/exceptions/{case.key}/reassign/")
    first.get_by_role("button", name="Take it").click()
    expect(first.get_by_text("You have it now.")).to_be_visible()
    second.get_by_label("To", exact=True).select_option("ops-team-review")
    second.get_by_label("Reason").fill("They know the carrier")
    second.get_by_role("button", name="Reassign").click()
    expect(second.get_by_role("alert").filter(has_text="Amal Okafor was faster")).to_be_focused()
    expect(second.get_by_role("table").first).to_contain_text("They know the carrier")
    for width in (1440, 390):
        second.set_viewport_size({"width": width, "height": 900})
        assert second.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert violations(second) == []
    second.get_by_role("button", name="Apply mine on top").click()
    expect(second.get_by_text("Reassigned. The clock keeps running.")).to_be_visible()
    case = ExceptionCase.objects.get()
    assert (case.acknowledged_by, case.owner.slug) == (house.actor("amal").id, "ops-team-review")


def test_the_core_acts_work_without_a_script(visit: Visitor, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    last_week = clock.now() - timedelta(days=7)
    with monkeypatch.context() as then:
        then.setattr(clock, "now", lambda: last_week)
        cases = open_cases(house, 2)
        broken(house, 1)
    open_cases(house, 3)
    page = visit("amal", "/queue/", javascript=False, width=390)
    page.locator(".filter-box > summary").click()
    for menu, value in (("Due", "overdue"), ("Client", "northwind")):
        page.locator("summary", has_text=menu).click()
        page.get_by_label(menu, exact=True).select_option(value)
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page).to_have_url(re.compile("client=northwind.*due=overdue"))
    rows = page.locator("tr[id^=row-]")
    expect(rows).to_have_count(len(cases))
    for case in cases:
        row = page.locator(f"#row-{case.key}")
        expect(row).to_contain_text(case.owner.name)
        expect(row).to_contain_text(re.compile(r"\d+ (d|h|min).* late"))
    page.goto(f"/exceptions/{cases[0].key}/")
    page.get_by_role("button", name="Take it").click()
    page.get_by_label("Add a note").fill("Called the customer.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Called the customer.")).to_be_visible()
    page.locator("summary", has_text="More").click()
    page.get_by_role("link", name="Wait…").click()
    page.get_by_label("Reason").fill("the customer looks it up")
    page.get_by_role("button", name="Wait").click()
    cases[0].refresh_from_db()
    assert cases[0].state == CaseState.WAITING
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("link", name="Resolve…").click()
    page.get_by_label("Note").fill("Corrected after the call.")
    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_text(f"{cases[0].key}: Resolved.")).to_be_visible()
    cases[0].refresh_from_db()
    assert cases[0].state == CaseState.RESOLVED
    page.goto("/queue/")
    page.get_by_label(f"Select {cases[1].key}").check()
    page.get_by_role("button", name="Reassign…").click()
    page.get_by_label("To", exact=True).select_option("bo")
    page.get_by_label("Reason").fill("knows this customer")
    page.get_by_role("button", name="Reassign 1").click()
    cases[1].refresh_from_db()
    assert cases[1].owner.slug == "bo"
