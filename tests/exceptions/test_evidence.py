"""What belongs to an exception: who is told of a note, files, related exceptions, what lay behind it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from audit.context import Actor
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.words import at
from exceptions import selectors, services
from exceptions.models import CaseAttachment, CaseLink, CaseNote, Notification
from exceptions.selectors.cases import trail_of
from exceptions.selectors.undoing import undoable
from exceptions.services.attachments import kind_of
from tests.cast import House
from tests.exceptions.conftest import OpenCase

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.fixture(autouse=True)
def data_dir(settings: Any, tmp_path: Path) -> Path:
    """A place for files of its own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


def mentioned(text: str, house: House, case: Any, now: datetime) -> list[str]:
    services.note_case(case_id=case.pk, text=text, by=house.actor("amal"), now=now)
    told = Notification.objects.filter(event="case.mentioned").values_list("owner__slug", flat=True)
    return sorted(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@bo can you call them?", ["bo"]),
        ("(@bo, @lee): see above.", ["bo", "lee"]),
        ("@bo @bo @amal", ["bo"]),
        ("ask @noor and @nobody", []),
        ("write to ida@bo.example", []),
        ("@sam reads along", ["sam"]),
    ],
)
def test_who_is_mentioned_and_may_see_it_is_told(
    open_case: OpenCase, house: House, now: datetime, text: str, told: list[str]
) -> None:
    assert mentioned(text, house, open_case(), now) == told


def test_a_mention_tells_where_and_not_what_was_written(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case()
    mentioned("@bo Mrs Jansen moved to 1017 CT", house, case, now)
    note, told = CaseNote.objects.get(), Notification.objects.get(event="case.mentioned")
    assert (note.told, told.case_id) == (["Bo Lindqvist"], case.pk)
    assert "Jansen" not in told.text + Event.objects.get(type="case.noted").body
    page = selectors.case_page(by=house.actor("amal"), key=case.key, now=now)
    assert page.trail[0].told == ["Bo Lindqvist"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", "application/pdf"),
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("Größe;Menge\r\n1;2".encode(), "text/plain"),
        (b"MZ\x90\x00 program", ""),
        (b"PK\x03\x04 archive", ""),
        (b"  <!DOCTYPE html><script>", ""),
        (b"<svg onload=alert(1)>", ""),
        (b"\xef\xbb\xbf<html>", ""),
        (b"\x00\x01\x02", ""),
    ],
)
def test_what_is_in_a_file_decides_what_it_is(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_a_file_lies_outside_every_web_root_and_is_read_by_who_sees_the_exception(
    open_case: OpenCase, house: House, now: datetime, data_dir: Path
) -> None:
    case, amal = open_case(), house.actor("amal")
    kept = services.attach_file(case_id=case.pk, name="C:\\docs\\..\\photo.PNG", content=PNG, by=amal, now=now)
    again = services.attach_file(case_id=case.pk, name="same.png", content=PNG, by=amal, now=now)
    assert (kept.number, kept.name, kept.content_type, kept.size) == (1, "photo.PNG", "image/png", len(PNG))
    (stored,) = [path for path in (data_dir / "attachments").rglob("*") if path.is_file()]
    assert (stored.name, stored.read_bytes(), again.number) == (kept.sha256, PNG, 2)
    found = selectors.attachment_for(by=house.actor("sam"), key=case.key, number=1)
    with selectors.opened(found) as file:
        assert file.read() == PNG
    with pytest.raises(NotFound):
        selectors.attachment_for(by=house.actor("noor"), key=case.key, number=1)
    stored.unlink()
    with pytest.raises(NotFound, match="restored from a backup"):
        selectors.opened(found)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.txt", b"", "is empty"),
        ("run.exe", b"MZ\x90\x00", "is no PDF, picture"),
        ("run.bat", b"del *.*", "its name has to end with .txt"),
        ("photo.pdf", PNG, "its name has to end with .png"),
        ("page.txt", b"<html><script>", "is no PDF, picture"),
        ("large.txt", b"a" * (10 * 1024 * 1024 + 1), "is larger than 10 MB"),
    ],
)
def test_what_is_not_kept_is_refused_by_name(
    open_case: OpenCase, house: House, now: datetime, name: str, content: bytes, said: str
) -> None:
    case = open_case()
    with pytest.raises(Invalid, match=said):
        services.attach_file(case_id=case.pk, name=name, content=content, by=house.actor("amal"), now=now)
    assert not CaseAttachment.objects.exists()


