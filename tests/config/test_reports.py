"""What the command line says of the whole product: for people a table, for programs one document, and a number for both."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import jsonschema_rs
import pytest
from django.conf import settings as given
from django.core.management import CommandError, call_command

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.crypto import seal_secret
from audit.models import Event
from config import health
from orders.sync.models import InboundEvent, System
from orders.sync.states import InboundState
from rules.states import Layer
from tests.cast import House
from tests.pages.conftest import open_cases

SCHEMA = jsonschema_rs.Draft202012Validator(json.loads((given.BASE_DIR / "docs" / "report.schema.json").read_text()))
GOOD = {"client": "northwind", "sku": "TENT", "available": 5, "changed_at": "2026-11-20T09:00:00Z"}


class Said:
    """A command that was run: its exit code, and the document it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, Any]:
        code = 0
        try:
            call_command(*arguments, "--json")
        except SystemExit as ended:
            code = int(ended.code or 0)
        except CommandError as refused:
            code = refused.returncode
        out = self.capsys.readouterr().out
        document = json.loads(out) if out else None
        if document is not None:
            SCHEMA.validate(document)
            assert (document["schema"], document["ok"]) == (f"ops.{arguments[0]}/1", code == 0)
        return code, document


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return Said(capsys)


@pytest.fixture
def letters(house: House) -> list[InboundEvent]:
    """Three dead letters of a store; the last is still broken."""
    now = clock.now()
    with acting(system_actor("test"), at=now):
        shop = System.objects.create(
            slug="shop", name="Shop", layer=Layer.STORE, client=house.clients["northwind"], owner=house.owners["lee"]
        )
    for n, available in enumerate((1, 2, "many")):
        InboundEvent.objects.create(
            system=shop,
            client=shop.client,
            event_id=f"e-{n}",
            source="/shop",
            type="stock.changed",
            subject="TENT",
            time=now,
            received_at=now,
            due_at=now,
            finished_at=now,
            sealed=seal_secret(json.dumps({**GOOD, "available": available})),
            sha256="",
            preview={},
            lane=0,
            state=InboundState.DEAD,
            cause="The handler was not there",
        )
    return list(InboundEvent.objects.order_by("number"))


@pytest.mark.parametrize("command", ["check_slas", "check_exception_types", "sync_lag", "count_exceptions"])
def test_what_a_command_reports_keeps_to_the_schema(house: House, said: Said, command: str) -> None:
    code, document = said(command)
    assert (code in {0, 1}, isinstance(document["summary"], dict)) == (True, True)


