"""Every promise about messages is watched: whoever breaks one behind the product's back, with SQL, is named."""

from datetime import datetime, timedelta

import pytest
from django.db import connection

from audit import clock
from audit.context import Actor
from audit.selectors.invariants import check_all
from audit.subject_refs import SubjectRef
from orders.sync import services
from orders.sync.models import Expectation, InboundEvent, OutboundMessage, System
from orders.sync.sandbox import Sandbox
from orders.sync.services import Expected, Observed, RunStart
from rules.models import Flow
from tests.cast import House
from tests.orders.sync.conftest import Send, stock, task

SUBJECT = SubjectRef("test.parcel", "7")


def offenders(invariant: str) -> tuple[str, ...]:
    (outcome,) = check_all(only=[invariant])
    assert not outcome.trouble, outcome.trouble
    return outcome.offenders


def break_by(*statements: str) -> None:
    """Run as somebody at the database's own prompt would, with the constraints out of the way."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in statements:
            cursor.execute(statement)


def without(table: str, *constraints: str) -> list[str]:
    return [f'ALTER TABLE {table} DROP CONSTRAINT "{name}"' for name in constraints]


def copied(table: str, **changes: str) -> str:
    """A statement that copies every row of a table with other values."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table}"  # noqa: S608 -- a table of ours


FRESH_EVENT = {"id": "gen_random_uuid()", "number": "nextval('sync_message_number')"}


@pytest.fixture
def told(send: Send, applied: list[str]) -> None:
    """One event applied, one overtaken, one that breaks its contract, one that could not be applied, one waiting."""
    send(stock("newer", token=7))
    send(stock("older", token=3))
    services.apply_due(now=clock.now())
    send(stock("broken", available="many"))
    send(stock("failed", sku="BROKEN"))
    services.apply_due(now=clock.now())
    send(stock("waiting", sku="POLE"))


@pytest.fixture
def delivered(warehouse: System, house: House, sandbox: Sandbox) -> OutboundMessage:
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.deliver_due(now=clock.now())
    return OutboundMessage.objects.get()


@pytest.fixture
def run(told: None, house: House, system: Actor, now: datetime) -> Expectation:
    """A flow run whose expectation the applied event met."""
    expected = [Expected("Stock is told", "stock.changed", now + timedelta(hours=1))]
    flow = Flow.objects.order_by("slug")[0]
    start = RunStart(flow, house.clients["northwind"].pk, SUBJECT, "NW-1", "trigger-1", expected)
    services.start_runs(starts=[start], by=system, now=now)
    services.observe(observed=[Observed(SUBJECT, "stock.changed", "newer")], by=system, now=now)
    return Expectation.objects.get()


def test_all_of_it_holds_for_what_the_product_did(run: Expectation, delivered: OutboundMessage, house: House) -> None:
    letter = InboundEvent.objects.get(event_id="failed")
    services.replay(event_ids=[letter.pk], reason="mended", by=house.actor("lee"), now=clock.now())
    services.apply_due(now=clock.now())
    services.discard(event_ids=[letter.pk], reason="enough", by=house.actor("lee"), now=clock.now())
    ids = [f"inv-{n:02}" for n in (1, 2, 3, 4, 5, 6, 7, 34, 35, 36, 37, 38, 39, 40, 41, 49)]
    outcomes = list(check_all(only=ids))
    assert len(outcomes) == len(ids)
    assert [(one.id, one.offenders, one.trouble) for one in outcomes if not one.holds] == []


def test_an_event_kept_twice_is_found(told: None) -> None:
    break_by(
        *without("sync_inboundevent", "inboundevent_once_per_system_and_id"),
        copied("sync_inboundevent", **FRESH_EVENT) + " WHERE event_id = 'newer'",
    )
    assert offenders("inv-01") == ("shop newer",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("SET finished_at = NULL WHERE event_id = 'newer'", "newer"),
        ("SET finished_at = now() WHERE event_id = 'waiting'", "waiting"),
        ("SET cause = '' WHERE event_id = 'broken'", "broken"),
        ("SET cause = '' WHERE event_id = 'older'", "older"),
        ("SET state = 'discarded' WHERE event_id = 'newer'", "newer"),
    ],
)
def test_an_event_without_exactly_one_end_is_found(told: None, change: str, named: str) -> None:
    break_by(
        *without("sync_inboundevent", "inboundevent_finished_iff_not_new", "inboundevent_dead_has_a_cause"),
        f"UPDATE sync_inboundevent {change}",
    )
    assert offenders("inv-02") == (named,)


