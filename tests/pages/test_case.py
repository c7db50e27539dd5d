"""The page of an exception, without a script: playbook, files, related exceptions."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from audit import clock
from audit.access import system_actor
from audit.context import acting
from exceptions import services
from exceptions.models import CaseAttachment, CaseStep, ExceptionCase, Notification, Waiver
from exceptions.states import CaseState, WaiverState
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases
from tests.pages.test_many import broken


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def demand(case: ExceptionCase) -> None:
    """Make two steps of the playbook required, the second after the first."""
    steps = [
        {"label": "Ask the customer", "kind": "record", "how": "By phone.", "fields": ["answer"], "required": True},
        {"label": "Decide", "kind": "decide", "when": "1 in steps_done", "needs": "the answer", "required": True},
    ]
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=steps)


def test_a_playbook_is_worked_step_by_step_and_what_is_missing_is_named(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    demand(case)
    amal, path = signed_in("amal"), f"/exceptions/{case.key}/"
    text = amal.get(path).content.decode()
    assert "Not now: it needs the answer." in text
    assert "By phone." in text
    assert [case.owner.name in text, f"backup {case.backup.name}" in text] == [True, True]
    assert "Still missing" in amal.get(f"{path}resolve/").content.decode()
    blocked = amal.post(f"{path}step/2/", {"outcome": "cancel it"})
    assert (blocked.status_code, "cannot be done now" in blocked.content.decode()) == (409, True)
    refused = amal.post(f"{path}resolve/", {"outcome": "resolved", "note": "kept text"})
    assert refused.status_code == 409
    assert "step 1, “Ask the customer”" in refused.content.decode()
    assert "kept text" in refused.content.decode()
    assert amal.post(f"{path}step/1/", {"answer": ""}).status_code == 422
    assert amal.post(f"{path}step/1/", {"answer": "1017 CT"}).status_code == 302
    assert amal.post(f"{path}step/2/", {"outcome": "correct it"}).status_code == 302
    assert "Answer: 1017 CT" in amal.get(path).content.decode()
    amal.post(f"{path}resolve/", {"outcome": "resolved", "root_cause": "data"})
    case.refresh_from_db()
    assert (case.state, case.root_cause, CaseStep.objects.count()) == (CaseState.RESOLVED, "data", 2)
    assert "Wrong or missing data" in amal.get(path).content.decode()


def test_a_file_is_added_and_only_ever_saved(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal, path = signed_in("amal"), f"/exceptions/{case.key}/"
    file = SimpleUploadedFile("Adreßbeleg.txt", b"<b>1017 CT</b> it is", content_type="text/html")
    assert amal.post(f"{path}attach/", {"file": file}).status_code == 302
    assert "Adreßbeleg.txt" in amal.get(path).content.decode()
    answer = amal.get(f"{path}files/1/")
    answer_bytes = answer.getvalue()
    assert answer_bytes == b"<b>1017 CT</b> it is"
    assert answer["Content-Type"] == "text/plain"
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-store")
    assert signed_in("noor").get(f"{path}files/1/").status_code == 404
    read = signed_in("sam").get(f"{path}files/1/")
    assert (read.status_code, read.getvalue()) == (200, answer_bytes)
    assert signed_in("sam").post(f"{path}attach/", {"file": file}).status_code == 403
    assert amal.get(f"{path}files/2/").status_code == 404


def test_a_file_that_is_not_kept_is_refused_at_its_field(signed_in: SignedIn, house: House, tmp_path: Path) -> None:
    (case,) = open_cases(house, 1)
    amal, path = signed_in("amal"), f"/exceptions/{case.key}/attach/"
    wrong = amal.post(path, {"file": SimpleUploadedFile("run.exe", b"MZ\x90\x00", content_type="image/png")})
    assert wrong.status_code == 422
    assert "is no PDF, picture" in wrong.content.decode()
    assert amal.post(path, {}).status_code == 422
    flood = amal.post(path, {"file": SimpleUploadedFile("big.txt", b"a" * (13 * 1024 * 1024))})
    assert (flood.status_code, "Choose a file of at most 10 MB." in flood.content.decode()) == (422, True)
    assert not CaseAttachment.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_related_exceptions_are_linked_and_unlinked(signed_in: SignedIn, house: House) -> None:
    one, two = open_cases(house, 2)
    amal = signed_in("amal")
    assert amal.post(f"/exceptions/{one.key}/link/", {"exception": "nonsense"}).status_code == 422
    amal.post(f"/exceptions/{one.key}/link/", {"exception": two.key})
    assert amal.get(f"/exceptions/{two.key}/").context["page"].related == [one]
    amal.post(f"/exceptions/{two.key}/unlink/", {"exception": one.key})
    after = amal.get(f"/exceptions/{two.key}/")
    assert after.context["page"].related == []
    said = f'unlinked it from another exception <a href="/exceptions/{one.key}/">{one.key}</a>'
    assert said in after.content.decode()


def test_who_was_told_of_a_note_is_said(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    answer = signed_in("amal").post(f"/exceptions/{case.key}/note/", {"text": "@bo @noor look"}, follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert said == [f"{case.key}: Note added. Told: Bo Lindqvist."]


def test_one_in_force_is_extended_by_a_second_decision(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    amal, lee = signed_in("amal"), signed_in("lee")
    wanted = {"gate": "ship-despite-open-case", "hours": 4, "owner": "bo", "plan": "Correct it today."}
    why = {"reason": "The customer confirmed the address by phone."}
    amal.post(f"/time-limited/new/?for={case.key}", {**wanted, **why, "reason_code": "customer"})
    first = Waiver.objects.get()
    assert amal.post(f"/time-limited/{first.key}/extend/", {"hours": 2, **why, "plan": "x"}).status_code == 409
    lee.post(f"/approvals/{first.key}/", {"decision": "approve", "seen_hash": first.content_hash})
    assert "Extend…" in amal.get(f"/time-limited/{first.key}/").content.decode()
    assert amal.get(f"/time-limited/{first.key}/extend/").status_code == 200
    assert amal.post(f"/time-limited/{first.key}/extend/", {"hours": 2, "reason": "short"}).status_code == 422
    amal.post(f"/time-limited/{first.key}/extend/", {"hours": 2, **why, "plan": "Correct it tomorrow."})
    second = Waiver.objects.get(extends=first)
    own = amal.post(f"/approvals/{second.key}/", {"decision": "approve", "seen_hash": second.content_hash})
    assert own.status_code == 403
    assert first.key in lee.get(f"/approvals/{second.key}/").content.decode()
    lee.post(f"/approvals/{second.key}/", {"decision": "approve", "seen_hash": second.content_hash, "hours": 1})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (second.state, second.starts_at) == (WaiverState.APPROVED, first.expires_at)
    assert second.starts_at is not None
    assert second.expires_at == second.starts_at + timedelta(hours=1)
    waiting = lee.get(f"/time-limited/{second.key}/").content.decode()
    assert "In force from" in waiting
    assert f"/time-limited/{second.key}/revoke/" in waiting


def test_the_page_leads_to_all_of_its_cause_and_to_what_the_subject_has(signed_in: SignedIn, house: House) -> None:
    broken(house, 5)
    one, *others = ExceptionCase.objects.order_by("urgent_at", "pk")
    page = signed_in("amal").get(f"/exceptions/{one.key}/")
    shared = page.context["cause"]
    assert ([other.key for other in shared.nearest], shared.count) == ([other.key for other in others[:3]], 4)
    assert "4 others" in page.content.decode()
    listed = signed_in("amal").get(f"/queue/team/?{shared.query}").context["page"]
    assert {row.key for row in listed.rows} == {one.key, *(other.key for other in others)}
    for other in others:
        services.withdraw_case(case_id=other.pk, reason="over", by=system_actor("test"), now=clock.now())
    assert signed_in("amal").get(f"/exceptions/{one.key}/").context["cause"] is None


def test_the_activity_is_narrowed_to_what_people_did_and_to_what_changed(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    services.acknowledge_case(case_id=case.pk, by=house.actor("amal"), now=clock.now())
    services.note_case(case_id=case.pk, text="Called them", by=house.actor("amal"), now=clock.now())
    amal = signed_in("amal")
    said = {
        show: [entry.sentence for entry in amal.get(f"/exceptions/{case.key}/?show={show}").context["entries"]]
        for show in ("", "people", "changes", "nonsense")
    }
    assert said[""] == said["nonsense"] == ["wrote a note", "took it", "opened it"]
    assert (said["people"], said["changes"]) == (["wrote a note", "took it"], ["took it"])


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_of_everything_and_for_three(
    signed_in: SignedIn, house: House, count: int, django_assert_num_queries: Any
) -> None:
    case, *others = open_cases(house, count + 1)
    amal = house.actor("amal")
    for n, other in enumerate(others):
        now = clock.now()
        services.note_case(case_id=case.pk, text=f"Note {n} for @bo", by=amal, now=now)
        services.attach_file(case_id=case.pk, name=f"{n}.txt", content=b"seen", by=amal, now=now)
        services.link_cases(case_id=case.pk, exception=other.key, by=amal, now=now)
        services.complete_step(case_id=case.pk, index=[0, 1, 3][n], outcome="done", by=amal, now=now)
    browser = signed_in("amal")
    with django_assert_num_queries(20):
        page = browser.get(f"/exceptions/{case.key}/")
    assert (len(page.context["page"].attachments), len(page.context["page"].related)) == (count, count)


def test_many_are_resolved_with_what_lay_behind_them_and_the_note_tells_whom_it_mentions(
    signed_in: SignedIn, house: House
) -> None:
    cases = open_cases(house, 2)
    act = {"do": "resolve", "id": [case.key for case in cases]}
    plan = signed_in("amal").post("/queue/bulk/", act)
    assert "What lay behind it" in plan.content.decode()
    given = {"outcome": "resolved", "root_cause": "carrier", "text": "@bo for your list"}
    signed_in("amal").post("/queue/bulk/", {"plan": plan.context["plan"].pk, **given})
    assert list(ExceptionCase.objects.values_list("state", "root_cause")) == [(CaseState.RESOLVED, "carrier")] * 2
    assert Notification.objects.filter(event="case.mentioned", owner__slug="bo").count() == 2
    assert "@bo for your list" in signed_in("sam").get(f"/exceptions/{cases[0].key}/").content.decode()


def test_the_button_says_whether_the_next_one_opens(signed_in: SignedIn, house: House) -> None:
    one, two = open_cases(house, 2)
    amal = signed_in("amal")
    asked = "?v=team"
    said = [
        "Resolve and open next" in amal.get(f"/exceptions/{case.key}/resolve/{asked}").content.decode()
        for case in (one, two)
    ]
    assert sorted(said) == [False, True]


def test_the_playbook_is_named_with_its_rule_book_and_who_may_is_led_to_it(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    path, way = f"/exceptions/{case.key}/", "/admin/rules/exceptiontype/?q=address"
    pages = {name: signed_in(name).get(path).content.decode() for name in ("amal", "kim")}
    assert [f"rule book v{case.book_number}" in page for page in pages.values()] == [True, True]
    assert [way in page for page in pages.values()] == [False, True]
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=[])
    assert "Write one for exceptions to come" in signed_in("kim").get(path).content.decode()
    assert "Write one for exceptions to come" not in signed_in("amal").get(path).content.decode()


def test_evidence_stands_beside_its_criterion_and_a_picture_is_shown_small(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    steps = [{"label": "Call them", "kind": "record"}]
    waived = {"label": "They agreed, or it is let be", "when": "1 in steps_done || waived"}
    with acting(system_actor("test"), at=clock.now()):
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=steps, acceptance=[waived])
    amal, path = signed_in("amal"), f"/exceptions/{case.key}/"
    picture = SimpleUploadedFile("proof.png", b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    assert amal.post(f"{path}attach/", {"file": picture, "criterion": "1"}).status_code == 302
    page = amal.get(path).content.decode()
    assert f'<img class="thumb" src="{path}files/1/"' in page
    assert page.count(f'href="{path}step/1/"') == 2  # the playbook's button, and the criterion's way to it
    assert page.count(f"/time-limited/new/?for={case.key}") == 2
    refused = amal.get(f"{path}resolve/").content.decode()
    assert (f'href="{path}step/1/"' in refused, f"/time-limited/new/?for={case.key}" in refused) == (True, True)
    amal.post(f"{path}step/1/", {"outcome": "They agree"})
    assert "Step 1: Amal" in amal.get(path).content.decode()
    asked = amal.get(f"{path}withdraw-file/?file=1").content.decode()
    assert '<option value="1" selected>proof.png</option>' in asked
    assert amal.post(f"{path}withdraw-file/", {"file": "1", "reason": "Another customer's"}).status_code == 302
    page = amal.get(path).content.decode()
    assert ("File 1 was withdrawn." in page, "proof.png" in page) == (True, False)
    assert amal.get(f"{path}files/1/").status_code == 404


def test_a_note_is_read_as_markdown_that_can_do_no_harm_and_what_was_done_is_taken_back(
    signed_in: SignedIn, house: House
) -> None:
    (case,) = open_cases(house, 1)
    amal, path = signed_in("amal"), f"/exceptions/{case.key}/"
    amal.post(f"{path}note/", {"text": "**Call** them\n# not a heading\n<script>alert(1)</script>[x](javascript:1)"})
    page = amal.get(path).content.decode()
    assert "<strong>Call</strong> them<br" in page
    assert ("<script>alert" in page, 'href="javascript' in page, "<h2># not" in page) == (False, False, False)
    amal.post(f"{path}watch/")
    answer = amal.get(path)
    (entry,) = answer.context["undo"]
    assert f'name="entry" value="{entry}"' in answer.content.decode()
    assert amal.post(f"{path}undo/", {"entry": entry}).status_code == 302
    assert not amal.get(path).context["page"].watchers
    again = amal.post(f"{path}undo/", {"entry": entry})
    assert (again.status_code, "It was taken back already." in again.content.decode()) == (409, True)
