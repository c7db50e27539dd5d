"""What systems send is kept once, in order, and never a 500."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from psycopg.errors import DeadlockDetected
from standardwebhooks import Webhook

from audit import clock
from audit.context import Actor, acting
from audit.models import Event, Heartbeat, RefusalTally
from audit.selectors.invariants import check_all
from audit.services.refusals import tell_refusals
from exceptions.models import ExceptionCase
from orders.sync import handlers, services, signatures
from orders.sync.envelopes import of_document
from orders.sync.models import Credential, InboundEvent, System
from orders.sync.services import applying
from orders.sync.states import CredentialKind, InboundState
from rules.models import Contract
from tests.cast import House
from tests.orders.sync.conftest import Send, stock


def test_an_event_is_accepted_once_and_applied_once(send: Send, applied: list[str]) -> None:
    first, second = send(stock()), send(stock())
    assert (first.status_code, first.json()) == (202, {"accepted": True, "duplicate": False, "event": "e-1"})
    assert (second.status_code, second.json()) == (202, {"accepted": True, "duplicate": True, "event": "e-1"})
    assert [services.apply_due(now=clock.now()), services.apply_due(now=clock.now()), applied] == [1, 0, ["e-1"]]


def test_the_same_id_with_other_content_is_a_conflict_with_an_owner(send: Send, applied: list[str]) -> None:
    send(stock())
    again = send(stock(available=6))
    assert (again.status_code, again["Content-Type"], again.json()["type"]) == (
        409,
        "application/problem+json",
        "/problems/id-conflict/",
    )
    assert InboundEvent.objects.get().data["available"] == 5
    case, decides = ExceptionCase.objects.get(), Contract.objects.get(name="stock.changed").business_owner
    assert (case.type, case.owner) == ("id-conflict", decides)


def test_a_broken_contract_is_kept_named_and_replayed_once_mended(send: Send, applied: list[str], house: House) -> None:
    answer = send(stock(available="many"))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/available"
    letter = InboundEvent.objects.get()
    assert (answer.json()["dead_letter"], letter.state) == (letter.key, InboundState.DEAD)
    case = ExceptionCase.objects.get()
    assert (case.type, case.owner.slug) == ("contract-violation", "integrations")

    verdicts = services.replay(event_ids=[letter.pk], reason="try again", by=house.actor("lee"), now=clock.now())
    assert "still breaks its contract: /available" in verdicts[letter.pk].words
    services.discard(event_ids=[letter.pk], reason="sender corrected it", by=house.actor("lee"), now=clock.now())
    case.refresh_from_db()
    assert case.state == "withdrawn"


def test_what_a_handler_cannot_apply_is_set_aside_alone_and_replayed(
    send: Send, applied: list[str], house: House
) -> None:
    for n, sku in enumerate(["A", "BROKEN", "C"]):
        send(stock(f"e-{n}", sku=sku))
    services.apply_due(now=clock.now())
    assert sorted(applied) == ["e-0", "e-2"]
    letter = InboundEvent.objects.get(state=InboundState.DEAD)
    assert letter.cause == "ValueError while applying it; the log of this moment says more."
    services.replay(event_ids=[letter.pk], reason="mended", by=house.actor("lee"), now=clock.now())
    services.apply_due(now=clock.now())
    letter.refresh_from_db()
    assert (letter.state, letter.replays) == (InboundState.DEAD, 1)


def test_events_of_one_subject_are_applied_in_order_and_older_ones_are_overtaken(
    send: Send, applied: list[str]
) -> None:
    for event_id, token in (("new", 7), ("old", 3), ("newer", 8)):
        send(stock(event_id, token=token))
    services.apply_due(now=clock.now())
    assert applied == ["new", "newer"]
    assert InboundEvent.objects.get(event_id="old").state == InboundState.SUPERSEDED


def test_the_word_of_the_higher_system_stands_however_late_the_lower_one_speaks(
    store: System, house: House, system: Actor, applied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(handlers, "_replacing", {"stock.changed"})
    with acting(system, at=now):
        shelf = System(slug="shelf", name="Shelf", layer="wms", authority=90, owner=house.owners["logistics"])
        shelf.save()

    def told(by: System, *events: dict[str, Any]) -> None:
        services.receive(system=by, envelopes=[of_document(one, now=now) for one in events], by=system, now=now)

    told(store, stock("guess"))
    told(shelf, stock("count"))
    told(store, stock("guess-again"), stock("other", sku="LAMP"))
    services.apply_due(now=now)
    assert sorted(applied) == ["count", "guess", "other"]
    left = InboundEvent.objects.get(event_id="guess-again")
    assert (left.state, left.cause) == (
        InboundState.SUPERSEDED,
        "A system of higher authority has told the same thing.",
    )
    assert Event.objects.get(type="event.outranked").subject_id == str(left.pk)
    assert [outcome.offenders for outcome in check_all(only=["inv-41"])] == [()]

    with acting(system, at=now):
        System.objects.filter(pk=shelf.pk).update(is_active=False)
    told(store, stock("guess-at-last"))
    services.apply_due(now=now)
    assert applied[-1] == "guess-at-last"


def test_our_own_word_that_comes_back_is_no_news(send: Send, applied: list[str], settings: Any) -> None:
    send(stock("ours", token=2, provenance=settings.PUBLIC_URL))
    send(stock("theirs", token=1, provenance="https://warehouse.example"))
    send(stock("nobody-s", token=2))
    services.apply_due(now=clock.now())
    assert applied == ["theirs", "nobody-s"]
    echo = InboundEvent.objects.get(event_id="ours")
    assert (echo.state, echo.cause) == (InboundState.SUPERSEDED, "It only repeats what was told from here.")
    assert Event.objects.get(type="event.echoed").subject_id == str(echo.pk)
    assert [outcome.offenders for outcome in check_all(only=["inv-41"])] == [()]


def test_a_replayed_letter_is_not_overtaken_by_its_own_failure(
    send: Send, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def broken(events: Any, *, by: Actor, now: Any) -> None:
        raise AttributeError("not mended yet")

    def mended(events: Any, *, by: Actor, now: Any) -> None:
        done.extend(event.event_id for event in events)

    monkeypatch.setitem(handlers._handlers, "stock.changed", broken)
    send(stock(token=7))
    services.apply_due(now=clock.now())
    letter = InboundEvent.objects.get()
    assert letter.state == InboundState.DEAD
    monkeypatch.setitem(handlers._handlers, "stock.changed", mended)
    services.replay(event_ids=[letter.pk], reason="mended", by=house.actor("lee"), now=clock.now())
    services.apply_due(now=clock.now())
    letter.refresh_from_db()
    assert (letter.state, done) == (InboundState.APPLIED, ["e-1"])


def test_short_lanes_are_one_batch_and_what_ended_a_worker_is_tried_alone(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []

    def heard(events: Any, *, by: Actor, now: Any) -> None:
        batches.append(sorted(event.event_id for event in events))

    monkeypatch.setitem(handlers._handlers, "stock.changed", heard)
    for n in range(3):
        send(stock(f"e-{n}", sku=f"S-{n}"))
    woken: list[str] = []
    monkeypatch.setattr(applying, "wake_at_once", woken.append)
    assert InboundEvent.objects.values("lane").distinct().count() == 3
    InboundEvent.objects.filter(event_id="e-1").update(attempts=1)
    assert (services.apply_due(now=clock.now()), batches) == (3, [["e-1"], ["e-0", "e-2"]])
    assert woken == ["sync.apply_inbox"], "who is idle takes the second walk"


def test_the_inbox_is_as_late_as_the_oldest_event_of_all_its_lanes(send: Send, applied: list[str]) -> None:
    for n in range(3):
        send(stock(f"e-{n}", sku=f"S-{n}"))
    long_ago = clock.now() - timedelta(minutes=7)
    InboundEvent.objects.filter(event_id="e-1").update(received_at=long_ago)
    services.apply_due(now=clock.now())
    assert (Heartbeat.objects.get(loop="intake").oldest_due, len(applied)) == (long_ago, 3)


def test_what_ends_every_worker_is_found_among_what_it_was_tried_with_and_only_it_is_given_up(
    send: Send, applied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no handler catches, as no handler catches SIGKILL."""

    healthy, tried = handlers._handlers["stock.changed"], []

    def deadly(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
        tried.append(len(events))
        if any(event.event_id == "e-11" for event in events):
            raise Killed
        healthy(events, by=by, now=now)

    monkeypatch.setitem(handlers._handlers, "stock.changed", deadly)
    for n in range(20):
        send(stock(f"e-{n}", sku=f"S-{n}"))
    InboundEvent.objects.update(lane=1)
    while InboundEvent.objects.filter(state=InboundState.NEW).exists():
        with suppress(Killed):
            services.apply_due(now=clock.now())
    assert tried == [20, 8, 8, 2, 2, 1, 1, 1, 2, 2, 4]
    letter = InboundEvent.objects.get(state=InboundState.DEAD)
    assert (letter.event_id, letter.cause) == ("e-11", "It ended the worker every time it was tried.")
    assert sorted(applied) == sorted(f"e-{n}" for n in range(20) if n != 11)


def test_what_another_worker_took_before_we_began_is_not_counted_as_tried(
    send: Send, applied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(stock())
    lock, asked = applying._lock, []

    def overtaken(lanes: Sequence[int]) -> list[int]:
        asked.append(lanes)
        return lock(lanes) if len(asked) == 1 else []

    with monkeypatch.context() as patched:
        patched.setattr(applying, "_lock", overtaken)
        assert services.apply_due(now=clock.now()) == 0
    assert (InboundEvent.objects.get().attempts, len(asked)) == (0, 2)
    assert (services.apply_due(now=clock.now()), applied) == (1, ["e-1"])


def test_who_got_into_another_workers_way_is_no_dead_letter_but_waits_for_the_next_walk(
    send: Send, applied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = handlers._handlers["stock.changed"]
    clashes = iter([False, True])

    def clash(events: Any, *, by: Actor, now: Any) -> None:
        if next(clashes, False):
            raise OperationalError("deadlock detected") from DeadlockDetected()
        apply(events, by=by, now=now)

    monkeypatch.setitem(handlers._handlers, "stock.changed", clash)
    for n in range(2):
        send(stock(f"e-{n}"))
    assert (services.apply_due(now=clock.now()), applied) == (1, ["e-0"])
    waiting = InboundEvent.objects.get(event_id="e-1")
    assert (waiting.state, waiting.attempts) == (InboundState.NEW, 0)
    assert (services.apply_due(now=clock.now()), applied) == (1, ["e-0", "e-1"])


def test_a_batch_has_a_result_for_each(send: Send, applied: list[str]) -> None:
    batch = [stock("a"), stock("b", available="x"), {"specversion": "0.3"}, stock("a")]
    answer = send(batch, content_type="application/cloudevents-batch+json")
    assert (answer.status_code, [item["status"] for item in answer.json()["results"]]) == (202, [202, 422, 400, 202])


def test_binary_mode_carries_attributes_in_headers(send: Send, applied: list[str]) -> None:
    event = stock("bin")
    headers = {f"ce-{name}": str(event[name]) for name in ("specversion", "id", "source", "type", "subject")}
    answer = send(event["data"], content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["event"]) == (202, "bin")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"a": 1, "a": 2}', 400),
        (b'{"a": "\\u0000"}', 400),
        (b'{"a": "\\ud800"}', 400),
        (b"[" * 5_000, 400),
        (b'{"a": 1' + b"0" * 4_000 + b"}", 400),
        (b'{"a": NaN}', 400),
        (b"\xff\xfe{}", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"\x80", 400),
        (b"x" * 1_048_577, 413),
        (b'{"specversion": "1.0"}', 400),
        (b"[]", 400),
        (b"null", 400),
    ],
)
def test_nonsense_is_refused_precisely_and_never_a_500(send: Send, body: bytes, status: int) -> None:
    answer = send(body)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert len(answer.json()["detail"]) > 10
    assert InboundEvent.objects.count() == 0


