"""Whatever is sent: a problem that says what is wrong, never a failure of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit import clock
from audit.access import system_actor
from audit.models import Event
from exceptions.models import CaseNote, ExceptionCase
from tests.api.conftest import Api, case_about, paid_order
from tests.cast import House, furnish
from tests.conftest import Stand, Standing

CORPUS: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 422),
    "no JSON": (b"text=hello", 400),
    "half an object": (b'{"text": "a"', 400),
    "a list": (b'["a"]', 422),
    "a number": (b"7", 422),
    "null": (b"null", 422),
    "NUL": (b'{"text": "a\\u0000b"}', 400),
    "a raw NUL": (b'{"text": "a\x00b"}', 400),
    "half a surrogate": (b'{"text": "\\ud800"}', 400),
    "half a surrogate in a key": (b'{"te\\udc00xt": "a"}', 400),
    "deep": (b"[" * 5000 + b"]" * 5000, 400),
    "65 levels": (b'{"text": ' + b"[" * 65 + b"]" * 65 + b"}", 400),
    "a key twice": (b'{"text": "a", "text": "b"}', 400),
    "a huge number": (b'{"text": ' + b"9" * 400 + b"}", 400),
    "beyond 2^53": (b'{"text": 9007199254740993}', 400),
    "an endless fraction": (b'{"text": 1e999}', 400),
    "NaN": (b'{"text": NaN}', 400),
    "infinity": (b'{"text": -Infinity}', 400),
    "10 001 keys": (json.dumps({f"k{n}": 0 for n in range(10_001)}).encode(), 400),
    "UTF-16": ('{"text": "a"}'.encode("utf-16"), 400),
    "a byte order mark": (b'\xef\xbb\xbf{"text": "a"}', 400),
    "broken UTF-8": (b'{"text": "\xff"}', 400),
    "too much": (b'{"text": "' + b"a" * 1_100_000 + b'"}', 413),
    "a longer text than fits": (b'{"text": "' + b"a" * 10_001 + b'"}', 422),
    "another kind": (b'{"text": {"a": 1}}', 422),
    "nothing but spaces": (b'{"text": "   "}', 422),
    "an unknown field": (b'{"text": "a", "note": "b"}', 422),
}


@pytest.fixture(scope="module")
def furnished(stand: Stand) -> Standing:
    return stand("house with a case", lay)


def lay() -> None:
    by, now = system_actor("test"), clock.now()
    house = furnish(by=by, now=now)
    case_about(paid_order(house.clients["northwind"], by=by, now=now), by=by, now=now)


@pytest.fixture
def case(house: House) -> ExceptionCase:
    return ExceptionCase.objects.get()


@pytest.mark.parametrize("name", CORPUS)
def test_a_broken_body_is_a_problem_of_the_senders(amal: Api, case: ExceptionCase, name: str) -> None:
    body, status = CORPUS[name]
    answer = amal.raw("POST", f"exceptions/{case.key}/note", body)
    problem = answer.json()
    assert (answer.status_code, problem["status"], answer["Content-Type"]) == (
        status,
        status,
        "application/problem+json",
    )
    assert problem["detail"]
    assert problem["trace_id"] == answer["X-Request-Id"]
    assert not CaseNote.objects.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/xml"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Accept": "text/html"}, 406),
        ({"If-Match": "*", "Idempotency-Key": "a\x01" * 10}, 400),
        ({"X-HTTP-Method-Override": "DELETE"}, 200),
    ],
)
def test_what_is_around_the_body_counts_too(
    amal: Api, case: ExceptionCase, headers: dict[str, str], status: int
) -> None:
    answer = amal.raw("POST", f"exceptions/{case.key}/note", b'{"text": "a"}', **headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "exceptions/EX-0",
        "exceptions/EX-99999999999999999999999",
        "exceptions/EX-1%00",
        "exceptions/ex-1",
        "exceptions/%F0%9F%92%A3",
        "exceptions/../orders",
        "exceptions/" + "E" * 5000,
        "orders/NW-1'; DROP TABLE x;--",
        "orders/%2e%2e%2f",
        "rule-versions/999999999999",
        "audit-events/not-a-uuid",
        "steps",
        "",
    ],
)
def test_an_address_that_leads_nowhere_is_not_found(amal: Api, path: str) -> None:
    answer = amal.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)


@pytest.mark.parametrize(
    "query",
    [
        "owner=team:%00",
        "risk=1e400..",
        "risk=NaN",
        "risk=..99999999999999999999",
        "due=2026-02-30",
        "due=9999-12-31..",
        "due=0001-01-01",
        "created=" + "9" * 5000,
        "q=" + "%00",
        "state=closed&state=nope",
        "client=NORTHWIND",
        "owner__user__password=a",
        "sort=due_at",
        "after=W251bGxd",
        "after=eyJhIjoxfQ",
        "after=" + "A" * 20_000,
        "limit=1e3",
        "limit=-1",
        "limit=%D9%A3",
        "type=" + "&type=".join(f"t{n}" for n in range(60)),
        "&".join(f"x{n}=1" for n in range(500)),
    ],
)
def test_a_query_that_means_nothing_finds_nothing(amal: Api, case: ExceptionCase, query: str) -> None:
    answer = amal.get(f"exceptions?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-query/")


def test_a_range_wider_than_time_or_money_is_only_a_range(amal: Api, case: ExceptionCase) -> None:
    found = amal.get("exceptions?due=2026-01-01..&risk=0..999999&state=live&q=address&owner=client-success").json()
    assert [row["key"] for row in found["results"]] == [case.key]


def test_no_answer_repeats_what_was_sent_as_a_secret(amal: Api, case: ExceptionCase) -> None:
    answer: Any = amal.get("exceptions", Authorization="Bearer hr_secret_do_not_repeat")
    assert answer.status_code == 401
    assert "do_not_repeat" not in answer.content.decode()
    assert not Event.objects.filter(body__contains="do_not_repeat").exists()
