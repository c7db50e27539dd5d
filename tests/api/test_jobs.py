"""Acts on many through the API: planned, run exactly as planned, asked after, stopped and taken back; by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from audit import clock
from audit.access import system_actor
from exceptions.models import CaseNote, CaseStep, ExceptionCase, Job
from exceptions.services import withdraw_case
from exceptions.services.job_work import work_jobs
from exceptions.states import CaseState
from tests.api.conftest import Api
from tests.cast import House
from tests.pages.conftest import open_cases


@pytest.fixture
def cases(house: House) -> list[ExceptionCase]:
    return open_cases(house, 3)


def plan(api: Api, action: str, **which: Any) -> Any:
    return api.post("plans", {"action": action, **which}, match=None)


def run(api: Api, planned: Any, **given: Any) -> Any:
    return api.post(f"plans/{planned.json()['id']}/run", given, match=None)


def keys_of(cases: list[ExceptionCase]) -> list[str]:
    return [case.key for case in cases]


def test_a_plan_says_which_and_why_not_and_does_nothing(amal: Api, cases: list[ExceptionCase]) -> None:
    withdraw_case(case_id=cases[2].pk, reason="Gone", by=system_actor("test"), now=clock.now())
    planned = plan(amal, "acknowledge", keys=keys_of(cases))
    assert planned.status_code == 201
    told = planned.json()
    assert (set(told["keys"]), told["total"], told["barred_total"]) == (set(keys_of(cases[:2])), 2, 1)
    assert [one["key"] for one in told["barred"]] == [cases[2].key]
    assert told["job"] is None
    assert amal.get(planned["Location"]).json() == told
    assert [one["id"] for one in amal.get("plans").json()["results"]] == [told["id"]]
    assert ExceptionCase.objects.filter(state=CaseState.OPEN).count() == 2


def test_a_filter_plans_all_that_match_and_what_is_run_is_what_was_planned(
    amal: Api, house: House, cases: list[ExceptionCase]
) -> None:
    planned = plan(amal, "note", filter="state=open&type=address")
    open_cases(house, 4)
    begun = run(amal, planned, text="Seen by the program.")
    assert begun.status_code == 202
    assert (begun.json()["state"], begun.json()["done"], begun.json()["left"]) == ("done", 3, 0)
    assert {note.case_id for note in CaseNote.objects.all()} == {case.pk for case in cases}
    items = amal.get(f"{begun['Location']}/items?state=done").json()["results"]
    assert {(one["key"], one["state"]) for one in items} == {(case.key, "done") for case in cases}
    assert amal.get(f"plans/{planned.json()['id']}").json()["job"] == begun["Location"]


def test_a_plan_that_was_run_answers_with_the_same_job(amal: Api, cases: list[ExceptionCase]) -> None:
    planned = plan(amal, "acknowledge", keys=keys_of(cases))
    assert run(amal, planned).json()["key"] == run(amal, planned).json()["key"]
    assert Job.objects.count() == 1


def test_what_was_done_is_taken_back_once(amal: Api, cases: list[ExceptionCase]) -> None:
    done = run(amal, plan(amal, "resolve", keys=keys_of(cases)), outcome="resolved").json()
    back = amal.post(f"jobs/{done['key']}/undo", match=None)
    assert (back.status_code, back.json()["undoes"], back.json()["done"]) == (202, done["key"], 3)
    assert ExceptionCase.objects.live().count() == 3
    again = amal.post(f"jobs/{done['key']}/undo", match=None)
    assert (again.status_code, again.json()["code"]) == (409, "cannot-undo")


def test_a_step_of_the_playbook_is_done_on_many_but_not_what_each_has_to_answer_alone(
    amal: Api, cases: list[ExceptionCase]
) -> None:
    asked, keys = "Ask the customer and note the answer", keys_of(cases)
    done = run(amal, plan(amal, "step", keys=keys), step=asked, data={"answer": "1017 CT"}).json()
    assert (done["action"], done["done"]) == ("step", 3)
    assert set(CaseStep.objects.values_list("index", "outcome", "note")) == {(1, "Written down", "Answer: 1017 CT")}
    for step, why in (("Correct the address", "needs answers of its own"), ("Fly", "has no step “Fly”")):
        refused = run(amal, plan(amal, "step", keys=keys), step=step, data={"city": "Berlin"}).json()
        items = amal.get(f"jobs/{refused['key']}/items").json()["results"]
        assert [(one["state"], why in one["why"]) for one in items] == [("refused", True)] * 3
    assert run(amal, plan(amal, "step", keys=keys)).status_code == 422


def test_more_than_a_few_wait_for_a_worker_and_can_be_cancelled(amal: Api, house: House) -> None:
    open_cases(house, 26)
    queued = run(amal, plan(amal, "acknowledge", filter="type=address")).json()
    assert (queued["state"], queued["left"]) == ("queued", 26)
    cancelled = amal.post(f"jobs/{queued['key']}/cancel", match=None)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    work_jobs(now=clock.now())
    assert not ExceptionCase.objects.exclude(state=CaseState.OPEN).exists()
    over = amal.post(f"jobs/{queued['key']}/cancel", match=None)
    assert (over.status_code, over.json()["type"]) == (409, "/problems/illegal-transition/")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"action": "acknowledge"}, 422, "/keys"),
        ({"action": "acknowledge", "keys": ["EX-999999"]}, 422, "/keys"),
        ({"action": "acknowledge", "keys": ["EX-1"], "filter": ""}, 422, "/keys"),
        ({"action": "withdraw", "filter": ""}, 422, "/action"),
        ({"action": "acknowledge", "filter": "adress=1"}, 400, "adress"),
        ({"action": "acknowledge", "filter": "", "state": "done"}, 422, "/state"),
    ],
)
def test_a_plan_that_is_not_clear_is_refused(amal: Api, body: dict[str, Any], status: int, pointer: str) -> None:
    answer = amal.post("plans", body, match=None)
    assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]][:1]) == (status, [pointer])


def test_what_the_act_needs_is_asked_for_before_anything_is_done(amal: Api, cases: list[ExceptionCase]) -> None:
    planned = plan(amal, "reassign", keys=keys_of(cases))
    for given, pointer in (({"reason": "Their desk"}, "/to"), ({"to": "logistics"}, "/reason"), ({"id": "1"}, "/id")):
        answer = run(amal, planned, **given)
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])
    assert Job.objects.count() == 0


def test_plans_and_jobs_of_others_do_not_exist(amal: Api, noor: Api, house: House, cases: list[ExceptionCase]) -> None:
    planned = plan(amal, "note", keys=keys_of(cases))
    job = run(amal, planned, text="Mine").json()["key"]
    for other in (noor, Api(house.users["bo"])):
        for path, nobodys in (
            (f"plans/{planned.json()['id']}", f"plans/{uuid4()}"),
            (f"jobs/{job}", "jobs/JOB-999999"),
            (f"jobs/{job}/items", "jobs/JOB-999999/items"),
        ):
            assert [other.get(one).status_code for one in (path, nobodys)] == [404, 404]
        assert run(other, planned, text="Theirs").status_code == 404
        for act in ("cancel", "undo"):
            assert other.post(f"jobs/{job}/{act}", match=None).status_code == 404
        assert (other.get("plans").json()["results"], other.get("jobs").json()["results"]) == ([], [])
    assert plan(noor, "note", keys=keys_of(cases)).status_code == 422
    assert plan(noor, "note", filter="").json()["total"] == 0


def test_leads_and_auditors_of_all_clients_follow_every_job(
    amal: Api, lee: Api, house: House, cases: list[ExceptionCase]
) -> None:
    job = run(amal, plan(amal, "note", keys=keys_of(cases)), text="Seen").json()["key"]
    for one in (lee, Api(house.users["ada"])):
        assert [row["key"] for row in one.get("jobs").json()["results"]] == [job]
        assert len(one.get(f"jobs/{job}/items").json()["results"]) == 3
    assert Api(house.users["sam"]).post("plans", {"action": "note", "filter": ""}, match=None).status_code == 403


def test_work_is_shared_out_among_people_of_ones_teams(amal: Api, noor: Api, cases: list[ExceptionCase]) -> None:
    planned = plan(amal, "spread", keys=keys_of(cases), people=["amal", "bo"])
    assert sorted(one["to"] for one in planned.json()["moves"]) in (["amal", "amal", "bo"], ["amal", "bo", "bo"])
    assert run(amal, planned, reason="Monday is heavy").json()["done"] == 3
    balanced = plan(amal, "balance", team="ops-team")
    assert (balanced.status_code, len(balanced.json()["moves"])) == (201, balanced.json()["total"])
    people = {one["key"]: one["open"] for one in amal.get("teams/ops-team/people").json()["people"]}
    assert (people["amal"] + people["bo"], set(people)) == (3, {"amal", "bo", "lee"})
    assert (noor.get("teams/ops-team/people").status_code, plan(noor, "balance", team="ops-team").status_code) == (
        404,
        404,
    )
    for wrong in (
        {"action": "spread", "keys": keys_of(cases)},
        {"action": "spread", "keys": keys_of(cases), "people": ["mara"]},
        {"action": "balance", "keys": keys_of(cases)},
        {"action": "note", "team": "ops-team"},
        {"action": "note", "keys": keys_of(cases), "people": ["amal"]},
    ):
        assert amal.post("plans", wrong, match=None).status_code == 422, wrong
