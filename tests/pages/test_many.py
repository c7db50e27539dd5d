"""Many exceptions at once: what they share, one act for all of them, and a queue as a file."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser

from audit import clock
from audit.access import system_actor
from audit.models import Event
from audit.spreadsheets import harmless
from audit.subject_refs import SubjectRef
from exceptions import services
from exceptions.models import CaseNote, CaseStep, ExceptionCase
from exceptions.states import CaseState
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

REJECTED = {"all": "1", "scope": "team", "query": "type=carrier-rejection&cause=carrier/rejected"}


def broken(
    house: House, count: int, *, cause: str = "carrier/rejected", client: str = "northwind", title: str = "Rejected"
) -> list[ExceptionCase]:
    openings = [
        services.CaseOpening(
            "carrier-rejection",
            SubjectRef("test.parcel", f"{cause}-{n}", house.clients[client].pk),
            f"{house.clients[client].key_prefix}-{n}",
            house.clients[client].pk,
            title,
            cause=cause,
        )
        for n in range(count)
    ]
    return services.open_cases(openings=openings, by=system_actor("test"), now=clock.now() - timedelta(minutes=5))


def confirmed(browser: Browser, plan: Any, **given: str) -> Any:
    """The job's page after saying yes to the plan."""
    return browser.post("/queue/bulk/", {"plan": plan.context["plan"].pk, **given}, follow=True)


def test_a_whole_cause_is_taken_in_two_clicks(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 3)
    broken(house, 1, cause="alone")
    open_cases(house, 2)
    amal = signed_in("amal")
    page = amal.get("/queue/causes/", follow=True).context["page"]
    assert [(group.cause, group.count) for group in page.groups if group.cause] == [
        ("carrier/rejected", 3),
        ("alone", 1),
    ]
    members = amal.get("/queue/team/?type=carrier-rejection&cause=carrier/rejected").context["page"]
    assert {row.key for row in members.rows} == {case.key for case in cases}
    plan = amal.post("/queue/bulk/", {"do": "acknowledge", **REJECTED})
    work = confirmed(amal, plan).context["work"]
    assert (work.done, work.skipped, work.refused) == (3, 0, 0)
    assert ExceptionCase.objects.filter(state=CaseState.ACKNOWLEDGED).count() == 3


def test_noor_sees_no_cause_of_northwind_and_acts_on_none(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 2)
    noor = signed_in("noor")
    assert noor.get("/queue/causes/", follow=True).context["page"].groups == []
    for chosen in (REJECTED, {"id": [case.key for case in cases]}):
        answer = noor.post("/queue/bulk/", {"do": "acknowledge", "return": "/queue/", **chosen})
        assert (answer.status_code, answer["Location"]) == (302, "/queue/")
    assert not ExceptionCase.objects.exclude(state=CaseState.OPEN).exists()


def test_what_joined_after_the_plan_is_left_alone(signed_in: SignedIn, house: House) -> None:
    first = broken(house, 1)
    amal = signed_in("amal")
    plan = amal.post("/queue/bulk/", {"do": "note", **REJECTED})
    broken(house, 3)
    confirmed(amal, plan, text="Called the carrier")
    assert [note.case_id for note in CaseNote.objects.all()] == [first[0].pk]


def test_partial_failures_are_named_one_by_one(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 3)
    amal = signed_in("amal")
    plan = amal.post("/queue/bulk/", {"do": "reassign", "id": [case.key for case in cases]})
    services.withdraw_case(case_id=cases[1].pk, reason="solved itself", by=system_actor("test"), now=clock.now())
    page = confirmed(amal, plan, to="ops-team-review", reason="carrier desk")
    assert (page.context["work"].done, page.context["work"].skipped) == (2, 1)
    assert [row.key for row in page.context["page"].rows] == [cases[1].key]
    assert "Handrail was faster" in page.content.decode()
    assert set(ExceptionCase.objects.live().values_list("owner__slug", flat=True)) == {"ops-team-review"}


