"""Acts on many in a browser: any number with two clicks, a job that is watched, left, stopped and taken back, with and without scripts."""

import pytest
from playwright.sync_api import expect

from audit import clock
from exceptions import services
from exceptions.models import ExceptionCase, Job
from exceptions.services.job_work import AT_ONCE
from exceptions.states import CaseState
from tests.browser.conftest import Visitor, flaws
from tests.cast import House
from tests.pages.test_many import broken

pytestmark = pytest.mark.browser
COUNT_CLICKS = """
    for (const kind of ["click", "keydown"])
        addEventListener(kind, () => localStorage.setItem("acts", 1 + Number(localStorage.getItem("acts") || 0)), true)
"""


@pytest.mark.parametrize("count", [5, 500])
def test_a_cause_of_any_size_is_fixed_with_two_clicks(visit: Visitor, house: House, count: int) -> None:
    broken(house, count)
    page = visit("lee", "about:blank")
    page.add_init_script(COUNT_CLICKS)
    page.goto("/queue/team/?group=cause")
    page.get_by_role("button", name="Resolve all…").click()
    page.get_by_role("button", name=f"Resolve {count}", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Resolve exceptions")
    assert page.evaluate("localStorage.getItem('acts')") == "2"
    while services.work_jobs(now=clock.now()):
        pass
    assert ExceptionCase.objects.filter(state=CaseState.RESOLVED).count() == count


def test_a_job_can_be_watched_and_its_page_says_when_it_has_ended(
    visit: Visitor, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions.services.job_work.BATCH", AT_ONCE)
    broken(house, AT_ONCE + 20)
    page = visit("lee", "/queue/causes/")
    page.get_by_role("button", name="Take all…").click()
    page.get_by_role("button", name=f"Take {AT_ONCE + 20}", exact=True).click()
    expect(page.locator("#progress")).to_contain_text("Begins within seconds.")
    services.work_jobs(now=clock.now())
    expect(page.locator("#progress .job-sum b")).to_have_text(str(AT_ONCE))
    expect(page.get_by_role("button", name="Cancel what is left")).to_be_visible()
    services.work_jobs(now=clock.now())
    expect(page.get_by_role("link", name="Back to the list")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{AT_ONCE + 20} done")


@pytest.mark.parametrize("javascript", [True, False])
def test_what_was_done_to_many_is_taken_back_where_its_result_is_shown(
    visit: Visitor, house: House, javascript: bool
) -> None:
    cases = broken(house, 3)
    page = visit("lee", "/queue/causes/", javascript=javascript)
    page.get_by_role("button", name="Reassign all…").click()
    page.get_by_label("To", exact=True).select_option("ops-team-review")
    page.get_by_label("Reason").fill("The carrier desk has it")
    page.get_by_role("button", name="Reassign 3", exact=True).click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Give exceptions back: 3 done")
    owners = dict(ExceptionCase.objects.values_list("pk", "owner__slug"))
    assert owners == {case.pk: case.owner.slug for case in cases}


def test_plan_and_job_are_accessible_and_fit(visit: Visitor, house: House) -> None:
    cases = broken(house, AT_ONCE + 5)
    page = visit("lee", "/queue/causes/")
    page.get_by_role("button", name="Resolve all…").click()
    problems = flaws(page)
    page.get_by_label("Outcome").select_option("resolved")
    page.get_by_role("button", name=f"Resolve {AT_ONCE + 5}", exact=True).click()
    problems += flaws(page)
    services.withdraw_case(case_id=cases[0].pk, reason="It is gone", by=house.actor("lee"), now=clock.now())
    services.work_jobs(now=clock.now())
    for path in (f"/jobs/{Job.objects.get().key}/", "/jobs/"):
        page.goto(path)
        problems += flaws(page)
    assert problems == []
