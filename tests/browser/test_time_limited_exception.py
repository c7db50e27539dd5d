"""A time-limited exception from asking to its end, with the keyboard alone."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from audit import clock
from exceptions import selectors, services
from exceptions.models import ExceptionCase, Waiver
from exceptions.states import WaiverState
from orders.fulfilment.models import Order
from tests.browser.conftest import WALKS, Visitor, press, write
from tests.cast import House

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "javascript"), WALKS)
def test_asked_for_approved_for_less_used_and_over(
    visit: Visitor, house: House, stopped: Order, monkeypatch: pytest.MonkeyPatch, width: int, javascript: bool
) -> None:
    case = ExceptionCase.objects.live().get()
    page = visit("amal", f"/time-limited/new/?for={case.key}", width=width, javascript=javascript)
    expect(page.get_by_text("1 of 2").first).to_be_visible()
    press(page, page.locator("input[name=gate][value=ship-despite-open-case]"), "Space")
    press(page, page.get_by_role("radio", name="4 h", exact=True), "ArrowDown")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="So many hours:")).to_be_checked()
    write(page, page.get_by_label("For how many hours"), "8")
    page.get_by_label("Kind of reason").select_option("customer")
    write(page, page.get_by_label("Why", exact=True), "Confirmed by phone today.")
    write(page, page.get_by_label("What will be done until then"), "Correct it in the store.")
    press(page, page.get_by_role("button", name="Ask for it"), "Enter")
    expect(page.get_by_text("You asked for this, so somebody else has to decide.")).to_be_visible()
    waiver = Waiver.objects.get()

    lead = visit("lee", f"/approvals/{waiver.key}/", width=width, javascript=javascript)
    expect(lead.get_by_text("only with this")).to_be_visible()
    press(lead, lead.get_by_role("radio", name=re.compile("Approve")), "Space")
    write(lead, lead.get_by_label("For how many hours"), "1")
    press(lead, lead.get_by_role("button", name=re.compile("^Approve until")), "Enter")
    expect(lead.get_by_text(f"{waiver.key}: Approved.")).to_be_visible()
    waiver.refresh_from_db()
    stopped.refresh_from_db()
    assert lead.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert waiver.starts_at is not None
    assert waiver.expires_at == waiver.starts_at + timedelta(hours=1)
    assert stopped.state == "in_fulfilment"

    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    lead = visit("lee", f"/time-limited/{waiver.key}/")
    expect(lead.get_by_role("link", name="Revoke…")).to_have_count(0)
    assert not selectors.visible_waivers(house.actor("lee")).in_force(later).exists()
    services.sweep_timers(now=later)
    lead.reload()
    expect(lead.get_by_text("Its time was over.")).to_be_visible()
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.EXPIRED