def test_status_says_what_the_page_says_and_fails_when_a_part_does_not_run(
    house: House, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, document = said("status")
    assert (code, document["summary"]["light"]) == (1, "red")
    assert {"name": "timers", "light": "red", "words": "Has never run here."} in document["items"]
    well = health.Status(clock.now(), (health.Part("database", health.Light.GREEN, "Answers."),))
    monkeypatch.setattr(health, "status", lambda now: well)
    assert said("status")[0] == 0


@pytest.mark.usefixtures("away")
def test_status_says_that_the_database_is_away(said: Said) -> None:
    code, document = said("status")
    assert (code, document["items"][0]["words"]) == (1, "The database does not answer.")


def test_exceptions_are_listed_as_the_queue_shows_them_to_the_same_person(house: House, said: Said) -> None:
    cases = open_cases(house, 3)
    _, listed = said(
        "list_exceptions", "--filter", "https://handrail.example/queue/team/?client=northwind&type=address"
    )
    assert [row["key"] for row in listed["items"]] == [case.key for case in cases]
    assert listed["summary"] == {"exceptions": 3, "after": ""}
    assert [said("list_exceptions", "--as", name)[1]["summary"]["exceptions"] for name in ("amal", "noor")] == [3, 0]
    for wrong in (["--filter", "klient=northwind"], ["--filter", "due=whenever"], ["--as", "nobody"]):
        assert said("list_exceptions", *wrong) == (2, None)


def test_line_by_line_a_report_is_its_head_and_then_its_items_with_times_where_the_reader_is(
    house: House, said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = open_cases(house, 1)
    _, document = said("list_exceptions", "--tz", "Asia/Tokyo")
    call_command("list_exceptions", "--jsonl", "--tz", "Asia/Tokyo")
    head, item = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    SCHEMA.validate({**head, "items": [item]})
    assert (item, head["summary"]) == (document["items"][0], document["summary"])
    assert {one[-6:] for one in (head["generated_at"], item["due_at"])} == {"+09:00"}
    assert datetime.fromisoformat(item["due_at"]) == case.due_at
    for wrong, words in (("Mars", "no time zone “Mars”"), ("", "no time zone"), ("Europe", "no time zone")):
        with pytest.raises(CommandError, match=words):
            call_command("list_exceptions", "--tz", wrong)


def test_quiet_says_nothing_but_what_was_asked_for_or_found(
    house: House, letters: list[InboundEvent], said: Said, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("list_exceptions", "--quiet")
    assert capsys.readouterr() == ("", "")
    assert said("list_exceptions", "--quiet")[1]["ok"]
    with pytest.raises(SystemExit):
        call_command("status", "--quiet")
    assert capsys.readouterr().out.startswith("FINDINGS")
    with suppress(SystemExit):
        call_command("replay", "--all", "--yes", "--reason", "The sender is mended", "--quiet")
    assert "of 3" not in capsys.readouterr().err


def test_a_replay_is_shown_first_and_done_with_a_reason_by_somebody_who_may(
    letters: list[InboundEvent], said: Said
) -> None:
    keys = [letter.key for letter in letters]
    code, plan = said("replay", "--filter", "system=shop")
    assert (code, [row["key"] for row in plan["items"]], plan["summary"]["done"]) == (0, keys, False)
    assert said("replay", "--all", "--dry-run", "--yes", "--reason", "mended")[1]["summary"]["done"] is False
    refused: tuple[list[str], ...] = (
        [],
        ["DL-1"],
        ["--filter", "sistem=x"],
        ["--all", "--yes"],
        ["--all", "--yes", "--as", "noor", "--reason", "mended"],
    )
    assert [said("replay", *wrong)[0] for wrong in refused] == [2] * 5
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {InboundState.DEAD}

    code, done = said("replay", keys[0].lower(), "--yes", "--reason", "The sender is mended", "--as", "lee")
    assert (code, done["summary"]) == (0, {"done": True, "dead_letters": 1, "replayed": 1})
    code, done = said("replay", "--all", "--yes", "--reason", "The sender is mended")
    assert (code, [row["replayed"] for row in done["items"]]) == (4, [True, False])
    assert Event.objects.filter(type="event.replayed").count() == 2
    assert said("replay", "--all", "--yes", "--reason", "The sender is mended")[0] == 1


def test_who_stops_a_replay_at_a_rate_keeps_what_was_done(
    letters: list[InboundEvent], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(seconds: float) -> None:
        assert seconds == 1
        raise KeyboardInterrupt

    monkeypatch.setattr("orders.sync.management.commands.replay.time.sleep", stop)
    code, done = said("replay", "--all", "--yes", "--reason", "The sender is mended", "--rate", "1")
    assert (code, done["summary"]["replayed"]) == (4, 1)
    states = InboundEvent.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [InboundState.NEW, InboundState.DEAD, InboundState.DEAD]
    assert said("replay", "--all")[1]["summary"]["dead_letters"] == 2


@pytest.mark.parametrize(("answer", "left"), [("y", 1), ("", 3)])
def test_at_a_terminal_a_person_is_asked(
    letters: list[InboundEvent], monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with suppress(SystemExit):
        call_command("replay", "--all", "--reason", "The sender is mended")
    assert InboundEvent.objects.filter(state=InboundState.DEAD).count() == left
