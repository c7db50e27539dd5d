"""The description of the API is true, complete and checked in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.http import QueryDict
from django.test import Client as Browser

from audit import clock
from audit.rest.problem_types import PROBLEM_TYPES
from config.api.reference import description, resources
from exceptions.api.cases import CASE_FILTERS
from exceptions.models import ExceptionCase
from exceptions.selectors.queue import queue_page
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.views.origins import filters_in
from orders.fulfilment.selectors import ORDER_FILTERS, OrderFilters
from tests.api.conftest import Api
from tests.cast import House

CHECKED_IN = Path(__file__).resolve().parents[2] / "docs" / "openapi.yml"


@pytest.fixture(scope="module")
def checked_in() -> dict[str, Any]:
    return dict(yaml.load(CHECKED_IN.read_bytes(), Loader=yaml.CSafeLoader))


def test_the_checked_in_description_is_the_current_one(checked_in: dict[str, Any]) -> None:
    current = json.loads(json.dumps(description(), default=str))
    assert json.loads(json.dumps(checked_in)) == current, "run: manage.py spectacular --file docs/openapi.yml"


def test_every_operation_says_what_it_is_who_may_and_what_can_go_wrong(checked_in: dict[str, Any]) -> None:
    operations: list[dict[str, Any]] = [
        operation for item in checked_in["paths"].values() for operation in item.values()
    ]
    assert len(operations) >= 55
    for operation in operations:
        assert operation["summary"], operation["operationId"]
        assert any(code.startswith("4") for code in operation["responses"]), operation["operationId"]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_acts_ask_for_a_key_and_a_version() -> None:
    act = description()["paths"]["/api/v1/exceptions/{key}/acknowledge"]["post"]
    required = {one["name"] for one in act["parameters"] if one.get("required")}
    assert required == {"Idempotency-Key", "If-Match", "key"}
    assert {"409", "412", "428"} <= set(act["responses"])


def test_the_lists_of_programs_know_the_filters_of_the_pages() -> None:
    paging = {"after", "per", "sort"}
    assert set(OrderFilters.__dataclass_fields__) - paging <= set(ORDER_FILTERS.names())
    assert set(QueueFilters.__dataclass_fields__) - paging - {"scope", "cols", "group", "without"} <= set(
        CASE_FILTERS.names()
    )


QUERIES = (
    "",
    "state=open",
    "state=waiting",
    "due=overdue",
    "due=1h",
    "due=today",
    "type=address",
    "type=inventory",
    "client=northwind",
    "owner=client-success",
    "owner=logistics",
    "q=address",
    "q=nothing",
    "type=address&state=open&per=25",
    "state!=open",
    "type!=address&owner!=me",
    "due=2026-01-01..2036-01-01&risk=1..100000",
)


def test_a_query_of_the_queue_finds_the_same_through_the_api(amal: Api, house: House, case: ExceptionCase) -> None:
    for query in QUERIES:
        page = queue_page(by=house.actor("amal"), filters=filters_in(QueryDict(query), "team"), now=clock.now())
        live = "" if "state=" in query else "&state=live"
        answer = amal.get(f"exceptions?{query}{live}")
        assert answer.status_code == 200, query
        assert [row["key"] for row in answer.json()["results"]] == [row.key for row in page.rows], query


@pytest.mark.django_db
def test_the_reference_shows_every_operation_to_anybody_without_a_script(client: Browser) -> None:
    page = client.get("/api/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert "<script" not in html
    for resource in resources():
        for operation in resource.operations:
            assert f'id="{operation.anchor}"' in html


@pytest.mark.django_db
@pytest.mark.parametrize("slug", PROBLEM_TYPES)
def test_every_problem_has_a_page_that_says_how_to_go_on(client: Browser, slug: str) -> None:
    page = client.get(PROBLEM_TYPES[slug].uri)
    assert page.status_code == 200
    assert PROBLEM_TYPES[slug].title in page.content.decode().replace("&#x27;", "'")


@pytest.mark.django_db
def test_a_problem_nobody_has_has_no_page(client: Browser) -> None:
    assert client.get("/problems/nothing/").status_code == 404


@pytest.mark.django_db
def test_the_description_is_served(client: Browser) -> None:
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    assert yaml.load(answer.content, Loader=yaml.CSafeLoader)["openapi"] == "3.1.0"
