"""The pages of plans and jobs: what they show, what they cost, and whom they are for."""

from typing import Any

import pytest
from django.test import Client as Browser

from audit import clock
from exceptions import services
from exceptions.models import Job
from exceptions.services.job_work import AT_ONCE
from exceptions.states import JobState
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases
from tests.pages.test_many import REJECTED, broken, confirmed


def plan(browser: Browser, **which: Any) -> Any:
    return browser.post("/queue/bulk/", {"do": "note", **REJECTED, **which})


def noted(browser: Browser) -> Job:
    confirmed(browser, plan(browser), text="Called the carrier")
    return Job.objects.latest("number")


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_jobs_asks_the_same_of_the_database_however_many_there_are(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries: Any
) -> None:
    broken(house, 2)
    amal = signed_in("amal")
    jobs = [noted(amal) for _ in range(count)]
    with django_assert_num_queries(6):
        page = amal.get("/jobs/")
    assert [row.job for row in page.context["page"].rows] == jobs[::-1]


@pytest.mark.parametrize("count", [1, 3])
def test_a_plan_and_its_job_ask_the_same_of_the_database_however_many_they_are_for(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries: Any
) -> None:
    cases = broken(house, count)
    amal = signed_in("amal")
    amal.get("/queue/")
    with django_assert_num_queries(11):
        planned = plan(amal)
    assert {row.key for row, _to in planned.context["shown"].lines} == {case.key for case in cases}
    confirmed(amal, planned, text="Called the carrier")
    with django_assert_num_queries(10):
        page = amal.get(f"/jobs/{Job.objects.get().key}/")
    assert [row.key for row in page.context["page"].rows] == [item["key"] for item in planned.context["plan"].items]
    assert [line.text for line in page.context["page"].log] == [
        f"Asked for by Amal Okafor: {count} in all.",
        "Begun.",
        f"{count} done, 0 skipped, 0 refused.",
        "Finished.",
    ]


def test_a_job_is_its_makers_alone_to_follow_to_stop_and_to_take_back(signed_in: SignedIn, house: House) -> None:
    broken(house, AT_ONCE + 1)
    job = noted(signed_in("amal"))
    assert job.state == JobState.QUEUED
    for name in ("noor", "bo"):
        other = signed_in(name)
        assert other.get(f"/jobs/{job.key}/").status_code == 404
        assert [other.post(f"/jobs/{job.key}/{act}/").status_code for act in ("cancel", "undo")] == [404, 404]
        assert other.get("/jobs/").context["page"].rows == []
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_job_is_stopped_with_a_click_and_never_with_a_link(signed_in: SignedIn, house: House) -> None:
    broken(house, AT_ONCE + 1)
    amal = signed_in("amal")
    job = noted(amal)
    assert amal.get(f"/jobs/{job.key}/cancel/").status_code == 405
    page = amal.post(f"/jobs/{job.key}/cancel/", follow=True).content.decode()
    assert "is cancelled. What is done stays done." in page
    again = amal.post(f"/jobs/{job.key}/cancel/", follow=True).content.decode()
    assert f"{job.key} is “cancelled” already." in again
    assert services.work_jobs(now=clock.now()) == 0


def test_progress_is_asked_for_until_the_job_has_ended(signed_in: SignedIn, house: House) -> None:
    broken(house, AT_ONCE + 1)
    amal = signed_in("amal")
    job = noted(amal)
    asked = amal.get(f"/jobs/{job.key}/", headers={"HX-Request": "true"})
    assert ("every 2s" in asked.content.decode(), "<html" in asked.content.decode()) == (True, False)
    assert "HX-Request" in asked["Vary"]
    services.work_jobs(now=clock.now())
    assert amal.get(f"/jobs/{job.key}/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"


@pytest.mark.parametrize("address", ["/jobs/JOB-999999/", "/jobs/x/", "/jobs/JOB-%D9%A1/"])
def test_there_is_no_such_job(signed_in: SignedIn, house: House, address: str) -> None:
    assert signed_in("amal").get(address).status_code == 404


def test_a_page_mark_that_is_none_is_refused(signed_in: SignedIn, house: House) -> None:
    assert signed_in("amal").get("/jobs/?after=x").status_code in {400, 422}


def test_a_job_says_what_was_asked_and_gives_what_was_not_done_as_a_file(signed_in: SignedIn, house: House) -> None:
    """The list as it was filtered when it was planned, though nobody looked at the plan again."""
    cases, lee = open_cases(house, 3), signed_in("lee")
    asked = {"do": "note", "all": "1", "scope": "team", "query": "client=northwind&type!=late-parcel&due=..2099-01-01"}
    planned = lee.post("/queue/bulk/", asked)
    services.acknowledge_case(case_id=cases[0].pk, by=house.actor("amal"), now=clock.now())
    done = lee.post("/queue/bulk/", {"plan": planned.context["plan"].pk, "text": "Looked at."}, follow=True)
    job, told = done.context["job"], done.context["asked"]
    assert told["url"] == f"/queue/team/?{asked['query']}"
    assert [(str(label), value, is_left_out) for label, value, is_left_out in told["words"]] == [
        ("Client", "northwind", False),
        ("Type", "late-parcel", True),
        ("Due", "up to 1 Jan 2099", False),
    ]
    job.items.filter(position=1).update(state="skipped", why="Somebody changed it meanwhile.")
    lines = b"".join(lee.get(f"/jobs/{job.key}/results.csv")).decode().splitlines()
    assert (lines[0], len(lines), "skipped,Somebody changed it meanwhile." in lines[1]) == ("key,state,why,at", 2, True)
    assert len(b"".join(lee.get(f"/jobs/{job.key}/results.csv?show=done")).decode().splitlines()) == 3
    assert signed_in("amal").get(f"/jobs/{job.key}/results.csv").status_code == 404
    chosen = lee.post("/queue/bulk/", {"do": "note", "id": [case.key for case in cases]})
    again = lee.post("/queue/bulk/", {"plan": chosen.context["plan"].pk, "text": "Again."}, follow=True)
    assert "Chosen one by one" in again.content.decode()