def test_an_effect_of_an_event_that_was_not_applied_is_found(run: Expectation) -> None:
    assert offenders("inv-03") == ()
    break_by("UPDATE sync_expectation SET met_by = 'broken'")
    assert offenders("inv-03") == ("broken",)


def test_an_event_that_is_gone_is_found(told: None) -> None:
    letter = InboundEvent.objects.get(event_id="broken")
    break_by("DELETE FROM sync_inboundevent WHERE event_id = 'broken'")
    assert offenders("inv-05") == (str(letter.pk),)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sync_changetoken SET token = 5",
        "DELETE FROM sync_changetoken",
        "UPDATE sync_inboundevent SET state = 'applied', change_token = 7 WHERE event_id = 'older'",
    ],
)
def test_a_change_that_goes_back_is_found(told: None, statement: str) -> None:
    break_by(statement)
    assert offenders("inv-07") == ("shop TENT",)


def test_a_promise_made_twice_is_found(delivered: OutboundMessage) -> None:
    break_by(
        "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE sync_outboundmessage DROP CONSTRAINT ' || quote_ident(conname) FROM pg_constraint"
        " WHERE conrelid = 'sync_outboundmessage'::regclass AND contype = 'u' AND pg_get_constraintdef(oid) = 'UNIQUE (key)'); END $$",
        copied("sync_outboundmessage", **FRESH_EVENT, state="'pending'", sent_at="NULL"),
    )
    assert offenders("inv-35") == (delivered.key,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sync_attempt SET status = 500",
        "DELETE FROM sync_attempt",
        "UPDATE sync_outboundmessage SET attempts = 2, fence = 2",
    ],
)
def test_a_delivery_nobody_accepted_is_found(delivered: OutboundMessage, statement: str) -> None:
    assert offenders("inv-35") == ()
    break_by(statement)
    assert offenders("inv-35") == (delivered.key,)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE sync_attempt SET number = 2", "T-1/pick_pack/1 attempt 2"),
        ("UPDATE sync_outboundmessage SET fence = 0", "T-1/pick_pack/1"),
    ],
)
def test_a_completion_without_its_claim_is_found(delivered: OutboundMessage, statement: str, named: str) -> None:
    assert offenders("inv-37") == ()
    break_by(statement)
    assert offenders("inv-37") == (named,)


@pytest.mark.parametrize(
    ("change", "state"), [("attempts = 3", "pending"), ("attempts = 4, lease_until = now()", "sending")]
)
def test_a_message_tried_too_often_is_found(delivered: OutboundMessage, change: str, state: str) -> None:
    break_by(f"UPDATE sync_outboundmessage SET {change}, fence = 9, sent_at = NULL, state = '{state}'")  # noqa: S608 -- the cases above
    assert offenders("inv-38") == (delivered.key,)


@pytest.mark.parametrize("change", ["sealed = ''", "sha256 = 'x'", "lane = 99", "subject = ''"])
def test_a_dead_letter_that_cannot_be_replayed_is_found(told: None, change: str) -> None:
    assert offenders("inv-39") == ()
    break_by(f"UPDATE sync_inboundevent SET {change} WHERE event_id = 'broken'")  # noqa: S608 -- the cases above
    assert offenders("inv-39") == (InboundEvent.objects.get(event_id="broken").key,)


def test_a_replay_nobody_told_of_is_found(told: None) -> None:
    break_by("UPDATE sync_inboundevent SET replays = 1 WHERE event_id = 'broken'")
    assert offenders("inv-40") == (InboundEvent.objects.get(event_id="broken").key,)


def test_a_run_that_one_event_started_twice_is_found(run: Expectation, as_system: Actor) -> None:
    assert offenders("inv-40") == ()
    break_by(copied("sync_flowrun", id="gen_random_uuid()"))
    assert offenders("inv-40") == ("trigger-1",)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("SET state = 'lost' WHERE event_id = 'newer'", "shop"),
        ("SET state = 'superseded', cause = 'x', change_token = 99 WHERE event_id = 'newer'", "newer"),
    ],
)
def test_an_event_that_is_nowhere_is_found(told: None, change: str, named: str) -> None:
    assert offenders("inv-41") == ()
    break_by(
        *without("sync_inboundevent", "inboundevent_state_is_known"),
        f"UPDATE sync_inboundevent {change}",
    )
    assert offenders("inv-41") == (named,)
