"""Whether the trail is whole and a token genuine, asked on a page."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.test import override_settings

from audit import clock
from audit.access import system_actor
from audit.canonical import canonical_json, sha256_hex
from audit.context import acting
from audit.models import Event
from audit.selectors import verification
from audit.services import verifying
from audit.services.events import record
from audit.services.seals import seal_trail
from audit.services.tokens import issue_token
from audit.subject_refs import SubjectRef, subject_ref
from exceptions.models import ExceptionCase
from tests.cast import House
from tests.pages.conftest import SignedIn, open_cases

FACTS = {"order": "NW-1", "status": "paid"}


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Keys and checkpoints of this test alone."""
    with override_settings(DATA_DIR=tmp_path, SIGNING_KEY=""):
        yield tmp_path


def exported(case: ExceptionCase, *, state: str = "") -> str:
    """A token over `FACTS` of this case, as an export makes one."""
    state = state or sha256_hex(canonical_json(FACTS))
    now = clock.now()
    with acting(system_actor("test"), at=now):
        event = record("order.exported", subject=subject_ref(case), changes={}, hash=sha256_hex(canonical_json(FACTS)))
    return issue_token(subject=subject_ref(case), record_hash=state, event_id=event, now=now)


def told(answer: object) -> str:
    return " ".join(answer.content.decode().split())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "status"), [("ada", 200), ("kim", 200), ("lee", 200), ("amal", 403), ("noor", 403)])
def test_only_who_may_verify_opens_it(signed_in: SignedIn, house: House, name: str, status: int) -> None:
    browser = signed_in(name)
    assert browser.get("/audit/verify/").status_code == status
    assert browser.post("/audit/verify/").status_code == (302 if status == 200 else 403)
    assert browser.get("/audit/verify/checkpoints.jsonl").status_code == status


def test_a_check_reads_all_then_only_what_is_new_and_is_kept(
    transactional_db: None, signed_in: SignedIn, house: House
) -> None:
    open_cases(house, 2)
    seal_trail(now=clock.now())
    ada = signed_in("ada")
    assert "has not been checked here yet" in told(ada.get("/audit/verify/"))
    events = Event.objects.count()
    ada.post("/audit/verify/")
    ada.post("/audit/verify/")
    page = ada.get("/audit/verify/")
    runs = page.context["runs"]
    assert [(run.who, run.whole, run.from_seal) for run in runs] == [("Ada Novak", True, 1), ("Ada Novak", True, 0)]
    assert [run.events for run in runs] == [1, events]
    ada.post("/audit/verify/", {"all": "1"})
    assert ada.get("/audit/verify/").context["runs"][0].events == events + 2
    assert [seal.number for seal in page.context["seals"].rows] == [1]
    assert json.loads(ada.get("/audit/verify/checkpoints.jsonl").content)["seal"] == 1