@pytest.mark.parametrize("length", ["²", "-1", "1e3", "1_0", "٣", "0x10", "9" * 30, "+5", "NaN"])
@pytest.mark.parametrize("url", ["/api/v1/events", "/api/v1/hooks/shop", "/signin/"])
def test_a_length_that_is_none_is_refused(client: Any, url: str, length: str) -> None:
    answer = client.post(url, data=b"{}", content_type="application/cloudevents+json", CONTENT_LENGTH=length)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == "Content-Length has to be a whole number of bytes, in digits."


def test_only_a_fresh_and_true_signature_proves_a_sender(
    client: Any, send: Send, secret: str, store: System, system: Actor
) -> None:
    body = json.dumps(stock()).encode()
    good = signatures.sign(secret=secret, message_id="m", at=clock.now(), body=body)
    late = {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) - 301)}
    for headers in (
        {},
        late,
        {**good, "webhook-signature": "v1,AAAA"},
        {**good, "webhook-id": "n"},
        {**good, "webhook-timestamp": "soon"},
    ):
        answer = client.post(
            "/api/v1/events",
            data=body,
            content_type="application/cloudevents+json",
            headers={"X-Handrail-System": "shop", **headers},
        )
        assert answer.status_code == 401, headers
    newer = services.add_credential(system=store, kind=CredentialKind.INBOUND, by=system, now=clock.now())
    assert {send(stock("by-new"), key=newer).status_code, send(stock("by-old"), key=secret).status_code} == {202}


