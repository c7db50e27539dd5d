"""Published test vectors: CloudEvents and webhook signatures as others read and make them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from audit import clock
from audit.context import Actor
from audit.errors import Invalid
from orders.sync import envelopes, services, signatures
from orders.sync.envelopes import BATCHED, STRUCTURED, Envelope
from orders.sync.errors import SignatureRefused, Unreadable
from orders.sync.models import System
from orders.sync.states import CredentialKind
from tests.shared import shared_data

# Valid for the specification, refused here: a schema we do not have cannot be checked against.
STRICTER = {"validAllCoreAttributes": "dataschema", "validBatchMinimalAndAllCore": "dataschema"}
STANDARD = "standard-webhooks"


def vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared_data("vectors/cloudevents") / name).read_text())["tests"]
    return found


def read(document: Any, content_type: str) -> list[Envelope | Unreadable]:
    return envelopes.read(
        content_type=content_type, headers={}, body=json.dumps(document).encode(), now=datetime(2026, 1, 1, tzinfo=UTC)
    )


def verdict(document: Any) -> str:
    """The code it is refused with, or nothing."""
    try:
        read(document, STRUCTURED)
    except Unreadable as unreadable:
        return unreadable.code
    return ""


def test_every_invalid_event_is_refused_and_every_valid_one_read() -> None:
    invalid = {one["id"]: verdict(one["event"]) for one in vectors("invalid-events.json")}
    assert len(invalid) == 25
    assert [name for name, code in invalid.items() if not code] == []
    valid = {one["id"]: verdict(one["event"]) for one in vectors("valid-events.json")}
    assert {name: code for name, code in valid.items() if code} == {
        name: code for name, code in STRICTER.items() if name in valid
    }


def test_a_batch_is_read_event_by_event() -> None:
    for one in vectors("valid-batches.json"):
        told = read(one["batch"], BATCHED)
        assert len(told) == len(one["batch"])
        refused = {each.code for each in told if isinstance(each, Unreadable)}
        assert refused == ({STRICTER[one["id"]]} if one["id"] in STRICTER else set()), one["id"]
    for one in vectors("invalid-batches.json"):
        assert any(isinstance(each, Unreadable) for each in read(one["batch"], BATCHED)), one["id"]


@pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8"])
def test_structured_mode_carries_the_bindings_example(content_type: str) -> None:
    (event,) = read(
        {
            "specversion": "1.0",
            "type": "com.example.someevent",
            "time": "2018-04-05T03:56:24Z",
            "id": "1234-1234-1234",
            "source": "/mycontext/subcontext",
            "datacontenttype": "application/json",
            "data": {"message": "Hello World!"},
        },
        content_type,
    )
    assert isinstance(event, Envelope)
    assert (event.id, event.source, event.data) == (
        "1234-1234-1234",
        "/mycontext/subcontext",
        {"message": "Hello World!"},
    )


@pytest.mark.parametrize(
    "time",
    [
        "2018-04-05",
        "20180405T173100Z",
        "2018-04-05T17:31:00",
        "2018-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "٢018-04-05T17:31:00Z",
    ],
)
def test_a_time_that_is_no_timestamp_is_refused(time: str) -> None:
    assert verdict({"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b", "time": time}) == "time"


def test_signatures_are_verified_as_the_standards_own_libraries_do() -> None:
    cases = json.loads((shared_data("vectors/webhook-signatures") / "vectors.json").read_text())
    cases = [case for case in cases if case["scheme"] == STANDARD and "signature" in case]
    assert {case["expect"] for case in cases} == {"valid", "invalid"}
    for case in cases:
        then = datetime.fromtimestamp(case["timestamp"], UTC)
        headers = {
            "webhook-id": case["id"],
            "webhook-timestamp": str(case["timestamp"]),
            "webhook-signature": case["signature"],
        }

        def check(now: datetime, *, headers: dict[str, str] = headers, case: dict[str, Any] = case) -> bool:
            body = case["body"].encode()
            try:
                signatures.verify(secrets_in_force=[case["secret"]], headers=headers, body=body, now=now)
            except SignatureRefused:
                return False
            return True

        assert check(then) is (case["expect"] == "valid"), case
        assert not check(clock.now()), "it is years old"


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAAAAAA", "short"])
def test_a_secret_that_proves_nothing_is_refused(store: System, system: Actor, secret: str) -> None:
    with pytest.raises(Invalid, match="at least 12 bytes"):
        services.add_credential(system=store, kind=CredentialKind.INBOUND, by=system, now=clock.now(), secret=secret)
