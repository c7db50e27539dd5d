"""The trail, tampered with by someone who can do anything to the database: each change is found and named."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from audit import chain, checkpoints
from audit.context import Actor, acting
from audit.models import Event, Seal
from audit.selectors import verification
from audit.selectors.verification import Finding, seal_before, verify_trail
from audit.services.events import Entry, record, record_many
from audit.services.seals import keep_outside, seal_trail
from audit.subject_refs import SubjectRef
from config.embedded import PostgresCluster

ORDER, OTHER = SubjectRef("audit.actor", "order"), SubjectRef("audit.actor", "other")
SUBJECT = "audit.actor order"
Tamper = Callable[..., None]


@pytest.fixture
def trail(transactional_db: None, system: Actor, now: datetime) -> list[Event]:
    """Five events of one record, in two seals, and as many of another."""
    for batch in (range(1, 4), range(4, 6)):
        for n in batch:
            with acting(system, at=now + timedelta(minutes=n)):
                record_many([Entry("access.refused", ref, data={"what": str(n)}) for ref in (OTHER, ORDER)])
        seal_trail(now=now + timedelta(hours=1))
    return list(Event.objects.filter(subject_id="order").order_by("seq"))


@pytest.fixture
def tamper(trail: list[Event], postgres: PostgresCluster) -> Iterator[Tamper]:
    """As superuser, with every trigger switched off."""
    url = postgres.url("superuser", str(connection.settings_dict["NAME"]))
    with psycopg.connect(url, autocommit=True) as session:

        def execute(statement: str, *values: object) -> None:
            for table in ("audit_event", "audit_seal", "audit_chainhead"):
                session.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            session.execute(statement, values)

        yield execute
        for table in ("audit_event", "audit_seal", "audit_chainhead"):
            session.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        session.execute(
            "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgrelid::regclass AS r, tgname FROM pg_trigger"
            " WHERE tgname LIKE 'pgtrigger%' LOOP"
            " EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.r, t.tgname); END LOOP; END $$"
        )


def places(findings: list[Finding]) -> list[tuple[str, str, int | None]]:
    return [(finding.what, finding.subject, finding.seq) for finding in findings if finding.seal is None]


def seals(findings: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.what, finding.seal) for finding in findings if finding.seal is not None]


def test_an_untouched_trail_is_whole(trail: list[Event]) -> None:
    found = verify_trail()
    assert found.findings == []
    assert (found.events, found.records, found.seals, found.checkpoints, found.unsealed) == (10, 2, 2, 2, 0)


def test_what_is_sealed_while_it_is_read_is_no_finding(
    trail: list[Event], system: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seal_meanwhile() -> None:
        with acting(system, at=now):
            record("access.refused", subject=ORDER)
        seal_trail(now=now + timedelta(hours=2))
        connection.close()

    def walk(*given: Any) -> dict[str, tuple[int, bytes]]:
        other = Thread(target=seal_meanwhile)
        other.start()
        other.join()
        return as_it_is(*given)

    as_it_is = verification._walk
    monkeypatch.setattr(verification, "_walk", walk)
    assert verify_trail().findings == []
    assert Seal.objects.count() == checkpoints.last_kept() == 3


def test_events_after_the_last_seal_are_verified_too(trail: list[Event], system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        record("access.refused", subject=ORDER)
    found = verify_trail()
    assert (found.whole, found.unsealed) == (True, 1)


def test_a_changed_row_is_named(tamper: Tamper, trail: list[Event]) -> None:
    tamper("UPDATE audit_event SET body = replace(body, '3', '4') WHERE id = %s", trail[2].pk)
    findings = verify_trail().findings
    assert places(findings) == [("changed event", SUBJECT, 3)]
    assert findings[0].event == str(trail[2].pk)


@pytest.mark.parametrize(
    "change",
    ["at = at + interval '1 microsecond'", "actor = 'user:1'", "client_id = gen_random_uuid()", "request_id = 'x'"],
)
def test_no_column_can_change(tamper: Tamper, trail: list[Event], change: str) -> None:
    tamper(f"UPDATE audit_event SET {change} WHERE id = %s", trail[1].pk)  # noqa: S608 -- our own list
    assert places(verify_trail().findings) == [("changed event", SUBJECT, 2)]


def test_a_deleted_middle_is_named(tamper: Tamper, trail: list[Event]) -> None:
    tamper("DELETE FROM audit_event WHERE id = ANY(%s)", [trail[1].pk, trail[2].pk])
    findings = verify_trail().findings
    assert places(findings) == [("missing event", SUBJECT, 2)]
    assert "events 2 to 3 are missing" in findings[0].message
    assert seals(findings) == [("broken seal", 1)]


def test_a_cut_tail_is_named(tamper: Tamper, trail: list[Event]) -> None:
    tamper("DELETE FROM audit_event WHERE id = %s", trail[4].pk)
    findings = verify_trail().findings
    assert sorted(places(findings), key=str) == [("truncated tail", SUBJECT, 5)]
    assert seals(findings) == [("broken seal", 2)]


def test_a_cut_tail_with_a_mended_chain_end_is_found_by_its_seal(tamper: Tamper, trail: list[Event]) -> None:
    tamper("DELETE FROM audit_event WHERE id = %s", trail[4].pk)
    tamper("UPDATE audit_chainhead SET seq = 4, hash = %s WHERE subject_id = 'order'", bytes(trail[3].hash))
    findings = verify_trail().findings
    assert seals(findings) == [("broken seal", 2)]
    assert "1 of 4 events are missing" in findings[0].message


def test_a_record_removed_altogether_is_named(tamper: Tamper) -> None:
    tamper("DELETE FROM audit_event WHERE subject_id = 'order'")
    findings = verify_trail().findings
    assert places(findings) == [("truncated tail", SUBJECT, 1)]
    assert seals(findings) == [("broken seal", 1), ("broken seal", 2)]


def test_two_swapped_events_are_named(tamper: Tamper, trail: list[Event]) -> None:
    second, third = trail[1].pk, trail[2].pk
    tamper("UPDATE audit_event SET seq = 99 WHERE id = %s", second)
    tamper("UPDATE audit_event SET seq = 2 WHERE id = %s", third)
    tamper("UPDATE audit_event SET seq = 3 WHERE id = %s", second)
    assert places(verify_trail().findings) == [("wrong order", SUBJECT, 2)]


def test_an_event_inserted_in_the_middle_is_named(tamper: Tamper, trail: list[Event]) -> None:
    tamper("UPDATE audit_event SET seq = 6 WHERE id = %s", trail[4].pk)
    tamper("UPDATE audit_event SET seq = 5 WHERE id = %s", trail[3].pk)
    tamper(
        "CREATE TEMP TABLE copied AS SELECT * FROM audit_event WHERE id = %s",
        trail[2].pk,
    )
    tamper("UPDATE copied SET id = gen_random_uuid(), seq = 4")
    tamper("INSERT INTO audit_event SELECT * FROM copied")
    assert places(verify_trail().findings) == [("inserted event", SUBJECT, 4)]


def test_a_chain_forged_from_the_middle_is_found_by_its_seals(tamper: Tamper, trail: list[Event]) -> None:
    """Whoever knows the format can re-chain everything; the signed roots still know better."""
    previous = bytes(trail[0].hash)
    for event in trail[1:]:
        event.body = event.body.replace("2", "7")
        columns = {name: getattr(event, name) for name in chain.COLUMNS if name != "id"}
        previous = chain.link(previous, chain.digest_of(chain.spell(event_id=event.pk, **columns)))
        tamper("UPDATE audit_event SET body = %s, hash = %s WHERE id = %s", event.body, previous, event.pk)
    tamper("UPDATE audit_chainhead SET hash = %s WHERE subject_id = 'order'", previous)
    findings = verify_trail().findings
    assert places(findings) == []
    assert seals(findings) == [("broken seal", 1), ("broken seal", 2)]


def test_a_removed_chain_end_is_named(tamper: Tamper) -> None:
    tamper("DELETE FROM audit_chainhead WHERE subject_id = 'order'")
    assert places(verify_trail().findings) == [("missing chain end", SUBJECT, None)]


def test_a_removed_seal_is_named(tamper: Tamper) -> None:
    tamper("DELETE FROM audit_seal WHERE number = 1")
    assert seals(verify_trail().findings) == [("missing seal", 1)]


def test_a_tail_cut_with_its_seal_is_beyond_the_checkpoints(tamper: Tamper, trail: list[Event]) -> None:
    """As after restoring an old backup: everything inside agrees, only what was kept outside knows better."""
    tamper("DELETE FROM audit_seal WHERE number = 2")
    tamper("DELETE FROM audit_event WHERE seq > 3")
    tamper(
        "UPDATE audit_chainhead h SET seq = 3, hash = e.hash FROM audit_event e"
        " WHERE e.subject_id = h.subject_id AND e.seq = 3"
    )
    assert seals(verify_trail().findings) == [("checkpoint beyond database", 2)]


def test_sealing_on_after_a_cut_does_not_hide_it(tamper: Tamper, now: datetime) -> None:
    tamper("DELETE FROM audit_seal WHERE number = 2")
    assert keep_outside() == 0
    seal_trail(now=now + timedelta(hours=9))
    assert ("broken seal", 2) in seals(verify_trail().findings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("event_count = 9", "says something else"),
        ("sealed_at = sealed_at + interval '1 day'", "says something else"),
        ("statement = substr(statement, 1, length(statement) - 4) || 'AAAA'", "not signed with one of our keys"),
        ("previous = sha256('x')", "does not follow"),
    ],
)
def test_a_changed_seal_is_named(tamper: Tamper, change: str, message: str) -> None:
    tamper(f"UPDATE audit_seal SET {change} WHERE number = 2")  # noqa: S608 -- our own list
    findings = verify_trail().findings
    assert {what for what, _ in seals(findings)} == {"broken seal"}
    assert any(message in finding.message and finding.seal == 2 for finding in findings)


def test_since_a_seal_only_what_follows_is_read(tamper: Tamper, trail: list[Event]) -> None:
    found = verify_trail(since=seal_before("1"))
    assert (found.events, found.whole) == (4, True)
    tamper("UPDATE audit_event SET actor = 'user:9' WHERE id = %s", trail[3].pk)
    assert places(verify_trail(since=seal_before("1")).findings) == [("changed event", SUBJECT, 4)]
    assert verify_trail(since=seal_before("2")).whole


def test_a_lost_checkpoint_file_is_written_again(trail: list[Event], data_dir: Path) -> None:
    checkpoints.checkpoint_file().unlink()
    assert keep_outside() == 2
    assert [checkpoint.seal for checkpoint in checkpoints.kept()] == [1, 2]


def test_a_half_written_checkpoint_is_written_again(trail: list[Event], data_dir: Path) -> None:
    file = checkpoints.checkpoint_file()
    file.write_text(file.read_text()[:-20])
    assert keep_outside() == 1
    assert verify_trail().whole


def test_the_command_names_what_is_wrong(
    tamper: Tamper, trail: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_audit")
    assert "The trail is whole: 10 events of 2 records" in capsys.readouterr().out
    tamper("UPDATE audit_event SET actor = 'user:9' WHERE id = %s", trail[2].pk)
    with pytest.raises(SystemExit) as broken:
        call_command("verify_audit", json=True)
    document = json.loads(capsys.readouterr().out)
    assert (broken.value.code, document["ok"]) == (1, False)
    assert (document["items"][0]["what"], document["items"][0]["seq"]) == ("changed event", 3)


def test_a_wrong_since_is_refused(trail: list[Event]) -> None:
    with pytest.raises(SystemExit) as refused:
        call_command("verify_audit", since="yesterday")
    assert refused.value.code == 2


def test_seals_count_on_and_an_idle_trail_is_not_sealed(trail: list[Event], now: datetime) -> None:
    assert seal_trail(now=now) is None
    assert list(Seal.objects.order_by("number").values_list("number", "event_count", "total_count")) == [
        (1, 6, 6),
        (2, 4, 10),
    ]


def test_an_event_of_an_open_transaction_waits_for_its_seal(
    transactional_db: None, postgres: PostgresCluster, system: Actor, now: datetime
) -> None:
    url = postgres.url("owner", str(connection.settings_dict["NAME"]))
    with psycopg.connect(url) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        with acting(system, at=now):
            record("access.refused", subject=ORDER)
        assert seal_trail(now=now) is None
    sealed = seal_trail(now=now)
    assert sealed is not None
    assert sealed.event_count == 1


def test_of_two_sealers_one_seals(trail: list[Event], system: Actor, now: datetime, postgres: PostgresCluster) -> None:
    with acting(system, at=now):
        record("access.refused", subject=ORDER)
    url = postgres.url("owner", str(connection.settings_dict["NAME"]))
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x68616E64_7365616C])
        assert seal_trail(now=now) is None
    assert seal_trail(now=now) is not None
