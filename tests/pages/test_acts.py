"""Every act on an exception has a page of its own; what stands in the way is said there, and nothing typed is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils.timezone import localtime

from audit import clock
from audit.access import system_actor
from audit.context import acting
from exceptions import services
from exceptions.models import CaseStep, ExceptionCase, JobPlan, Waiver
from exceptions.services.waiver_bulk import DECISION_KINDS
from exceptions.states import CaseState, WaiverState
from tests.api.conftest import Api
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

ASKED = {
    "gate": "ship-despite-open-case",
    "hours": 4,
    "owner": "amal",
    "reason_code": "customer",
    "reason": "The customer confirmed the address by phone.",
    "plan": "Correct it in the store today.",
}


@pytest.fixture
def case(house: House) -> ExceptionCase:
    return open_cases(house, 1)[0]


@pytest.fixture
def amal(signed_in: SignedIn) -> Browser:
    return signed_in("amal")


def do(browser: Browser, case: ExceptionCase, act: str, **given: Any) -> Any:
    case.refresh_from_db()
    return browser.post(f"/exceptions/{case.key}/{act}/", {"seen": case.version, **given})


def test_every_act_has_its_form(amal: Browser, case: ExceptionCase) -> None:
    for act in ("acknowledge", "start", "wait", "resume", "reassign", "escalate", "note", "resolve", "reopen"):
        page = amal.get(f"/exceptions/{case.key}/{act}/")
        assert (page.status_code, page.context["form"].case) == (200, case), act
    assert amal.get(f"/exceptions/{case.key}/explode/").status_code == 404


def test_waiting_coming_back_and_the_whole_way_to_reopened(amal: Browser, case: ExceptionCase) -> None:
    states = []
    for act, given in (
        ("start", {}),
        ("wait", {"reason": "The carrier looks", "hours": "24", "on": "carrier", "party": "DPD"}),
        ("resume", {}),
        ("resolve", {"outcome": "resolved"}),
        ("reopen", {"reason": "It came back"}),
    ):
        assert do(amal, case, act, **given).status_code == 302, act
        case.refresh_from_db()
        states.append(case.state)
    assert states == ["in_progress", "waiting", "in_progress", "resolved", "open"]


def test_after_the_last_one_is_solved_the_queue_is_next(amal: Browser, case: ExceptionCase) -> None:
    assert do(amal, case, "acknowledge")["Location"] == f"/exceptions/{case.key}/"
    assert do(amal, case, "resolve", outcome="resolved")["Location"] == "/queue/"
    assert amal.post("/queue/next/")["Location"] == "/queue/"
    assert "Nothing in your queue waits to be taken." in amal.get("/queue/").content.decode()


def test_the_way_back_is_one_of_our_pages_or_the_exception(amal: Browser, case: ExceptionCase) -> None:
    there = do(amal, case, "acknowledge", **{"return": "/queue/team/"})
    assert there["Location"] == "/queue/team/"
    for foreign in ("https://evil.example/", "//evil.example/", "queue"):
        answer = do(amal, case, "note", text="Seen", **{"return": foreign})
        assert answer["Location"] == f"/exceptions/{case.key}/", foreign


def test_what_cannot_be_done_now_is_a_conflict_in_words(amal: Browser, case: ExceptionCase) -> None:
    answer = do(amal, case, "reopen", reason="It came back")
    assert (answer.status_code, "cannot be reopened now" in answer.content.decode()) == (409, True)
    assert "It came back" in answer.content.decode()


def test_who_could_take_it_stands_beside_the_form_that_gives_it_away(
    signed_in: SignedIn, house: House, case: ExceptionCase
) -> None:
    services.go_away(person="bo", starts_at=clock.now(), by=house.actor("bo"), now=clock.now())
    page = signed_in("lee").get(f"/exceptions/{case.key}/reassign/")
    shown = {one.owner.slug: one for one in page.context["takers"]}
    assert shown["bo"].stands_in is not None
    assert f"away; {shown['bo'].stands_in.name} stands in" in page.content.decode()
    assert (shown["noor"].why_not, shown["amal"].why_not, shown["amal"].stands_in) == (
        "does not see this client",
        "",
        None,
    )
    assert shown["ada"].why_not == "may not work exceptions"
    assert [bool(one.why_not) for one in page.context["takers"]] == sorted(bool(one.why_not) for one in shown.values())


def test_two_at_once_see_theirs_and_mine_and_mine_goes_on_top(
    amal: Browser, signed_in: SignedIn, house: House, case: ExceptionCase
) -> None:
    lee, seen = signed_in("lee"), case.version
    do(amal, case, "acknowledge")
    do(amal, case, "note", text="The customer called")
    mine = {"seen": seen, "to": "ops-team-review", "reason": "They know the carrier"}
    answer = lee.post(f"/exceptions/{case.key}/reassign/", mine)
    merge = answer.context["merge"]
    rows = {str(row.label): (row.was, row.now, row.who, row.typed) for row in merge.rows}
    assert (answer.status_code, merge.why_not) == (409, "")
    assert rows["State"] == ("New", "Taken", "Amal Okafor", "")
    assert rows["Owner"][1:] == ("Amal Okafor", "Amal Okafor", house.owners["ops-team-review"].name)
    assert rows["Reason"] == (None, None, "", "They know the carrier")
    assert [entry.note for entry in merge.since] == ["The customer called", ""]
    again = {name: field.value() for name, field in ((f.name, f) for f in answer.context["form"])}
    assert again == {**mine, "seen": seen + 1}
    assert lee.post(f"/exceptions/{case.key}/reassign/", again).status_code == 302
    case.refresh_from_db()
    assert case.owner.slug == "ops-team-review"


def test_what_a_colleague_has_done_already_is_said_and_is_no_conflict(
    amal: Browser, signed_in: SignedIn, house: House, case: ExceptionCase
) -> None:
    bo, seen = signed_in("bo"), case.version
    for act, given in (("acknowledge", {}), ("resolve", {"outcome": "resolved"})):
        do(bo, case, act, **given)
        case.refresh_from_db()
        at = localtime(case.resolved_at or case.acknowledged_at, ZoneInfo(house.users["amal"].time_zone))
        answer = amal.post(f"/exceptions/{case.key}/{act}/", {"seen": seen, **given}, follow=True)
        said = f"{case.key}: Bo Lindqvist already did this at {at:%H:%M}."
        assert [str(message) for message in answer.context["messages"]] == [said], act
    assert case.history.count() == 3


def test_what_comes_too_late_can_be_kept_as_a_note(amal: Browser, signed_in: SignedIn, case: ExceptionCase) -> None:
    seen = case.version
    do(signed_in("bo"), case, "resolve", outcome="resolved")
    late = {"seen": seen, "outcome": "cancelled", "note": "The customer does not want it any more"}
    answer = amal.post(f"/exceptions/{case.key}/resolve/", late)
    merge, text = answer.context["merge"], answer.content.decode()
    assert (answer.status_code, merge.why_not) == (409, f"{case.key} is “resolved”.")
    assert ("Apply mine on top" in text, "Keep what I typed as a note" in text) == (False, True)
    assert amal.post(f"/exceptions/{case.key}/note/", {"text": merge.note}).status_code == 302
    kept = "Outcome: Order cancelled\nNote: The customer does not want it any more"
    assert [note.text for note in case.notes.all()] == [kept]


def test_the_next_act_is_the_next_step_then_to_resolve_then_nothing(
    amal: Browser, signed_in: SignedIn, case: ExceptionCase
) -> None:
    following = f"/exceptions/{case.key}/next/"
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=case.playbook[:1])
    assert amal.get(f"{following}?v=mine")["Location"] == f"/exceptions/{case.key}/step/1/?v=mine"
    done = amal.post(f"/exceptions/{case.key}/step/1/?v=mine", {"outcome": "same"})
    assert done["Location"] == f"/exceptions/{case.key}/resolve/?v=mine"
    assert amal.get(following)["Location"] == done["Location"].removesuffix("?v=mine")
    page = amal.get(following, follow=True).content.decode()
    assert ("autofocus" in page, "data-focus" in page) == (True, True)
    do(amal, case, "start")
    do(amal, case, "wait", reason="The carrier looks", hours="24", on="carrier", party="DPD")
    assert amal.get(following)["Location"] == f"/exceptions/{case.key}/resume/"
    do(amal, case, "resolve", outcome="resolved")
    assert amal.get(following)["Location"] == f"/exceptions/{case.key}/"
    assert signed_in("sam").get(following).status_code == 403


def test_who_is_away_is_refused_beside_the_field(
    amal: Browser, signed_in: SignedIn, house: House, case: ExceptionCase
) -> None:
    from rules.models import Absence  # noqa: PLC0415 -- only here

    now = clock.now()
    with acting(system_actor("test"), at=now):
        Absence.objects.create(
            owner=house.owners["bo"], starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1)
        )
    answer = do(signed_in("lee"), case, "reassign", to="bo", reason="knows the customer")
    assert answer.status_code == 422
    assert "Bo Lindqvist is away" in str(answer.context["form"].errors["to"])
    assert "knows the customer" in answer.content.decode()


def test_a_step_has_a_page_is_done_once_and_there_is_no_ninth(amal: Browser, case: ExceptionCase) -> None:
    address = f"/exceptions/{case.key}/step/1/"
    assert amal.get(address).context["title"] == "Compare the address with what the customer wrote"
    assert amal.post(address, {"outcome": ""}).status_code == 422
    assert amal.post(address, {"outcome": "same", "note": "letter by letter"}).status_code == 302
    assert list(CaseStep.objects.values_list("index", "outcome", "note")) == [(0, "same", "letter by letter")]
    again = amal.post(address, {"outcome": "same", "note": "my second look"})
    assert (again.status_code, "was already done" in again.content.decode()) == (409, True)
    assert "my second look" in again.content.decode()
    assert amal.get(f"/exceptions/{case.key}/step/9/").status_code == 404


def test_a_step_whose_answer_is_too_long_is_refused_beside_it(amal: Browser, case: ExceptionCase) -> None:
    answer = amal.post(f"/exceptions/{case.key}/step/2/", {"answer": "x" * 501})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["answer"])
    assert not CaseStep.objects.exists()


class TestTimeLimitedExceptions:
    @pytest.fixture
    def asked(self, amal: Browser, case: ExceptionCase) -> Waiver:
        assert amal.post(f"/time-limited/new/?for={case.key}", ASKED).status_code == 302
        return Waiver.objects.get()

    def test_the_form_begins_with_what_is_known_and_says_what_is_missing(
        self, amal: Browser, case: ExceptionCase
    ) -> None:
        page = amal.get(f"/time-limited/new/?for={case.key}")
        assert "Client Success answers for what this gate asks for." in page.content.decode()
        initial = {name: field.initial for name, field in page.context["form"].fields.items()}
        assert (initial["gate"], initial["owner"], initial["lasts"]) == ("ship-despite-open-case", "amal", "4")
        refused = amal.post(f"/time-limited/new/?for={case.key}", {**ASKED, "reason": "short"})
        assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["reason"])
        assert "Correct it in the store today." in refused.content.decode()

    @pytest.mark.parametrize(
        ("field", "pointer"),
        [("reason", "/reason"), ("plan", "/plan"), ("owner", "/owner"), ("hours", "/minutes")],
    )
    def test_nothing_is_asked_for_without_reason_plan_owner_and_end_by_form_or_program(
        self, amal: Browser, case: ExceptionCase, house: House, field: str, pointer: str
    ) -> None:
        blank = amal.post(f"/time-limited/new/?for={case.key}", {**ASKED, field: ""})
        assert (blank.status_code, list(blank.context["form"].errors)) == (422, [field])
        given = {
            "exception": case.key,
            "minutes": 240,
            **{key: ASKED[key] for key in ("gate", "owner", "reason", "plan")},
        }
        for body in ({**given, pointer[1:]: ""}, {key: value for key, value in given.items() if key != pointer[1:]}):
            told = Api(house.users["amal"]).post("time-limited-exceptions", body)
            assert (told.status_code, [error["pointer"] for error in told.json()["errors"]]) == (422, [pointer])
        assert not Waiver.objects.exists()

    def test_longer_than_the_gate_allows_is_refused_beside_the_hours(self, amal: Browser, case: ExceptionCase) -> None:
        refused = amal.post(f"/time-limited/new/?for={case.key}", {**ASKED, "hours": 720})
        assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["hours"])
        assert not Waiver.objects.exists()

    def test_a_preview_shows_the_sentence_and_who_is_asked_and_asks_nobody(
        self, amal: Browser, case: ExceptionCase
    ) -> None:
        address = f"/time-limited/new/?for={case.key}"
        later = {"begins": "later", "begin_at": f"{clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"}
        page = amal.post(
            address, {**ASKED, "preview": "1", **later, "lasts": "24", "plan_url": "https://tasks.example/7"}
        )
        draft = page.context["draft"]
        assert (page.status_code, draft.effective_minutes, draft.plan_url) == (200, 1440, "https://tasks.example/7")
        assert timedelta(hours=9) < draft.answer_by - clock.now() < timedelta(hours=10)
        words = page.content.decode()
        for told in ("Ask Lee Weber and Mara Kowalczyk", "The customer wants it so", "Correct it in the store today."):
            assert told in words
        part = amal.post(address, {**ASKED, "preview": "1", "lasts": "today"}, headers={"HX-Request": "true"})
        assert (part.status_code, part.context["draft"].end_by - clock.now() < timedelta(days=1)) == (200, True)
        assert "<html" not in part.content.decode()
        assert not Waiver.objects.exists()
        lacking = amal.post(address, {**ASKED, "lasts": "until", "owner": "client-success"})
        assert sorted(lacking.context["form"].errors) == ["owner", "until"]

    def test_many_are_denied_or_asked_about_with_one_comment_and_never_approved(
        self, signed_in: SignedIn, house: House, asked: Waiver
    ) -> None:
        lee, address = signed_in("lee"), "/approvals/many/"
        assert "data-page-check" in lee.get("/approvals/").content.decode()
        for act in ("approve", "revoke", ""):
            refused = lee.post(address, {"do": act, "id": [asked.key]})
            assert (refused.status_code, JobPlan.objects.count()) == (302, 0)
        assert {kind.name for kind in DECISION_KINDS} == {"waiver.deny", "waiver.ask"}
        plan = lee.post(address, {"do": "deny", "id": [asked.key, "TLX-999999"]}).context["plan"]
        assert ([item["key"] for item in plan.items], [key for key, _ in plan.stay]) == ([asked.key], ["TLX-999999"])
        assert lee.post(address, {"plan": plan.pk, "reason": ""}).status_code == 422
        services.edit_waiver(
            waiver_id=asked.pk, reason=asked.reason, plan="Other", minutes=60, by=house.actor("amal"), now=clock.now()
        )
        left = lee.post(address, {"plan": plan.pk, "reason": "Not this time"}, follow=True).context["work"]
        assert (left.done, left.skipped) == (0, 1)
        anew = lee.post(address, {"do": "deny", "id": [asked.key]}).context["plan"]
        done = lee.post(address, {"plan": anew.pk, "reason": "Not this time"}, follow=True)
        asked.refresh_from_db()
        assert (done.context["work"].done, asked.state, asked.comment) == (1, WaiverState.REJECTED, "Not this time")
        own = signed_in("kim").post(address, {"do": "ask", "id": [asked.key]}).context["plan"]
        assert (own.items, len(own.barred)) == ([], 1)

    def test_lists_are_those_there_are(self, signed_in: SignedIn, asked: Waiver) -> None:
        lee = signed_in("lee")
        assert "gate of Client Success" in lee.get("/approvals/").content.decode()
        assert "Answers for the gate" in lee.get(f"/time-limited/{asked.key}/").content.decode()
        found = {
            tab: [row.waiver.key for row in lee.get(f"/approvals/?tab={tab}").context["rows"]]
            for tab in ("waiting", "others", "live", "ending", "decided", "all")
        }
        assert {tab for tab, keys in found.items() if keys == [asked.key]} == {"waiting", "all"}
        assert {tab: count for tab, _, count in lee.get("/approvals/").context["tabs"] if count} == {"waiting": 1}
        assert "0 of 1" in lee.get("/approvals/").content.decode()
        amal = signed_in("amal").get("/approvals/?tab=others")
        assert [row.waiver.key for row in amal.context["rows"]] == [asked.key]
        assert lee.get("/approvals/?tab=lost").status_code == 404

    def test_who_decides_reads_what_changed_and_what_came_before_it(
        self, signed_in: SignedIn, house: House, asked: Waiver
    ) -> None:
        services.edit_waiver(
            waiver_id=asked.pk,
            reason=asked.reason,
            plan="Correct it by noon, and call them.",
            minutes=120,
            by=house.actor("amal"),
            now=clock.now(),
        )
        lee = signed_in("lee")
        address = f"/approvals/{asked.key}/"
        page = lee.get(address)
        assert [change.what for change in page.context["changes"]] == ["length", "plan"]
        assert (page.context["precedents"].newest, page.context["heads_up"]) == ([], None)
        asked.refresh_from_db()
        done = lee.post(address, {"decision": "approve", "seen_hash": asked.content_hash}, follow=True)
        assert "Approved. It holds from" in done.content.decode()
        assert clock.now() < done.context["heads_up"] < done.context["waiver"].expires_at
        assert asked.case is not None
        book = signed_in("amal").get(f"/time-limited/new/?for={asked.case.key}").context["gates"]
        assert [one.key for gate in book for one in gate.precedents.newest] == [asked.key]

    def test_files_show_why_and_who_decides_opens_them(
        self, amal: Browser, signed_in: SignedIn, house: House, case: ExceptionCase
    ) -> None:
        services.attach_file(case_id=case.pk, name="call.txt", content=b"Yes", by=house.actor("amal"), now=clock.now())
        place, letter = f"/time-limited/new/?for={case.key}", SimpleUploadedFile("letter.txt", b"They wrote it")
        assert "At most" in amal.get(place).content.decode()
        assert amal.post(place, {**ASKED, "evidence": ["2"]}).status_code == 422
        assert amal.post(place, {**ASKED, "evidence": ["1"], "file": letter}).status_code == 302
        asked = Waiver.objects.get()
        address = f"/approvals/{asked.key}/"
        page = signed_in("lee").get(address)
        assert (asked.evidence, [file.name for file in page.context["evidence"]]) == (
            [1, 2],
            ["call.txt", "letter.txt"],
        )
        assert f'href="/exceptions/{case.key}/files/2/"' in page.content.decode()
        changed = {"hours": 4, "reason": asked.reason, "plan": asked.plan, "reason_code": "partner", "evidence": ["2"]}
        link = "https://tasks.example/7"
        assert amal.post(f"/time-limited/{asked.key}/edit/", {**changed, "plan_url": link}).status_code == 302
        asked.refresh_from_db()
        assert (asked.evidence, asked.reason_code, asked.plan_url) == ([2], "partner", link)
        changes = {one.what: one for one in signed_in("lee").get(address).context["changes"]}
        assert (set(changes), changes["files"].after) == ({"code", "link", "files"}, "letter.txt")

    def test_the_one_who_asked_may_take_it_back(self, amal: Browser, asked: Waiver) -> None:
        address = f"/time-limited/{asked.key}/withdraw/"
        assert amal.get(address).status_code == 200
        assert amal.post(address, {"comment": "x"}).status_code == 422
        assert amal.post(address, {"comment": "No longer needed"}).status_code == 302
        asked.refresh_from_db()
        assert asked.state == WaiverState.WITHDRAWN
        late = amal.post(address, {"comment": "No longer needed"})
        assert (late.status_code, "cannot be" in late.content.decode()) == (409, True)

    def test_nobody_else_takes_it_back(self, signed_in: SignedIn, asked: Waiver) -> None:
        answer = signed_in("bo").post(f"/time-limited/{asked.key}/withdraw/", {"comment": "No longer needed"})
        asked.refresh_from_db()
        assert (answer.status_code, asked.state) == (403, WaiverState.REQUESTED)

    def test_the_second_of_two_deciders_reads_what_the_first_decided(
        self, signed_in: SignedIn, house: House, asked: Waiver
    ) -> None:
        services.approve_waiver(waiver_id=asked.pk, by=house.actor("mara"), now=clock.now())
        late = signed_in("lee").post(
            f"/approvals/{asked.key}/", {"decision": "deny", "comment": "no", "seen_hash": asked.content_hash}
        )
        assert late.status_code == 409
        asked.refresh_from_db()
        assert asked.state == WaiverState.APPROVED

    def test_who_may_only_read_is_told_so_and_longer_than_asked_is_refused(
        self, signed_in: SignedIn, asked: Waiver
    ) -> None:
        page = signed_in("sam").get(f"/approvals/{asked.key}/")
        why = "You are not an approver of the gate “Ship despite an open case”. These can: Lee Weber, Mara Kowalczyk."
        assert page.context["why_not"] == why
        refused = signed_in("lee").post(
            f"/approvals/{asked.key}/", {"decision": "approve", "hours": 5, "seen_hash": asked.content_hash}
        )
        assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["hours"])


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda who: services.close_case(**who), "cannot be closed now"),
        (lambda who: services.resume_case(**who), "cannot be resumed now"),
        (lambda who: services.reopen_case(reason="It came back", **who), "cannot be reopened now"),
    ],
)
def test_the_door_itself_refuses_what_the_state_does_not_allow(
    house: House, case: ExceptionCase, act: Callable[[dict[str, Any]], object], words: str
) -> None:
    from audit.errors import IllegalTransition  # noqa: PLC0415 -- only here

    with pytest.raises(IllegalTransition, match=words):
        act({"case_id": case.pk, "by": house.actor("amal"), "now": clock.now()})
    case.refresh_from_db()
    assert case.state == CaseState.OPEN
