"""The feed of exports: from one place to the next, the same bytes for the same question, and every pull in the trail."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client as Browser

from audit import clock
from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor, acting
from audit.models import Event
from audit.selectors.tokens import verify_token
from orders.fulfilment.models import Export, ExportReading, Order
from orders.fulfilment.services.exports import export_order
from orders.fulfilment.services.holds import hold_order
from rules.models import Client
from tests.api.conftest import Api


@pytest.fixture
def ivy(program: Any, northwind: Client) -> Api:
    """A program that follows Northwind's orders."""
    token: Api = program(northwind, of="ivy", scopes=["orders.export_order", "orders.view_order"])
    return token


@pytest.fixture
def exported(order: Order, system: Actor) -> list[Export]:
    """Two exports of one order, and the transaction that wrote them is over."""
    now = clock.now()
    first = export_order(order_id=order.pk, by=system, now=now)
    hold_order(order_id=order.pk, words="Checking something", by=system, now=now)
    second = export_order(order_id=order.pk, by=system, now=now + timedelta(minutes=1))
    with acting(system, at=now):
        Export.objects.update(transaction=F("transaction") - 1)
    return [first, second]


def test_a_reader_goes_from_place_to_place_and_keeps_its_own(ivy: Api, exported: list[Export]) -> None:
    first = ivy.get("exports?limit=1")
    second = ivy.get(first.json()["next"])
    end = ivy.get(second.json()["next"])
    pages = [page.json() for page in (first, second, end)]
    assert [[row["id"] for row in page["results"]] for page in pages] == [
        [str(exported[0].pk)],
        [str(exported[1].pk)],
        [],
    ]
    assert [page["has_more"] for page in pages] == [True, False, False]
    assert end.json()["next"] == second.json()["next"] == end.headers["Link"].split(">")[0].removeprefix("<")
    numbers = [page["results"][0]["number"] for page in pages[:2]]
    assert numbers == sorted(numbers)


def test_the_same_question_brings_the_same_bytes_which_anyone_can_check(ivy: Api, exported: list[Export]) -> None:
    first, again = ivy.get("exports"), ivy.get("exports")
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
    known = ivy.get("exports", **{"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    row = first.json()["results"][1]
    alone = ivy.get(f"exports/{row['id']}")
    assert (alone.json(), alone.content.decode() in first.content.decode()) == (row, True)
    document = row["document"]
    assert row["sha256"] == sha256_hex(canonical_json(document))
    assert verify_token(document["audit_token"]).record_hash == document["record_sha256"]
    assert ivy.get(f"orders/{row['order']}/export").content.decode() == canonical_json(document)


def test_a_pull_is_one_entry_that_says_who_read_up_to_where(ivy: Api, exported: list[Export]) -> None:
    page = ivy.get("exports").json()
    ivy.get(page["next"])
    (event,) = Event.objects.filter(type="exports.pulled")
    told = json.loads(event.body)["data"]
    assert (event.actor.split(":")[0], told["count"]) == ("token", 2)
    assert page["next"].endswith(f"after={told['up_to']}")
    assert ExportReading.objects.filter(reader=event.actor).count() == 2


@pytest.mark.parametrize("query", ["after=x", "after=1", "after=1.2.3", "after=-1.2", f"after={'9' * 19}.1", "limit=0"])
def test_what_is_no_place_is_refused(ivy: Api, query: str) -> None:
    answer = ivy.get(f"exports?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, query.partition("=")[0])


def test_others_read_nothing_of_it(noor: Api, exported: list[Export]) -> None:
    assert noor.get("exports").json()["results"] == []
    assert noor.get(f"exports/{exported[0].pk}").status_code == 404
    assert Browser().get("/api/v1/exports").status_code == 401
