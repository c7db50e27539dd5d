"""Acting through the API: once, on what was looked at, and only by who may."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection

from audit import clock
from audit.context import Actor, acting
from audit.models import Event, IdempotencyRecord
from exceptions.models import CaseNote, ExceptionCase, Waiver
from orders.fulfilment.models import Hold, Order, OrderIdentifier
from orders.fulfilment.services.intake import place_orders
from rules.models import Client
from tests.api.conftest import Api
from tests.exceptions.test_payload import violations
from tests.factories import orders as make

WAIVER = {
    "reason": "The customer confirmed the address by phone today.",
    "plan": "The address is corrected in the store until then.",
    "minutes": 120,
    "owner": "client-success",
}


def tag(answer: Any) -> str:
    return str(answer["ETag"])


def test_an_exception_is_worked_from_taking_it_to_solving_it(amal: Api, case: ExceptionCase) -> None:
    path = f"exceptions/{case.key}"
    shown = amal.get(path)
    assert (shown.status_code, tag(shown)) == (200, f'"v{case.version}"')
    assert shown.json()["at_risk"] == {"amount": "412.00", "currency": "EUR"}
    assert shown.json()["self"] == f"http://testserver/api/v1/{path}"

    taken = amal.post(f"{path}/acknowledge", match=tag(shown))
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    started = amal.post(f"{path}/start", match=tag(taken))
    step = amal.post(f"{path}/steps/1", {"outcome": "Street number missing"}, match=tag(started))
    assert [one["number"] for one in step.json()["steps"]] == [1]
    noted = amal.post(f"{path}/note", {"text": "Called the customer."}, match=None)
    assert [one["text"] for one in noted.json()["notes"]] == ["Called the customer."]
    waiting = amal.post(f"{path}/wait", {"until": "2100-01-01T00:00:00Z", "reason": "They call back"}, match=tag(noted))
    assert waiting.status_code == 422
    solved = amal.post(f"{path}/resolve", {"outcome": "resolved"}, match=tag(noted))
    assert (solved.status_code, solved.json()["state"]) == (200, "resolved")
    reopened = amal.post(f"{path}/reopen", {"reason": "It came back"}, match=tag(solved))
    assert reopened.json()["state"] == "open"


def test_what_can_be_done_is_told_with_reasons_for_the_rest(amal: Api, case: ExceptionCase) -> None:
    answer = amal.get(f"exceptions/{case.key}/available-actions").json()
    allowed = {one["action"] for one in answer["actions"] if one["is_allowed"]}
    assert allowed == {
        "acknowledge",
        "start",
        "reassign",
        "escalate",
        "step",
        "note",
        "link",
        "unlink",
        "resolve",
        "withdraw",
        "watch",
        "unwatch",
    }
    reasons = {one["action"]: one["reason"] for one in answer["actions"] if not one["is_allowed"]}
    assert reasons["reopen"] == f"{case.key} is “new”."


def test_the_payload_tells_the_subjects_story(amal: Api, case: ExceptionCase, order: Order) -> None:
    payload = amal.get(f"exceptions/{case.key}/payload").json()
    assert payload["key"] == case.key
    assert payload["subject"]["key"] == order.key
    assert len(payload["last_events"]) <= 5
    assert len(payload["last_attempts"]) <= 3


def test_the_payload_is_the_same_on_the_page_and_of_the_declared_shape(amal: Api, case: ExceptionCase) -> None:
    through_the_api = amal.get(f"exceptions/{case.key}/payload").json()
    on_the_page = amal.get(f"/exceptions/{case.key}/payload.json").json()
    assert through_the_api == on_the_page
    assert len(through_the_api["last_events"]) > 0
    assert violations(through_the_api) == []


def test_a_step_that_cannot_be_done_yet_is_a_conflict_that_says_why(
    amal: Api, case: ExceptionCase, system: Actor
) -> None:
    with acting(system, at=clock.now()):
        steps = [{"label": "Wave", "kind": "record", "when": "late", "needs": "the deadline to pass", "required": True}]
        ExceptionCase.objects.filter(pk=case.pk).update(playbook=steps)
    answer = amal.post(f"exceptions/{case.key}/steps/1", {"outcome": "waved"})
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("Not now: it needs the deadline to pass.")


def test_the_second_to_take_an_exception_is_told_who_was_faster_and_shown_what_is(
    amal: Api, lee: Api, case: ExceptionCase
) -> None:
    seen = tag(amal.get(f"exceptions/{case.key}"))
    assert lee.post(f"exceptions/{case.key}/acknowledge", match=seen).status_code == 200
    late = amal.post(f"exceptions/{case.key}/start", match=seen)
    assert late.status_code == 412
    problem = late.json()
    assert problem["type"] == "/problems/stale-version/"
    assert problem["detail"].startswith("Lee Weber was faster")
    assert problem["current"]["state"] == "acknowledged"


def test_what_somebody_has_done_already_is_answered_as_it_is(amal: Api, lee: Api, case: ExceptionCase) -> None:
    for act, given in (("acknowledge", {}), ("resolve", {"outcome": "resolved"})):
        seen = tag(amal.get(f"exceptions/{case.key}"))
        first = lee.post(f"exceptions/{case.key}/{act}", given, match=seen)
        second = amal.post(f"exceptions/{case.key}/{act}", given, match=seen)
        assert (second.status_code, second.json(), tag(second)) == (200, first.json(), tag(first)), act
    other = amal.post(f"exceptions/{case.key}/resolve", {"outcome": "cancelled"}, match=seen)
    assert (other.status_code, other.json()["current"]["outcome"]) == (412, "resolved")


def test_an_act_says_which_version_it_saw(amal: Api, case: ExceptionCase) -> None:
    missing = amal.post(f"exceptions/{case.key}/start", match=None)
    assert (missing.status_code, missing.json()["type"]) == (428, "/problems/version-missing/")
    assert amal.post(f"exceptions/{case.key}/start", match="v3").status_code == 428
    assert amal.post(f"exceptions/{case.key}/start", match='"v99"').status_code == 412


def test_a_known_version_is_not_sent_again(amal: Api, northwind: Client) -> None:
    seen = tag(amal.get("clients/northwind"))
    again = amal.get("clients/northwind", If_None_Match=seen)
    assert (again.status_code, again.content) == (304, b"")
    assert amal.get("clients/northwind", If_None_Match='"v99"').status_code == 200


def test_the_same_request_again_is_answered_and_not_done_again(amal: Api, case: ExceptionCase) -> None:
    key, path, body = str(uuid4()), f"exceptions/{case.key}/note", {"text": "Once"}
    first, second = (amal.post(path, body, key=key, match=None) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert CaseNote.objects.count() == 1
    other = amal.post(path, {"text": "Twice"}, key=key, match=None)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused/")


def test_a_refused_request_may_be_corrected_under_its_key(amal: Api, case: ExceptionCase) -> None:
    key, path = str(uuid4()), f"exceptions/{case.key}/note"
    assert amal.post(path, {"text": ""}, key=key, match=None).status_code == 422
    assert not IdempotencyRecord.objects.exists()
    assert amal.post(path, {"text": "Now"}, key=key, match=None).status_code == 200


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "umlaut-ümlaut-ümlaut"])
def test_an_act_without_a_usable_key_is_refused(amal: Api, case: ExceptionCase, key: str) -> None:
    answer = amal.raw("POST", f"exceptions/{case.key}/start", b"", **{"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing/")


def test_keys_of_two_callers_never_meet(amal: Api, lee: Api, case: ExceptionCase) -> None:
    key, path = str(uuid4()), f"exceptions/{case.key}/note"
    for api, text in ((amal, "Mine"), (lee, "Yours")):
        assert api.post(path, {"text": text}, key=key, match=None).status_code == 200
    assert CaseNote.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_with_one_key_act_once(amal: Api, case: ExceptionCase) -> None:
    key, gate, answers = str(uuid4()), Barrier(10), []

    def send() -> None:
        gate.wait()
        answers.append(amal.post(f"exceptions/{case.key}/note", {"text": "Once"}, key=key, match=None))
        connection.close()

    threads = [Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CaseNote.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    running = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.json()["type"] == "/problems/still-running/" and answer["Retry-After"] for answer in running)
    assert sum("Idempotency-Replayed" not in answer for answer in answers if answer.status_code == 200) == 1


def test_a_field_nobody_declared_is_refused_by_name(amal: Api, case: ExceptionCase) -> None:
    answer = amal.post(f"exceptions/{case.key}/note", {"text": "Hi", "state": "closed", "owner/id": 7}, match=None)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/state", "/owner~1id"]
    assert {error["code"] for error in answer.json()["errors"]} == {"unknown-field"}
    assert not CaseNote.objects.exists()


def test_a_time_limited_exception_is_asked_for_and_decided_by_somebody_else(
    amal: Api, lee: Api, case: ExceptionCase
) -> None:
    asked = amal.post("time-limited-exceptions", {"exception": case.key, **WAIVER})
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    assert asked["Location"] == asked.json()["self"]
    path = f"time-limited-exceptions/{asked.json()['key']}"
    own = amal.post(f"{path}/approve", match=tag(asked))
    assert own.status_code == 403
    approved = lee.post(f"{path}/approve", {"minutes": 60}, match=tag(asked))
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert [row["key"] for row in amal.get("time-limited-exceptions?in_force=true").json()["results"]] == [
        asked.json()["key"]
    ]
    late = lee.post(f"{path}/reject", {"comment": "Too late"}, match=tag(approved))
    assert late.status_code == 409
    revoked = lee.post(f"{path}/revoke", {"reason": "Not needed any more"}, match=tag(approved))
    assert revoked.json()["state"] == "revoked"
    assert amal.get("time-limited-exceptions?in_force=true").json()["results"] == []


@pytest.mark.parametrize(("asks", "decides"), [("person", "program"), ("program", "person")])
def test_nobody_approves_what_they_asked_for_not_even_through_a_program(
    house: Any, northwind: Client, case: ExceptionCase, program: Callable[..., Api], lee: Api, asks: str, decides: str
) -> None:
    scopes = ["exceptions.view_case", "exceptions.request_waiver", "exceptions.decide_waiver"]
    callers = {"person": lee, "program": program(northwind, of="lee", scopes=scopes)}
    asked = callers[asks].post("time-limited-exceptions", {"exception": case.key, **WAIVER})
    assert asked.status_code == 201
    answer = callers[decides].post(f"time-limited-exceptions/{asked.json()['key']}/approve", match=tag(asked))
    assert answer.status_code == 403
    assert Waiver.objects.get().state == "requested"


def test_one_order_of_three_systems_is_one_record_with_all_its_names_its_state_its_times_and_its_owner(
    amal: Api, order: Order, northwind: Client, system: Actor
) -> None:
    for teller, number, also in (("erp", "E-1", "store"), ("market", "M-1", "store"), ("erp", "E-2", "market")):
        named = order.number if also == "store" else "M-1"
        told = make.placed(
            northwind, clock.now(), system=teller, order=number, identifiers=[{"system": also, "external_id": named}]
        )
        assert place_orders(news=[told], by=system, now=clock.now()) == [order.pk]
    found = amal.get(f"orders/{order.key}").json()
    assert [(one["system"], one["external_id"]) for one in found["story"]["external_ids"]] == [
        ("store", order.number),
        ("erp", "E-1"),
        ("market", "M-1"),
        ("erp", "E-2"),
    ]
    assert (found["key"], found["state"], found["owner"]) == (order.key, "in_fulfilment", "ops-team")
    assert {"awaiting_payment", "paid", "in_fulfilment"} == found["stamps"].keys()
    assert found["paid_at"] is not None
    assert [row["key"] for row in amal.get("orders").json()["results"]] == [order.key]
    with pytest.raises(IntegrityError, match="orderidentifier_names_one_order"), acting(system, at=clock.now()):
        OrderIdentifier.objects.create(order=order, system="erp", external_id="E-1")


def test_an_order_is_held_released_and_cancelled(amal: Api, order: Order) -> None:
    path = f"orders/{order.key}"
    held = amal.post(f"{path}/holds", {"words": "Customer asked to wait"})
    assert (held.status_code, held.json()["state"]) == (200, "on_hold")
    hold = Hold.objects.get(order=order)
    elsewhere = amal.post(f"{path}/holds/{uuid4()}/release", {"reason": "They are ready"})
    assert elsewhere.status_code == 404
    released = amal.post(f"{path}/holds/{hold.pk}/release", {"reason": "They are ready"})
    assert (released.status_code, released.json()["state"]) == (200, "in_fulfilment")
    cancelled = amal.post(f"{path}/cancel", {"reason": "Changed their mind"}, match=tag(released))
    assert cancelled.json()["state"] == "cancelled"
    steps = [step["type"] for step in amal.get(f"{path}/trace").json()["steps"]]
    assert steps[0] == "order.received"
    assert "order.cancelled" in steps


def test_an_address_that_cannot_be_shipped_to_is_refused_field_by_field(amal: Api, order: Order) -> None:
    body = {"recipient": "Ida Berg", "street": "Torstraße 12", "city": "Berlin", "postcode": "XX", "country": "DE"}
    answer = amal.post(f"orders/{order.key}/address", body)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["invalid"]
    assert amal.post(f"orders/{order.key}/address", {**body, "postcode": "10119"}).status_code == 200


def test_personal_data_is_masked_for_who_may_not_see_it(amal: Api, kim: Api, order: Order) -> None:
    masked = amal.get(f"orders/{order.key}").json()["story"]["address"]
    clear = kim.get(f"orders/{order.key}").json()["story"]["address"]
    assert masked["name"] == "•••"
    assert clear["name"] == "Ida Berg"


def test_a_refusal_is_in_the_trail(house: Any, case: ExceptionCase) -> None:
    ada = Api(house.users["ada"])
    answer = ada.post(f"exceptions/{case.key}/acknowledge")
    assert (answer.status_code, answer.json()["missing_permission"]) == (403, "exceptions.work_case")
    refused = Event.objects.get(type="access.refused")
    assert refused.actor == f"user:{house.users['ada'].pk}"
    assert f"POST /api/v1/exceptions/{case.key}/acknowledge" in refused.body


def test_an_address_is_set_in_its_parts_and_told_only_to_who_may_see_it(amal: Api, kim: Api, order: Order) -> None:
    path, why = f"orders/{order.key}/override", {"field": "address", "reason": "She has moved"}
    there = {"name": "Ida Berg", "street_address": "Jungfernstieg 4", "city": "Hamburg", "country_code": "DE"}
    refused = amal.post(path, {**why, "address": {**there, "postal_code": "2035"}})
    assert (refused.status_code, [one["pointer"] for one in refused.json()["errors"]]) == (422, ["/postal_code"])
    assert amal.post(path, {**why, "address": {**there, "postal_code": "20354"}}).status_code == 200
    for asker, local in ((amal, "•••"), (kim, "Ida Berg, Jungfernstieg 4, Hamburg, 20354, DE")):
        (told,) = asker.get("overrides").json()["results"]
        assert (told["field"], told["line"], told["local"]) == ("address", None, local)
        assert told["protected_until"] > told["review_by"]
        assert asker.get(f"overrides/{told['key']}").json()["protected_until"] == told["protected_until"]
