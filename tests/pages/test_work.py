"""Working exceptions in the browser, without a script."""

from datetime import timedelta

import pytest
from django.urls import reverse

from audit import clock
from exceptions import services
from exceptions.models import CaseNote, ExceptionCase, Waiver
from exceptions.states import CaseState, WaiverState
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases


def test_nobody_gets_in_without_signing_in(client, house: House) -> None:
    for path in ("/", "/queue/", "/orders/", "/approvals/", "/audit/", "/dead-letters/", "/status/", "/search/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/signin/?next={path}"), path


def test_a_wrong_password_says_the_same_as_a_wrong_name(client, house: House) -> None:
    for name in ("amal", "nobody"):
        answer = client.post("/signin/", {"login": name, "password": "wrong"})
        assert answer.status_code == 422
        assert "That username and password do not match." in answer.content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_queue_costs_the_same_for_one_and_for_three(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries
) -> None:
    open_cases(house, count)
    browser = signed_in("amal")
    with django_assert_num_queries(9):
        answer = browser.get("/queue/")
    assert [row.subject_key for row in answer.context["page"].rows] == [f"NW-{n}" for n in range(count)]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lee", "/queue/team/"),
        ("lee", "/queue/team/?client=northwind&type=address&owner=client-success&due=today&q=parcel"),
        ("lee", "/queue/unowned/?client=northwind&type=address"),
        ("amal", "/orders/"),
    ],
)
def test_no_list_asks_more_than_twelve_questions(
    signed_in: SignedIn, house: House, name: str, path: str, django_assert_max_num_queries
) -> None:
    open_cases(house, 3)
    browser = signed_in(name)
    with django_assert_max_num_queries(12):
        assert browser.get(path).status_code == 200


