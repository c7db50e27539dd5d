"""One payload for an exception, of one declared shape, wherever it is shown."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

import exceptions
from exceptions import selectors, services
from exceptions.models import Notification
from rules.models import Runbook
from rules.shipped.exception_types import EXCEPTION_TYPES
from tests.cast import House
from tests.doors import signed_in
from tests.exceptions.conftest import OpenCase

SCHEMA = json.loads((Path(str(exceptions.__file__)).parent / "schemas" / "exception-payload-1.json").read_text())


def violations(payload: Any) -> list[str]:
    validator = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True, offline=True)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(payload)]


def test_the_schema_is_one_of_its_dialect() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert jsonschema_rs.meta.is_valid(SCHEMA)


@pytest.mark.parametrize("kind", EXCEPTION_TYPES)
def test_every_type_has_owner_backup_deadline_route_and_the_declared_payload(
    open_case: OpenCase, house: House, now: datetime, kind: str
) -> None:
    case, lee = open_case(type=kind), house.actor("lee")
    payload = selectors.payload(by=lee, key=case.key, now=now)
    assert violations(payload) == []
    assert payload["owner"] != payload["backup"]
    assert payload["playbook"]
    assert payload["acceptance"]
    assert payload["if_nobody_acts"]["at"] > payload["opened_at"]


def test_the_payload_leads_to_the_runbooks_of_its_type(open_case: OpenCase, house: House, now: datetime) -> None:
    found = {
        kind: selectors.payload(by=house.actor("lee"), key=open_case(type=kind).key, now=now)["runbooks"]
        for kind in ("never-seen-before", "address")
    }
    book = Runbook.objects.get(slug="unforeseen-failure")
    linked = [{"title": book.title, "url": reverse("exceptions:runbook", args=[book.slug])}]
    assert found == {"never-seen-before": linked, "address": []}


def test_a_payload_that_says_more_or_less_breaks_the_schema(open_case: OpenCase, house: House, now: datetime) -> None:
    payload = selectors.payload(by=house.actor("lee"), key=open_case().key, now=now)
    assert violations({**payload, "e_mail": "ida@example.com"}) != []
    assert violations({**payload, "last_events": [{"at": "yesterday"}]}) != []
    assert violations({name: value for name, value in payload.items() if name != "sla"}) != []


def test_what_was_done_is_in_the_payload_of_a_finished_exception(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    case, amal = open_case(), house.actor("amal")
    services.complete_step(case_id=case.pk, index=0, outcome="one digit is missing", by=amal, now=now)
    services.resolve_case(case_id=case.pk, outcome="resolved", by=amal, now=now)
    payload = selectors.payload(by=amal, key=case.key, now=now)
    assert violations(payload) == []
    assert [one["outcome"] for one in payload["attempted_actions"]] == ["one digit is missing"]
    assert [step["state"] for step in payload["playbook"]] == ["done", "open", "blocked", "open"]
    assert (payload["if_nobody_acts"], payload["outcome"]) == (None, "resolved")


def test_the_letter_brings_the_same_payload_along(open_case: OpenCase, house: House, now: datetime) -> None:
    case = open_case()
    services.reassign_case(case_id=case.pk, to="bo", reason="knows it", by=house.actor("amal"), now=now)
    services.deliver_notifications(now=now)
    (letter,) = [one for one in mail.outbox if one.to == ["bo@handrail.example"]]
    ((name, text, kind),) = letter.attachments
    assert (name, kind) == (f"{case.key}.json", "application/json")
    assert json.loads(str(text)) == selectors.payload(by=house.actor("bo"), key=case.key, now=now)


def test_a_letter_about_many_exceptions_names_them_and_stays_light(
    open_case: OpenCase, house: House, now: datetime
) -> None:
    for n in range(5):
        services.reassign_case(
            case_id=open_case(n).pk, to="bo", reason="knows it", by=house.actor("amal"), now=now + timedelta(minutes=n)
        )
    services.deliver_notifications(now=now + timedelta(hours=1))
    (letter,) = [one for one in mail.outbox if one.to == ["bo@handrail.example"]]
    assert letter.attachments == []
    assert letter.body.count("/exceptions/EX-") == 5


def test_a_payload_that_cannot_be_made_delays_no_letter(
    open_case: OpenCase, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("The rule book has no SLA of that name.")

    case = open_case()
    services.reassign_case(case_id=case.pk, to="bo", reason="knows it", by=house.actor("amal"), now=now)
    monkeypatch.setattr("exceptions.services.letters.payload_of", broken)
    services.deliver_notifications(now=now)
    (letter,) = [one for one in mail.outbox if one.to == ["bo@handrail.example"]]
    assert letter.attachments == []
    assert Notification.objects.filter(deliveries__state="pending").count() == 0


@pytest.mark.parametrize("kind", EXCEPTION_TYPES)
def test_page_program_and_letter_show_one_payload_for_every_kind(
    open_case: OpenCase, house: House, now: datetime, client: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("audit.clock.now", lambda: now)
    case = open_case(type=kind)
    services.reassign_case(case_id=case.pk, to="lee", reason="knows it", by=house.actor("kim"), now=now)
    services.deliver_notifications(now=now)
    (letter,) = [one for one in mail.outbox if one.to == ["lee@handrail.example"] and one.attachments]
    client.cookies = signed_in(house.users["lee"]).cookies
    page = client.get(f"/exceptions/{case.key}/payload.json").json()
    api = client.get(f"/api/v1/exceptions/{case.key}/payload").json()
    assert violations(page) == []
    assert page == api == json.loads(str(letter.attachments[0][1]))