def test_a_broken_trail_is_said_and_the_next_check_begins_at_the_start(
    transactional_db: None, signed_in: SignedIn, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_trail(now=clock.now())
    ada = signed_in("ada")
    ada.post("/audit/verify/")
    broken = verification.Verification(7, last_seal=1, findings=[verification.Finding("changed event", "x: changed.")])
    monkeypatch.setattr(verifying, "verify_trail", lambda since: broken)
    answer = ada.post("/audit/verify/", follow=True)
    assert "The trail is broken in 1 place." in told(answer)
    assert "x: changed." in told(answer)
    begun: list[object] = []

    def from_where(since: object) -> verification.Verification:
        begun.append(since)
        return broken

    monkeypatch.setattr(verifying, "verify_trail", from_where)
    ada.post("/audit/verify/")
    assert begun == [None]


def test_more_than_one_can_wait_for_is_refused(
    transactional_db: None, signed_in: SignedIn, house: House, monkeypatch
) -> None:
    seal_trail(now=clock.now())
    monkeypatch.setattr(verifying, "MOST_WHILE_SOMEBODY_WAITS", 1)
    assert "too many to wait for here" in told(signed_in("ada").post("/audit/verify/", follow=True))


def test_one_chain_is_named_by_key_id_or_event(transactional_db: None, signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    event = Event.objects.filter(subject_id=str(case.pk)).first()
    assert event is not None
    ada = signed_in("ada")
    for words in (case.key, case.key.lower(), str(case.pk), str(event.pk), f"exceptions.exceptioncase {case.pk}"):
        page = ada.get("/audit/verify/", {"record": words})
        assert (page.context["record"].id, page.context["chain"].whole) == (str(case.pk), True), words
    assert "not sealed yet" in told(page)
    seal_trail(now=clock.now())
    assert "All are sealed." in told(ada.get("/audit/verify/", {"record": case.key}))


@pytest.mark.parametrize("words", ["EX-999999", "nonsense", "\x00", "a b c", "00000000-0000-0000-0000-000000000000"])
def test_a_record_nobody_knows_is_a_problem_not_an_error(signed_in: SignedIn, house: House, words: str) -> None:
    answer = signed_in("ada").get("/audit/verify/", {"record": words})
    assert answer.status_code == 422
    assert "Nothing is recorded under" in told(answer)


def test_a_genuine_token_is_valid_and_says_what_it_points_to(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    token = exported(case)
    answer = signed_in("ada").post("/audit/verify/token/", {"token": f"  {token}\n"})
    assert answer.status_code == 200
    assert (answer.context["proof"].differs, answer.context["proof"].later) == ([], 0)
    assert str(case.pk) in told(answer)
    with acting(system_actor("test"), at=clock.now()):
        record("case.noted", subject=case, changes={})
    assert "1 later event" in told(signed_in("ada").post("/audit/verify/token/", {"token": token}))


def test_a_whole_export_is_checked_value_by_value(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    document = {**FACTS, "record_sha256": "x", "generated_at": "now", "audit_token": exported(case)}
    ada = signed_in("ada")
    upload = SimpleUploadedFile("export.json", json.dumps(document).encode())
    assert "The document is the one it was issued for." in told(ada.post("/audit/verify/token/", {"file": upload}))
    changed = json.dumps({**document, "status": "shipped"})
    answer = ada.post("/audit/verify/token/", {"token": changed})
    assert [words.split(":")[0] for words in answer.context["proof"].differs] == [
        "The document is not the one the token was issued for"
    ]
    assert "genuine, but something differs" in told(answer)


def test_a_token_over_another_state_or_without_its_event_differs(signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    ada = signed_in("ada")
    other_state = ada.post("/audit/verify/token/", {"token": exported(case, state="ab" * 32)})
    assert other_state.context["proof"].differs == ["The event it names recorded another state of the record."]
    event = Event.objects.filter(subject_id=str(case.pk)).order_by("seq").first()
    assert event is not None
    elsewhere = issue_token(
        subject=SubjectRef("audit.actor", "7"), record_hash="ab" * 32, event_id=event.pk, now=clock.now()
    )
    assert ada.post("/audit/verify/token/", {"token": elsewhere}).context["proof"].differs == [
        "The event it names is about another record."
    ]
    late = issue_token(subject=case, record_hash="ab" * 32, event_id=case.pk, now=clock.now() - timedelta(days=1))
    assert ada.post("/audit/verify/token/", {"token": late}).context["proof"].differs == [
        "The event it names is not in this trail."
    ]


@pytest.mark.parametrize("text", ["", "a.b.c", "{", '{"order": 1}', "🙂", '{"audit_token": "a.b.c"}'])
def test_what_is_no_token_is_not_valid(signed_in: SignedIn, house: House, text: str) -> None:
    answer = signed_in("ada").post("/audit/verify/token/", {"token": text})
    assert answer.status_code == 422
    assert "Not valid" in told(answer)


def test_strangers_learn_validity_and_time_only(client: Browser, signed_in: SignedIn, house: House) -> None:
    (case,) = open_cases(house, 1)
    token = exported(case)
    assert client.get("/audit/verify/token/").status_code == 200
    for browser in (client, signed_in("noor")):
        answer = browser.post("/audit/verify/token/", {"token": token})
        assert "Valid." in told(answer)
        assert str(case.pk) not in told(answer)
        assert answer.context["proof"] is None
