"""What every request and answer has in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client as Browser
from pytest_django import Settings

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from audit.services.events import record
from exceptions.models import ExceptionCase
from rules import services
from rules.models import ApiToken, Client
from tests.api.conftest import Api
from tests.cast import House


@pytest.fixture
def trail(northwind: Client, fable: Client, system: Actor) -> None:
    """Five events of Northwind and one of Fable, beside those of their creation."""
    with acting(system, at=clock.now()):
        for number in range(5):
            record("access.refused", subject=northwind, number=number)
        record("access.refused", subject=fable)


def test_a_list_is_read_page_by_page_and_back_without_losing_or_repeating_a_row(amal: Api, trail: None) -> None:
    pages, url = [], "audit-events?type=access.refused&limit=2&count=true"
    while url:
        answer = amal.get(url)
        pages.append(answer.json())
        url = pages[-1]["next"]
        assert ("next" in answer.get("Link", "")) == bool(url)
    keys = [[row["key"] for row in page["results"]] for page in pages]
    own = Event.objects.filter(type="access.refused", client_id__isnull=False, seq__gt=0).order_by("-at", "-pk")
    expected = [str(event.pk) for event in own if json.loads(event.body)["data"]]
    assert [key for page in keys for key in page] == expected
    assert [len(page) for page in keys] == [2, 2, 1]
    assert [page["count"] for page in pages] == [5, 5, 5]
    back = amal.get(pages[2]["previous"]).json()
    assert [row["key"] for row in back["results"]] == keys[1]
    assert amal.get(back["previous"]).json()["previous"] is None


def test_of_each_row_the_fields_that_are_asked_for_are_sent(amal: Api, trail: None) -> None:
    page = amal.get("audit-events?type=access.refused&fields=type,key&limit=1").json()
    assert [list(row) for row in page["results"]] == [["key", "type"]]
    assert "fields=type%2Ckey" in page["next"]


def test_a_list_is_taken_out_whole_as_a_table_or_line_by_line_and_that_is_in_the_trail(
    amal: Api, trail: None, house: House, case: ExceptionCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.rest.pages.CHUNK", 2)
    own = [
        str(pk)
        for pk in Event.objects.filter(type="access.refused", body__contains="number")
        .order_by("-at", "-pk")
        .values_list("pk", flat=True)
    ]
    asked = "audit-events?type=access.refused&fields=key,data"
    lines = [json.loads(line) for line in amal.get(f"{asked}&format=jsonl").getvalue().splitlines()]
    assert [line["key"] for line in lines if line["data"]] == own
    ExceptionCase.objects.filter(pk=case.pk).update(title="=1+1")
    answer = amal.get("exceptions?format=csv&fields=key,title,client")
    assert (answer["Content-Type"], answer.getvalue().decode().splitlines()) == (
        "text/csv; charset=utf-8",
        ["key,title,client", f"{case.key},'=1+1,northwind"],
    )
    told = Event.objects.filter(type="list.exported", actor=house.actor("amal").id)
    assert [json.loads(one.body)["data"]["query"] for one in told.order_by("at", "seq")] == [
        f"/api/v1/{asked}&format=jsonl",
        "/api/v1/exceptions?format=csv&fields=key,title,client",
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("fields=key,colour", "There is no “colour” here. There are: self, key,"),
        ("format=xml", "as json, csv or jsonl, not “xml”"),
        ("typ=access.refused", "Did you mean “type”?"),
        ("at=yesterday", "is not a time"),
        ("client_id=7", "is not a UUID"),
        ("sort=name", "Cannot sort by “name”"),
        ("limit=201", "1 to 200"),
        ("limit=0", "1 to 200"),
        ("after=xyz", "not a page"),
        ("after=W10", "not a page"),
        ("type=%00", "printable"),
        ("at=99999d", "is not a time"),
    ],
)
def test_a_bad_query_is_refused_with_what_was_meant(amal: Api, query: str, words: str) -> None:
    answer = amal.get(f"audit-events?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "/problems/bad-query/"
    assert words in problem["detail"]
    assert problem["errors"][0]["location"] == "query"


def test_filters_widen_by_value_narrow_by_name_and_exclude(amal: Api, trail: None, northwind: Client) -> None:
    def found(query: str) -> int:
        return len(amal.get(f"audit-events?{query}").json()["results"])

    assert found("type=access.refused") == 5
    assert found("type=access.refused&type=nothing") == 5
    assert found("type=access.refused&subject_id=7") == 0
    assert found("type!=access.refused") == found("") - 5
    assert found("type=access.refused&at=1h") == 5
    assert found("type=access.refused&at=..2020-01-01") == 0


def test_another_clients_event_reads_as_none(amal: Api, trail: None, fable: Client) -> None:
    foreign = Event.objects.get(client_id=fable.pk, type="access.refused")
    theirs = amal.get(f"audit-events/{foreign.pk}")
    nobodys = amal.get("audit-events/01939999-0000-7000-8000-000000000000")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert _without_own_words(theirs.json()) == _without_own_words(nobodys.json())


def _without_own_words(problem: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in problem.items() if name not in {"instance", "trace_id", "detail"}}


def test_nobody_is_asked_who_they_are(db: None) -> None:
    answer = Browser().get("/api/v1/audit-events")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="Handrail"')
    assert answer.json()["type"] == "/problems/not-authenticated/"


def test_a_token_lets_in_as_far_as_its_scopes_and_no_further(
    program: Callable[..., Api], northwind: Client, trail: None
) -> None:
    api = program(northwind)
    answer = api.get("audit-events")
    assert answer.status_code == 403
    assert answer.json()["missing_permission"] == "audit.view_trail"
    assert Event.objects.get(actor__startswith="token:", type="access.refused").subject_type == "audit.actor"


@pytest.mark.parametrize("state", ["revoked", "expired", "deactivated", "broken"])
def test_a_token_that_is_over_lets_nobody_in(
    program: Callable[..., Api], northwind: Client, system: Actor, state: str
) -> None:
    api = program(northwind)
    now = clock.now()
    token = ApiToken.objects.get()
    if state == "revoked":
        services.revoke_api_token(token_id=token.pk, by=system, now=now)
    if state == "expired":
        with acting(system, at=now):
            ApiToken.objects.update(expires_at=now - timedelta(seconds=1))
    if state == "deactivated":
        api.user.is_active = False
        api.user.save()
    if state == "broken":
        api.token = api.token[:-1]
    answer = api.get("audit-events")
    assert (answer.status_code, answer.json()["detail"]) == (401, "This API token is unknown, expired or revoked.")


def test_the_callers_request_id_is_taken_and_echoed_unless_it_is_none(amal: Api) -> None:
    assert amal.get("audit-events", X_Request_Id="till-7")["X-Request-Id"] == "till-7"
    assert amal.get("nothing", X_Request_Id="till-7").json()["trace_id"] == "till-7"
    assert amal.get("audit-events", X_Request_Id="a b;c")["X-Request-Id"] != "a b;c"


def test_a_caller_beyond_its_rate_is_told_when_to_come_back(amal: Api, settings: Settings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    answers = [amal.get("audit-events") for _ in range(4)]
    assert [answer.status_code for answer in answers].count(429) >= 1
    last = answers[-1]
    assert last.json()["type"] == "/problems/too-many-requests/"
    assert 1 <= int(last["Retry-After"]) <= 61


def test_what_is_not_there_is_a_problem_too(amal: Api) -> None:
    assert amal.get("nothing").json()["type"] == "/problems/not-found/"
    assert amal.raw("DELETE", "audit-events").json()["type"] == "/problems/method-not-allowed/"
    assert amal.get("audit-events", Accept="text/html").json()["type"] == "/problems/not-acceptable/"


def test_a_session_without_its_csrf_token_changes_nothing(amal: Api) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(amal.user)
    answer = browser.post("/api/v1/audit-events", json.dumps({}), content_type="application/json")
    assert answer.status_code == 403