def test_what_changes_about_a_sender_counts_from_its_next_event(
    send: Send, secret: str, store: System, system: Actor, applied: list[str]
) -> None:
    assert send(stock()).status_code == 202
    with acting(system, at=clock.now()):
        Credential.objects.filter(system=store).update(revoked_at=clock.now())
    assert send(stock("e-2"), key=secret).status_code == 401
    newer = services.add_credential(system=store, kind=CredentialKind.INBOUND, by=system, now=clock.now())
    assert send(stock("e-3"), key=newer).status_code == 202
    with acting(system, at=clock.now()):
        System.objects.filter(pk=store.pk).update(is_active=False)
    assert send(stock("e-4"), key=newer).status_code == 401


def test_strangers_fill_no_disk(client: Any, store: System, secret: str) -> None:
    for n in range(30):
        client.post("/api/v1/events", data=b"{}", content_type="text/plain", headers={"X-Handrail-System": f"s-{n}"})
        client.post(f"/api/v1/hooks/s-{n}", data=b"{}", content_type="application/json")
        client.post("/api/v1/hooks/shop", data=b"{}", content_type="application/json")
        client.get("/api/v1/orders", headers={"Authorization": f"Bearer hr_{n}"})
    tallies = RefusalTally.objects.values_list("source", "code").distinct()
    assert set(tallies) == {
        ("unknown system", "signature-refused"),
        ("system:shop", "signature-refused"),
        ("token", "not-authenticated"),
    }
    assert sum(RefusalTally.objects.values_list("count", flat=True)) == 120
    assert not Event.objects.filter(type="access.refused").exists()
    assert 3 <= tell_refusals(now=clock.now() + timedelta(minutes=3)) <= 6
    assert RefusalTally.objects.count() == 0
    assert [outcome.offenders for outcome in check_all(only=["inv-30"])] == [()]


def test_a_letter_for_another_client_is_not_replayed_for_it(
    send: Send, applied: list[str], house: House, system: Actor
) -> None:
    event = stock()
    event["data"]["client"] = "fable"
    assert send(event).status_code == 422
    letter = InboundEvent.objects.get()
    verdicts = services.replay(event_ids=[letter.pk], reason="try again", by=house.actor("lee"), now=clock.now())
    assert "shop speaks for another client than “fable”." in verdicts[letter.pk].words
    letter.refresh_from_db()
    assert letter.state == InboundState.DEAD


def test_our_signatures_are_the_standards(secret: str) -> None:
    body = json.dumps(stock()).encode()
    headers = signatures.sign(secret=secret, message_id="msg_1", at=clock.now(), body=body)
    assert Webhook(secret).verify(body, headers) == stock()


def test_nobody_sees_the_secret_or_the_payload_in_the_tables(send: Send, secret: str, applied: list[str]) -> None:
    send(stock())
    event = InboundEvent.objects.get()
    assert "TENT" not in event.sealed
    assert secret not in str(event.system.credentials.get().__dict__)
