"""Views, files, gates before anybody asks, and links for clients, for programs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

from django.test import Client as Browser

from audit.models import IdempotencyRecord
from exceptions.models import ClientApproval, ExceptionCase, SavedView
from rules.models import Client
from tests.api.conftest import Api
from tests.cast import House

ASKED = {
    "reason": "The customer confirmed the address by phone.",
    "plan": "It is corrected in the store meanwhile.",
    "minutes": 60,
    "owner": "client-success",
}


def test_a_view_is_kept_shared_changed_seen_first_and_deleted(house: House, amal: Api, noor: Api) -> None:
    bo = Api(house.users["bo"])
    kept = amal.post(
        "views",
        {"page": "team", "title": "Late", "query": "due=overdue&client=northwind", "team": "ops-team"},
        match=None,
    )
    assert (kept.status_code, kept.json()["query"]) == (201, "client=northwind&due=overdue")
    where = kept["Location"]
    assert [one["title"] for one in bo.get("views?page=team").json()["results"]] == ["Late"]
    assert (noor.get(where).status_code, noor.get("views").json()["results"]) == (404, [])
    assert bo.post(f"{where}/change", {"title": "Mine now", "team": ""}).status_code == 403
    assert bo.post("views/first", {"page": "team", "view": kept.json()["number"]}, match=None).status_code == 200
    assert (bo.get(where).json()["is_first"], amal.get(where).json()["is_first"]) == (True, False)
    stale = amal.post(f"{where}/change", {"title": "Later"}, match='"v99"')
    assert stale.status_code == 412
    changed = amal.post(
        f"{where}/change", {"title": "Very late", "team": "ops-team"}, match=f'"v{kept.json()["version"]}"'
    )
    assert (changed.json()["title"], changed.json()["version"]) == ("Very late", kept.json()["version"] + 1)
    assert amal.post(f"{where}/query", {"query": "colour=red"}).json()["errors"][0]["pointer"] == "/colour"
    assert amal.post(f"{where}/query", {"query": "due=today"}).json()["query"] == "due=today"
    key = str(uuid4())
    assert [amal.post(f"{where}/delete", key=key).status_code for _ in range(2)] == [204, 404]
    assert not SavedView.objects.get().is_active


def test_a_program_keeps_the_views_of_its_person(program: Callable[..., Api], northwind: Client, amal: Api) -> None:
    till = program(northwind, of="amal", scopes=["exceptions.view_case"])
    kept = till.post("views", {"page": "team", "title": "Late", "query": "due=overdue"}, match=None)
    assert kept.status_code == 201
    assert [one["self"] for one in amal.get("views").json()["results"]] == [kept.json()["self"]]
    refused = till.post("views", {"page": "orders", "title": "Late", "query": ""}, match=None)
    assert refused.status_code == 403


def test_a_file_is_what_is_in_it(amal: Api, noor: Api, case: ExceptionCase) -> None:
    content = base64.b64encode(b"Seen at the door").decode()
    kept = amal.post(f"exceptions/{case.key}/files", {"name": "note.txt", "content": content}, match=None)
    assert (kept.status_code, kept.json()["content_type"]) == (200, "text/plain")
    assert amal.get(f"exceptions/{case.key}/files/1").json()["content"] == content
    assert noor.get(f"exceptions/{case.key}/files/1").status_code == 404
    for name, bad in (("x.txt", "no base64!"), ("x.pdf", content)):
        assert amal.post(f"exceptions/{case.key}/files", {"name": name, "content": bad}, match=None).status_code == 422


def test_before_asking_each_gate_says_what_it_would_let_through(amal: Api, case: ExceptionCase) -> None:
    gates = {one["gate"]: one for one in amal.get(f"exceptions/{case.key}/gates").json()["gates"]}
    asked = gates[case.gate]
    assert [one["key"] for one in asked["approvers"] if not one["stands_in_for"]] == ["lee", "mara"]
    assert asked["impact"] is None or asked["impact"]["base"]


def test_the_link_for_the_client_is_told_once_and_kept_nowhere(
    amal: Api, lee: Api, noor: Api, case: ExceptionCase
) -> None:
    asked = amal.post("time-limited-exceptions", {"exception": case.key, **ASKED}, match=None).json()["key"]
    path, key = f"time-limited-exceptions/{asked}/client-approval", str(uuid4())
    assert noor.post(path, {"contact": "Iris Vogt"}, match=None).status_code == 404
    first, again = (amal.post(path, {"contact": "Iris Vogt"}, key=key, match=None) for _ in range(2))
    link = first.json()["link"]
    assert (first.status_code, again.json()) == (200, {**first.json(), "link": None})
    assert not any(link in str(kept.body) for kept in IdempotencyRecord.objects.all())
    assert Browser().get(urlsplit(link).path).status_code == 200
    waiting = {row["what"] for row in lee.get("reports/ageing").json()["waiting"]}
    assert waiting == {"Decision", "Client's answer"}
    assert amal.post(f"{path}/take-back", match=None).json()["state"] == "revoked"
    assert Browser().get(urlsplit(link).path).status_code == 404
    assert ClientApproval.objects.get().state == "revoked"


def test_wishes_per_event_are_kept_and_what_ops_set_is_refused(amal: Api, house: House) -> None:
    path, given = "notification-preferences", {"digest_at": "08:00", "p3": "digest"}
    kept = amal.post(path, {**given, "events": {"mentioned": {"email": "never"}}}, match=None).json()
    assert (kept["events"], kept["p3"], kept["p2"]) == ({"mentioned": {"email": "never"}}, "digest", "now")
    assert amal.get(path).json()["events"] == kept["events"]
    refused = amal.post(path, {**given, "events": {"late": {"pager": "never"}}}, match=None)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/events/late")
    assert "set by ops" in refused.json()["detail"]
    assert amal.get(path).json()["events"] == kept["events"]


def test_a_way_out_is_tried_only_if_it_is_ones_own(amal: Api, house: House) -> None:
    own = house.users["amal"].email
    assert amal.post("notification-preferences/test", {"channel": own}, match=None).json()["taken"] is True
    theirs = amal.post("notification-preferences/test", {"channel": house.users["bo"].email}, match=None)
    assert theirs.status_code == 404