def test_there_are_enough_files_at_ten(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal = open_case(), house.actor("amal")
    for n in range(10):
        services.attach_file(case_id=case.pk, name=f"{n}.txt", content=b"seen", by=amal, now=now)
    with pytest.raises(Invalid, match="10 is the limit"):
        services.attach_file(case_id=case.pk, name="11.txt", content=b"seen", by=amal, now=now)


def test_who_may_only_read_adds_nothing_and_evidence_stays(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case()
    with pytest.raises(Refused):
        services.attach_file(case_id=case.pk, name="a.txt", content=b"x", by=house.actor("sam"), now=now)
    with pytest.raises(NotFound):
        services.attach_file(case_id=case.pk, name="a.txt", content=b"x", by=house.actor("noor"), now=now)
    services.attach_file(case_id=case.pk, name="a.txt", content=b"x", by=house.actor("amal"), now=now)
    with pytest.raises(DatabaseError, match="refuses DELETE"), transaction.atomic():
        CaseAttachment.objects.all().delete()


def test_two_exceptions_are_linked_once_both_ways_and_unlinked(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    one, two, amal = open_case(1), open_case(2), house.actor("amal")
    services.link_cases(case_id=one.pk, exception=two.key, by=amal, now=now)
    services.link_cases(case_id=two.pk, exception=one.key.lower(), by=amal, now=now)
    assert CaseLink.objects.count() == 1
    assert [selectors.related_to(case) for case in (one, two)] == [[two], [one]]
    assert selectors.payload(by=amal, key=one.key, now=now)["related"] == [two.key]
    assert Event.objects.filter(type="case.linked").count() == 2
    services.unlink_cases(case_id=two.pk, exception=one.key, by=amal, now=now)
    assert [selectors.related_to(case) for case in (one, two)] == [[], []]
    with pytest.raises(Conflict, match="are not linked"):
        services.unlink_cases(case_id=two.pk, exception=one.key, by=amal, now=now)


def test_an_exception_is_not_linked_to_itself_nor_across_clients(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    ours, theirs = open_case(1), open_case(2, client="fable")
    with pytest.raises(Invalid, match="this is the same one"):
        services.link_cases(case_id=ours.pk, exception=ours.key, by=house.actor("lee"), now=now)
    with pytest.raises(Conflict, match="of different clients"):
        services.link_cases(case_id=ours.pk, exception=theirs.key, by=house.actor("lee"), now=now)
    for actor in ("amal", "noor"):
        with pytest.raises(NotFound):
            services.link_cases(case_id=ours.pk, exception=theirs.key, by=house.actor(actor), now=now)
    assert not CaseLink.objects.exists()


def test_what_lay_behind_it_is_said_when_it_is_resolved(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal = open_case(), house.actor("amal")
    with pytest.raises(Invalid, match="Choose one of: data"):
        services.resolve_case(case_id=case.pk, outcome="resolved", root_cause="magic", by=amal, now=now)
    case = services.resolve_case(case_id=case.pk, outcome="resolved", root_cause="data", by=amal, now=now)
    assert case.root_cause == "data"
    assert selectors.payload(by=amal, key=case.key, now=now)["root_cause"] == "data"
    assert services.reopen_case(case_id=case.pk, reason="came back", by=amal, now=now).root_cause == ""


def heard(owner: str) -> list[str]:
    said = Notification.objects.filter(owner__slug=owner, event="case.news").order_by("id")
    return [one.text.partition(". ")[2] for one in said]


def test_who_watches_is_told_what_happens_until_they_stop(open_case: OpenCase, house: House, now: datetime) -> None:
    case, bo, amal = open_case(), house.actor("bo"), house.actor("amal")
    for _ in range(2):
        services.watch_case(case_id=case.pk, by=bo, now=now)
    assert Event.objects.filter(type="case.watched", subject_id=str(case.pk)).count() == 1
    services.note_case(case_id=case.pk, text="Called them; @bo look", by=amal, now=now)
    services.note_case(case_id=case.pk, text="Mrs Jansen called", by=amal, now=now)
    services.note_case(case_id=case.pk, text="I wrote this myself", by=bo, now=now)
    services.reassign_case(case_id=case.pk, to="amal", reason="she knows them", by=house.actor("lee"), now=now)
    services.withdraw_case(case_id=case.pk, reason="It was nothing", by=house.actor("lee"), now=now)
    assert [one.rpartition(". ")[2] for one in heard("bo")] == [
        "There is a new note.",
        "Somebody else has it now.",
        "Its cause has gone.",
    ]
    assert [watcher.slug for watcher in selectors.case_page(by=bo, key=case.key, now=now).watchers] == ["bo"]
    services.unwatch_case(case_id=case.pk, by=bo, now=now)
    services.note_case(case_id=case.pk, text="Not a word to Bo", by=amal, now=now)
    assert (len(heard("bo")), selectors.case_page(by=bo, key=case.key, now=now).watchers) == (3, [])


def test_who_may_no_longer_see_it_hears_nothing(open_case: OpenCase, house: House, now: datetime) -> None:
    case, bo = open_case(), house.actor("bo")
    services.watch_case(case_id=case.pk, by=bo, now=now)
    with pytest.raises(NotFound):
        services.watch_case(case_id=case.pk, by=house.actor("noor"), now=now)
    house.users["bo"].groups.clear()
    services.note_case(case_id=case.pk, text="Bo is gone", by=house.actor("amal"), now=now)
    assert heard("bo") == []


def test_a_wrong_file_is_withdrawn_by_who_put_it_there_or_a_lead_and_its_trace_stays(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case, amal, bo, lee = open_case(), house.actor("amal"), house.actor("bo"), house.actor("lee")
    for name in ("a.txt", "b.txt"):
        services.attach_file(case_id=case.pk, name=name, content=b"seen", by=amal, now=now)
    wrong: dict[str, Any] = {"case_id": case.pk, "reason": "Somebody else's letter", "now": now}
    with pytest.raises(Refused):
        services.withdraw_file(**wrong, number=1, by=bo)
    services.withdraw_file(**wrong, number=1, by=amal)
    services.withdraw_file(**wrong, number=2, by=lee)
    with pytest.raises(Conflict, match="already"):
        services.withdraw_file(**wrong, number=1, by=amal)
    with pytest.raises(NotFound):
        services.withdraw_file(**wrong, number=3, by=amal)
    with pytest.raises(NotFound, match="not shown any more"):
        selectors.attachment_for(by=amal, key=case.key, number=1)
    kept = CaseAttachment.objects.get(number=1)
    assert kept.withdrawn is not None
    assert (kept.withdrawn.by, kept.withdrawn.reason, kept.shown_name, len(kept.sha256)) == (
        amal.id,
        wrong["reason"],
        "",
        64,
    )


def test_what_an_exception_was_resolved_by_stays(open_case: OpenCase, house: House, now: datetime) -> None:
    case, amal = open_case(), house.actor("amal")
    file: dict[str, Any] = {"case_id": case.pk, "name": "proof.txt", "content": b"signed", "by": amal, "now": now}
    with pytest.raises(Invalid, match="has no criterion 9"):
        services.attach_file(**file, criterion=9)
    services.attach_file(**file, criterion=1)
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    page = selectors.case_page(by=amal, key=case.key, now=now)
    assert [(one.words[0], [file.name for file in one.files]) for one in page.evidence] == [
        (f"{amal.name} said so, {at(now)}", ["proof.txt"])
    ]
    with pytest.raises(IllegalTransition, match="stays"):
        services.withdraw_file(case_id=case.pk, number=1, reason="Not needed", by=amal, now=now)


def test_what_was_just_done_is_taken_back_until_something_else_happens(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case, amal, lee = open_case(), house.actor("amal"), house.actor("lee")
    before = case.owner.slug

    def newest() -> int:
        return trail_of(case)[0].number

    def take_back(entry: int, by: Actor = amal, when: datetime = now) -> None:
        services.undo_act(case_id=case.pk, entry=entry, by=by, now=when)

    services.reassign_case(case_id=case.pk, to="logistics", reason="They know", by=amal, now=now)
    given = newest()
    with pytest.raises(Conflict, match="Only who did it"):
        take_back(given, by=lee)
    with pytest.raises(Conflict, match="could be taken back until"):
        take_back(given, when=now + timedelta(minutes=16))
    assert undoable(trail_of(case), by=amal, now=now) == {given}
    take_back(given)
    case.refresh_from_db()
    assert (case.owner.slug, trail_of(case)[0].reason) == (before, "Taken back")
    with pytest.raises(Conflict, match="Something has happened since"):
        take_back(given)
    services.watch_case(case_id=case.pk, by=amal, now=now)
    watched = newest()
    services.acknowledge_case(case_id=case.pk, by=amal, now=now)
    take_back(watched)
    with pytest.raises(Conflict, match="already"):
        take_back(watched)
    with pytest.raises(Conflict, match="cannot be taken back"):
        take_back(next(one.number for one in trail_of(case) if one.type == "case.opened"))
    with pytest.raises(NotFound):
        take_back(10_000)