def test_noor_sees_nothing_of_northwind(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    noor = signed_in("noor")
    assert noor.get("/queue/team/").context["page"].count == 0
    for path in (
        f"/exceptions/{case.key}/",
        f"/exceptions/{case.key}/payload.json",
        f"/exceptions/{case.key}/resolve/",
        "/exceptions/EX-1/",
    ):
        assert noor.get(path).status_code == 404, path
    assert noor.get(f"/search/?q={case.key}").context["cases"] == []
    assert noor.get(reverse("audit:history", args=["exceptions.exceptioncase", str(case.pk)])).status_code == 404


def test_a_bad_filter_shows_nothing_and_says_so(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 2)
    answer = signed_in("amal").get("/queue/?type=adress&due=whenever")
    assert (answer.status_code, answer.context["page"].rows) == (400, [])
    assert "type cannot be “adress”" in answer.content.decode()


@pytest.mark.parametrize("odd", ["²", "-1", "9" * 5_000])
def test_an_odd_number_of_rows_or_page_mark_is_refused_in_words(signed_in: SignedIn, house: House, odd: str) -> None:
    open_cases(house, 1)
    queue = signed_in("amal").get(f"/queue/?per={odd}")
    assert (queue.status_code, queue.context["page"].rows) == (400, [])
    seals = signed_in("ada").get(f"/audit/verify/?after={odd}")
    assert (seals.status_code, "start at the first page" in seals.content.decode()) == (422, True)


def test_a_client_of_others_is_as_unknown_as_none(signed_in: SignedIn, house: House) -> None:
    noor = signed_in("noor")
    foreign, none = noor.get("/queue/?client=northwind"), noor.get("/queue/?client=nobody")
    assert (foreign.status_code, none.status_code) == (400, 400)


def test_take_note_and_resolve(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    page = amal.get(f"/exceptions/{case.key}/")
    assert page.status_code == 200
    amal.post(f"/exceptions/{case.key}/acknowledge/", {"seen": case.version})
    amal.post(f"/exceptions/{case.key}/note/", {"text": "Customer says 1017 CT"})
    amal.post(f"/exceptions/{case.key}/step/2/", {"outcome": "customer confirmed"})
    case.refresh_from_db()
    answer = amal.post(f"/exceptions/{case.key}/resolve/", {"seen": case.version, "outcome": "resolved", "note": ""})
    case.refresh_from_db()
    assert (answer.status_code, case.state, case.outcome) == (302, CaseState.RESOLVED, "resolved")
    assert CaseNote.objects.get().text == "Customer says 1017 CT"
    assert "Customer says 1017 CT" in amal.get(f"/exceptions/{case.key}/").content.decode()


def test_the_second_of_two_is_told_who_was_first_and_keeps_what_was_typed(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    signed_in("amal").post(f"/exceptions/{case.key}/acknowledge/", {"seen": case.version})
    answer = signed_in("bo").post(
        f"/exceptions/{case.key}/resolve/", {"seen": case.version, "outcome": "resolved", "note": "my long note"}
    )
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Amal Okafor was faster" in text
    assert "my long note" in text


def test_missing_input_is_named_and_nothing_is_lost(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    answer = signed_in("amal").post(
        f"/exceptions/{case.key}/reassign/", {"seen": case.version, "to": "", "reason": "knows the customer"}
    )
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    assert "knows the customer" in answer.content.decode()


def test_somebody_who_may_only_read_is_refused_and_it_is_kept(signed_in: SignedIn, house: House) -> None:
    from audit.models import Event  # noqa: PLC0415 -- only here

    (case,) = open_cases(house, 1)
    answer = signed_in("sam").post(f"/exceptions/{case.key}/acknowledge/", {"seen": case.version})
    assert answer.status_code == 403
    assert Event.objects.filter(type="access.refused").count() == 1
    assert ExceptionCase.objects.get().state == CaseState.OPEN


def test_many_at_once_are_planned_then_done(signed_in: SignedIn, house: House) -> None:
    cases = open_cases(house, 3)
    amal = signed_in("amal")
    plan = amal.post("/queue/bulk/", {"do": "acknowledge", "id": [case.key for case in cases], "return": "/queue/"})
    signed_in("bo").post(f"/exceptions/{cases[1].key}/acknowledge/", {"seen": cases[1].version})
    done = amal.post("/queue/bulk/", {"plan": plan.context["plan"].pk}, follow=True)
    assert (done.context["work"].done, done.context["work"].skipped) == (2, 1)
    assert [row.key for row in done.context["page"].rows] == [cases[1].key]
    assert "Bo Lindqvist was faster" in done.content.decode()


def test_start_next_takes_the_most_urgent(signed_in: SignedIn, house: House) -> None:
    open_cases(house, 2)
    answer = signed_in("amal").post("/queue/next/")
    taken = ExceptionCase.objects.get(state=CaseState.ACKNOWLEDGED)
    assert answer["Location"] == f"/exceptions/{taken.key}/?v=mine"


def test_one_asks_another_approves_and_it_is_in_force(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal, lee = signed_in("amal"), signed_in("lee")
    wanted = {
        "gate": "ship-despite-open-case",
        "hours": 4,
        "owner": "amal",
        "reason_code": "customer",
        "reason": "The customer confirmed the address by phone.",
        "plan": "Correct it in the store today.",
    }
    asked = amal.post(f"/time-limited/new/?for={case.key}", wanted)
    waiver = Waiver.objects.get()
    assert (asked.status_code, waiver.state) == (302, WaiverState.REQUESTED)
    own = amal.post(f"/approvals/{waiver.key}/", {"decision": "approve", "seen_hash": waiver.content_hash})
    assert own.status_code == 403
    assert "You asked for this" in amal.get(f"/approvals/{waiver.key}/").content.decode()
    assert lee.get("/")["Location"] == "/approvals/"
    lee.post(f"/approvals/{waiver.key}/", {"decision": "approve", "seen_hash": waiver.content_hash, "hours": 2})
    waiver.refresh_from_db()
    assert (waiver.state, waiver.decided_by_name) == (WaiverState.APPROVED, "Lee Weber")
    assert waiver.starts_at is not None
    assert waiver.expires_at == waiver.starts_at + timedelta(hours=2)
    lee.post(f"/time-limited/{waiver.key}/revoke/", {"comment": "customer cancelled"})
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.REVOKED


def test_denying_needs_a_reason(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    signed_in("amal").post(
        f"/time-limited/new/?for={case.key}",
        {
            "gate": "ship-despite-open-case",
            "hours": 4,
            "owner": "amal",
            "reason_code": "customer",
            "reason": "The customer confirmed by phone.",
            "plan": "Correct it.",
        },
    )
    waiver = Waiver.objects.get()
    lee = signed_in("lee")
    assert (
        lee.post(f"/approvals/{waiver.key}/", {"decision": "deny", "seen_hash": waiver.content_hash}).status_code == 422
    )
    lee.post(f"/approvals/{waiver.key}/", {"decision": "deny", "seen_hash": waiver.content_hash, "comment": "no"})
    waiver.refresh_from_db()
    assert waiver.state == WaiverState.REJECTED


@pytest.mark.parametrize("name", ["amal", "lee", "kim", "ada", "sam", "ivy"])
def test_every_entry_of_the_navigation_opens(signed_in: SignedIn, house: House, name: str) -> None:
    open_cases(house, 1)
    browser = signed_in(name)
    page = browser.get("/", follow=True)
    assert page.status_code == 200
    for group in page.context["shell"].groups:
        for entry in group.entries:
            assert browser.get(entry.url).status_code == 200, entry.url


def test_the_history_of_a_record_shows_every_version(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal = signed_in("amal")
    amal.post(f"/exceptions/{case.key}/acknowledge/", {"seen": case.version})
    answer = amal.get(reverse("audit:history", args=["exceptions.exceptioncase", str(case.pk)]))
    assert [version.version for version in answer.context["page"].versions] == [2, 1]
    assert ("state", "open", "acknowledged") in answer.context["page"].versions[0].changes
    event = answer.context["page"].events[0]
    assert amal.get(reverse("audit:event", args=[event.id])).context["length"] == 2


def test_an_empty_queue_leads_to_what_waits_in_the_team_queues(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    sam = signed_in("sam")
    assert "1 waits to be taken in the team queues" in sam.get("/queue/").content.decode()
    assert [row.key for row in sam.get("/queue/team/?state=open").context["page"].rows] == [case.key]
    services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=clock.now())
    assert "to be taken in the team queues" not in sam.get("/queue/").content.decode()


def test_watching_and_looking_further_back_work_without_a_script(
    signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = open_cases(house, 1)
    amal, address = signed_in("amal"), f"/exceptions/{case.key}/"
    monkeypatch.setattr("exceptions.selectors.cases.NEWEST_ENTRIES", 2)
    for action in ("watch", "unwatch", "watch"):
        assert amal.post(f"{address}{action}/").status_code == 302
    page = amal.get(address)
    assert (page.context["is_watching"], page.context["newest"]) == (True, "")
    assert "You watch" not in page.content.decode()
    seen = [entry.number for entry in page.context["entries"]]
    while page.context["earlier"]:
        part = amal.get(page.context["earlier"], headers={"HX-Request": "true"}).content.decode()
        page = amal.get(page.context["earlier"])
        assert (part.count("data-entries"), "<html" in part) == (2, False)
        seen += [entry.number for entry in page.context["entries"]]
    assert seen == list(range(seen[0], 0, -1))
    assert page.context["newest"] == f"{address}?"
