"""Promises are kept: signed, in line, retried with the same key, given up with an owner."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from audit import clock
from audit.context import Actor, acting
from exceptions.models import ExceptionCase
from orders.sync import services
from orders.sync.models import Attempt, Credential, InboundEvent, OutboundMessage, System
from orders.sync.sandbox import Sandbox, sandbox_secret
from orders.sync.sandbox.behaviour import Control, story
from orders.sync.services.delivering import pause_after
from orders.sync.states import CredentialKind, OutboundState
from tests.cast import House
from tests.orders.sync.conftest import KEY, task


def test_a_promise_is_delivered_once_and_its_attempt_written_down(
    warehouse: System, house: House, sandbox: Sandbox
) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.promise(promise=task(warehouse, house), now=clock.now())
    assert [services.deliver_due(now=clock.now()), services.deliver_due(now=clock.now())] == [1, 0]
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts) == (OutboundState.SENT, 1)
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.endpoint, attempt.error) == (202, "POST /wms/central", "")
    assert sandbox.journal.summary()["executed"] == {"pick_pack": 1}


def test_the_same_key_again_has_one_effect_at_the_receiver(warehouse: System, house: House, sandbox: Sandbox) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.deliver_due(now=clock.now())
    OutboundMessage.objects.update(state=OutboundState.PENDING, sent_at=None)  # as if the answer had been lost
    assert services.deliver_due(now=clock.now() + timedelta(minutes=1)) == 1
    assert Attempt.objects.get(number=2).status == 200
    assert sandbox.journal.summary()["executed"] == {"pick_pack": 1}


def test_while_a_secret_is_renewed_a_receiver_that_knows_the_old_one_only_is_still_told(
    warehouse: System, house: House, system: Actor
) -> None:
    now = clock.now()
    services.add_credential(system=warehouse, kind=CredentialKind.OUTBOUND, by=system, now=now)
    services.promise(promise=task(warehouse, house), now=now)
    assert (services.deliver_due(now=now), Attempt.objects.get().status) == (1, 202)
    old = Credential.objects.get(system=warehouse, expires_at__isnull=False)
    services.revoke_credential(credential_id=old.pk, reason="It leaked", by=system, now=now)
    services.promise(promise=task(warehouse, house, 2), now=now)
    assert (services.deliver_due(now=clock.now()), Attempt.objects.latest("at").status) == (0, 401)


def test_messages_of_one_order_stay_in_line(warehouse: System, house: House) -> None:
    services.promise_many(
        promises=[task(warehouse, house, 1), task(warehouse, house, 2), task(warehouse, house, 3, order="NW-2")],
        now=clock.now(),
    )
    assert [services.deliver_due(now=clock.now()), services.deliver_due(now=clock.now())] == [2, 1]
    sent = list(OutboundMessage.objects.order_by("sent_at", "number").values_list("key", flat=True))
    assert sent.index("T-1/pick_pack/1") < sent.index("T-2/pick_pack/1")


def test_a_system_that_fails_is_tried_again_then_given_up_with_an_owner(
    warehouse: System, house: House, sandbox: Sandbox
) -> None:
    sandbox.set_control({"orders": {"NW-1": "error"}})
    services.promise(promise=task(warehouse, house), now=clock.now())
    now = clock.now()
    for _ in range(4):
        services.deliver_due(now=now, chance=random.Random(1))
        now += timedelta(minutes=1)
    message = OutboundMessage.objects.get()
    assert (message.state, message.attempts, message.last_error) == (OutboundState.DEAD, 3, "HTTP 500")
    assert [attempt.status for attempt in Attempt.objects.order_by("number")] == [500, 500, 500]
    case = ExceptionCase.objects.get()
    assert (case.type, case.owner.slug, case.subject_key) == ("delivery-failure", "integrations", "central")


def test_a_claim_that_was_taken_over_changes_nothing(
    warehouse: System, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.promise(promise=task(warehouse, house), now=clock.now())

    def stalled(*args: Any) -> Any:
        OutboundMessage.objects.update(fence=99)
        from orders.sync.services.exchanging import Answer  # noqa: PLC0415 -- only here

        return Answer(202, "", "", 1, clock.now())

    monkeypatch.setattr("orders.sync.services.delivering._send", stalled)
    monkeypatch.setattr("orders.sync.services.delivering.ThreadPoolExecutor", _in_this_thread)
    assert services.deliver_due(now=clock.now()) == 0
    assert OutboundMessage.objects.get().state == OutboundState.SENDING
    assert Attempt.objects.count() == 0


@contextmanager
def _in_this_thread(_workers: int) -> Iterator[Any]:
    yield SimpleNamespace(map=map)


def test_our_own_broken_message_is_found_before_it_leaves(warehouse: System, house: House) -> None:
    broken = task(warehouse, house)
    with pytest.raises(ValueError, match=r"Our own task.requested breaks its contract: /kind"):
        services.promise(
            promise=services.Promise(**{**broken.__dict__, "payload": {**broken.payload, "kind": "juggle"}}),
            now=clock.now(),
        )


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1/x", "the address is not public"),
        ("http://169.254.169.254/", "the address is not public"),
        ("http://[::1]/", "the address is not public"),
        ("http://2130706433/", "the address is not public"),
        ("ftp://example.org/", "UnsupportedProtocol: not reachable"),
        ("http:///x", "UnsupportedProtocol: not reachable"),
    ],
)
def test_nothing_is_sent_into_our_own_network(
    warehouse: System, house: House, system: Actor, url: str, error: str
) -> None:
    with acting(system, at=clock.now()):
        System.objects.filter(pk=warehouse.pk).update(base_url=url)
    services.promise(promise=task(warehouse, house), now=clock.now())
    assert services.deliver_due(now=clock.now()) == 0
    assert Attempt.objects.get().error == error


def test_every_message_says_where_it_comes_from_which_is_newer_and_to_which_trace_it_belongs(
    warehouse: System, house: House, sandbox: Sandbox, settings: Any
) -> None:
    seen: list[tuple[dict[str, Any], dict[str, str]]] = []
    request = httpx2.Client.stream

    def listening(client: httpx2.Client, *given: Any, **more: Any) -> Any:
        seen.append((json.loads(more["content"]), more["headers"]))
        return request(client, *given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx2.Client, "stream", listening)
        services.promise_many(promises=[task(warehouse, house, n) for n in (1, 2)], now=clock.now())
        assert [services.deliver_due(now=clock.now()) for _ in range(2)] == [1, 1]
    (first, _), (second, _) = seen
    assert first["changetoken"] < second["changetoken"]
    for told, headers in seen:
        assert (told["provenance"], told["id"]) == (settings.PUBLIC_URL, headers["Idempotency-Key"])
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", headers["traceparent"])


def test_what_a_receiver_answers_is_kept_without_people_and_secrets(
    warehouse: System, house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"detail": "write to eve@example.org", "token": "hunter2", "status": "short"}
    monkeypatch.setattr(
        "orders.sync.sandbox.server._Handler._answer", lambda handler, *_: _say(handler, json.dumps(said).encode())
    )
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.deliver_due(now=clock.now())
    kept = json.loads(Attempt.objects.get().response_head)
    assert kept == {"detail": "write to (hidden)", "token": "(hidden)", "status": "short"}


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_a_packed_answer_is_not_unpacked(
    warehouse: System, house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    bomb = gzip.compress(b"a" * 10_000_000)
    monkeypatch.setattr(
        "orders.sync.sandbox.server._Handler._answer", lambda handler, *_: _say(handler, bomb, encoding=encoding)
    )
    services.promise(promise=task(warehouse, house), now=clock.now())
    assert services.deliver_due(now=clock.now()) == 1
    assert Attempt.objects.get().response_head == ""


def _say(handler: Any, body: bytes, *, encoding: str = "identity") -> None:
    handler.send_response(202)
    handler.send_header("Content-Encoding", encoding)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_pauses_grow_and_never_exceed_ten_hours() -> None:
    chance = random.Random(0)
    pauses = [pause_after(n, chance) for n in range(1, 40)]
    assert pauses[0] <= timedelta(seconds=5)
    assert max(pauses) <= timedelta(hours=10)
    assert all(pause >= timedelta(seconds=2.5) for pause in pauses)


def test_the_sandbox_confirms_by_signed_events_that_intake_accepts(
    warehouse: System, house: House, sandbox: Sandbox, system: Actor, live_server: Any
) -> None:
    services.add_credential(
        system=warehouse, kind=CredentialKind.INBOUND, by=system, now=clock.now(), secret=sandbox_secret(KEY, "central")
    )
    sandbox.reply_to = f"{live_server.url}/api/v1/events"
    sandbox.set_control({"delay": 0})
    services.promise(promise=task(warehouse, house), now=clock.now())
    services.deliver_due(now=clock.now())
    for _ in range(200):
        if sandbox.journal.summary()["waiting"] == 0:
            break
        sandbox._stopped.wait(0.05)
    told = InboundEvent.objects.order_by("number").values_list("type", flat=True)
    assert sorted(told) == ["shipment.packed", "shipment.picked", "task.acknowledged", "task.confirmed"]


def test_the_sandbox_refuses_strangers_and_nonsense(sandbox: Sandbox) -> None:
    with httpx2.Client(trust_env=False) as client:
        assert client.post(f"{sandbox.url}/wms/central", content=b"{}").status_code == 401
        assert client.put(f"{sandbox.url}/control", content=json.dumps({"rates": {"magic": 1}})).status_code == 422
        assert client.put(f"{sandbox.url}/control", content=json.dumps({"rates": {"error": 0.5}})).json()["rates"] == {
            "error": 0.5
        }
        assert client.get(f"{sandbox.url}/elsewhere").status_code == 404


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("", "ship", ["shipment.handed_over", "shipment.delivered"]),
        ("no_confirmation", "drop_ship", ["task.acknowledged"]),
        ("short_stock", "pick_pack", ["task.refused"]),
        ("carrier_reject", "ship", ["shipment.rejected"]),
        ("reject_address", "ship", ["shipment.rejected"]),
        ("reorder", "ship", ["shipment.delivered", "shipment.handed_over"]),
        ("duplicate", "ship", ["shipment.handed_over"] * 2 + ["shipment.delivered"] * 2),
        ("short_stock", "invoice", []),
    ],
)
def test_a_mode_tells_its_own_story(mode: str, kind: str, said: list[str]) -> None:
    assert [event for event, _ in story({"kind": kind}, mode)] == said


def test_a_rate_hits_its_share_and_always_the_same_tasks() -> None:
    control = Control(rates={"error": 0.2})
    hit = {n for n in range(1_000) if control.mode({"task": str(n)}) == "error"}
    assert 150 <= len(hit) <= 250
    assert hit == {n for n in range(1_000) if control.mode({"task": str(n)}) == "error"}


def test_what_fails_the_first_time_is_done_once(
    warehouse: System, house: House, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.sync.services.exchanging.TIMEOUT_SECONDS", 0.3)
    sandbox.set_control({"orders": {"NW-1": "error_once", "NW-2": "timeout_once"}})
    services.promise_many(promises=[task(warehouse, house, n, order=f"NW-{n}") for n in (1, 2)], now=clock.now())
    assert services.deliver_due(now=clock.now()) == 0
    assert services.deliver_due(now=clock.now() + timedelta(minutes=1)) == 2
    tried = Attempt.objects.order_by("message__number", "number").values_list("status", "error")
    assert list(tried) == [(500, "HTTP 500"), (202, ""), (None, "no answer in 0.3 s"), (200, "")]
    assert sandbox.journal.summary()["executed"] == {"pick_pack": 2}


def test_what_is_told_twice_or_in_the_wrong_order_happened_when_it_happened(sandbox: Sandbox) -> None:
    told = {mode: sandbox._sayings("K", {"kind": "ship", "order": "NW-1"}, mode) for mode in ("duplicate", "reorder")}
    moments = {mode: [event["time"] for _, event, _ in said] for mode, said in told.items()}
    assert moments["duplicate"] == sorted(moments["duplicate"])
    assert moments["reorder"] == sorted(moments["reorder"], reverse=True)
    assert len(set(moments["duplicate"])) == len(moments["reorder"]) == 2