def test_many_wait_for_one_carrier_and_what_nobody_took_is_named(signed_in: SignedIn, house: House) -> None:
    cases, amal = broken(house, 3), signed_in("amal")
    for case in cases[:2]:
        services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=clock.now())
    plan = amal.post("/queue/bulk/", {"do": "wait", "id": [case.key for case in cases]})
    assert f"{cases[2].key} is" in str(plan.context["plan"].barred[0])
    wrong = confirmed(amal, plan, on="carrier", reason="asked for new labels", hours="4")
    assert (wrong.status_code, wrong.context["problem"].errors[0].pointer) == (422, "/party")
    assert 'value="asked for new labels"' in wrong.content.decode()
    given = {"on": "carrier", "party": "UPS", "reason": "asked for new labels", "hours": "4"}
    assert confirmed(amal, plan, **given).status_code == 200
    waiting = ExceptionCase.objects.filter(state=CaseState.WAITING)
    assert {case.pauses[0]["why"] for case in waiting} == {"waiting for carrier UPS"}
    assert {case.pk for case in waiting} == {case.pk for case in cases[:2]}


def test_many_are_resolved_with_an_outcome_all_of_them_allow(signed_in: SignedIn, house: House) -> None:
    cases = open_cases(house, 3)
    amal = signed_in("amal")
    plan = amal.post("/queue/bulk/", {"do": "resolve", "id": [case.key for case in cases]})
    assert "resolved" in dict(plan.context["shown"].outcomes)
    confirmed(amal, plan, outcome="resolved", text="Corrected together")
    assert ExceptionCase.objects.filter(state=CaseState.RESOLVED, outcome="resolved").count() == 3
    assert CaseNote.objects.count() == 3


def test_a_step_is_done_on_a_whole_cause_and_what_stands_in_its_way_is_named(signed_in: SignedIn, house: House) -> None:
    cases, now = broken(house, 3), clock.now()
    services.complete_step(case_id=cases[1].pk, index=0, outcome="Too heavy", by=house.actor("lee"), now=now)
    amal = signed_in("amal")
    plan = amal.post("/queue/bulk/", {"do": "step", **REJECTED})
    assert [(step.label, step.is_runnable) for step in plan.context["shown"].steps] == [
        ("Read the carrier's reason", False),
        ("Give it to the warehouse again", True),
        ("Repack, relabel or choose another carrier", False),
    ]
    assert confirmed(amal, plan).status_code == 422
    page = confirmed(amal, plan, step="Read the carrier's reason", outcome="Label torn", text="One pallet")
    assert (page.context["work"].done, page.context["work"].refused) == (2, 1)
    assert [(row.key, row.why) for row in page.context["page"].rows] == [
        (cases[1].key, f"Step 1 of {cases[1].key} was already done.")
    ]
    written = CaseStep.objects.filter(by_name="Amal Okafor").values_list("case", "outcome", "note")
    assert set(written) == {(case.pk, "Label torn", "One pallet") for case in (cases[0], cases[2])}


def test_support_may_look_at_causes_and_not_act(signed_in: SignedIn, house: House) -> None:
    cases = broken(house, 2)
    sam = signed_in("sam")
    assert "Take all" not in sam.get("/queue/causes/", follow=True).content.decode()
    answer = sam.post("/queue/bulk/", {"do": "acknowledge", "id": [case.key for case in cases]})
    assert answer.status_code == 403


def test_a_queue_downloads_as_it_is_filtered_and_the_trail_knows(signed_in: SignedIn, house: House) -> None:
    broken(house, 2, title="=HYPERLINK(1)")
    open_cases(house, 2)
    broken(house, 1, client="fable")
    answer = signed_in("amal").get("/queue/team.csv?type=carrier-rejection")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert [row["client"] for row in rows] == ["northwind", "northwind"]
    assert {row["title"] for row in rows} == {"'=HYPERLINK(1)"}
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    event = Event.objects.get(type="queue.exported")
    assert (event.actor, "type=carrier-rejection" in event.body) == (f"user:{house.users['amal'].pk}", True)


def test_an_unknown_filter_downloads_nothing(signed_in: SignedIn, house: House) -> None:
    amal = signed_in("amal")
    assert [amal.get(path).status_code for path in ("/queue/team.csv?type=x", "/queue/all.csv")] == [422, 422]
    assert not Event.objects.filter(type="queue.exported").exists()


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_calculated(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"
