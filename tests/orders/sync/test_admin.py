"""Systems, connectors and secrets in the admin: through the same doors, and a secret only ever goes in."""

import json
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from audit.context import Actor, acting
from audit.models import Event
from orders.sync import services
from orders.sync.models import Connector, Credential, System
from orders.sync.states import CredentialKind
from tests.cast import House
from tests.doors import signed_in

MAPPING = {"id": "payload.id", "subject": "payload.sku", "data": {"sku": "payload.sku"}}


def browser_of(house: House, name: str, *, staff: bool = True) -> Browser:
    user = house.users[name]
    user.is_staff = staff
    user.save(update_fields=["is_staff"])
    return signed_in(user)


@pytest.fixture
def kim(house: House) -> Browser:
    """The admin."""
    return browser_of(house, "kim")


@pytest.fixture
def connector(store: System, system: Actor, now: datetime) -> Connector:
    connector = Connector(slug="stock", name="Stock", system=store, event_type="stock.changed", mapping=MAPPING)
    with acting(system, at=now):
        services.save_connector(connector=connector, by=system, now=now)
    return connector


def address(model: str, page: str, record: Any = None) -> str:
    return reverse(f"admin:sync_{model}_{page}", args=[record.pk] if record else [])


def as_typed(record: Any, **changes: Any) -> dict[str, Any]:
    values = {field.name: getattr(record, field.attname) for field in record._meta.concrete_fields if field.editable}
    typed = {"seen_version": record.version, "reason": "because", **values, **changes}
    return {name: value for name, value in typed.items() if value is not None and value is not False}


def problems(response: Any) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def test_a_system_is_edited_with_a_reason_its_history_and_an_event(kim: Browser, store: System) -> None:
    typed = as_typed(store, base_url="https://shop.example/hook", max_attempts=5, reason="they moved")
    assert kim.post(address("system", "change", store), typed).status_code == 302
    store.refresh_from_db()
    assert (store.base_url, store.max_attempts, store.version) == ("https://shop.example/hook", 5, 2)
    event = Event.objects.get(type="system.edited")
    assert '"max_attempts":[8,5]' in event.body
    assert "they moved" in event.body
    written = System.history.filter(id=store.pk).latest("history_id")
    assert (written.history_change_reason, written.history_actor) == ("they moved", event.actor)


def test_a_new_system_leaves_a_trace(kim: Browser, house: House) -> None:
    typed = {
        "slug": "wms",
        "name": "WMS",
        "layer": "wms",
        "owner": house.owners["logistics"].pk,
        "authority": 60,
        "max_attempts": 8,
        "is_active": "on",
        "reason": "a second warehouse",
    }
    assert kim.post(address("system", "add"), typed).status_code == 302
    created = System.objects.get(slug="wms")
    assert Event.objects.get(type="system.edited").subject_id == str(created.pk)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://shop.example/", "Messages are sent by http or https only."),
        ("https://me:hunter2@shop.example/", "Leave name and password out of the address; add a secret instead."),
    ],
)
def test_an_address_messages_cannot_go_to_is_refused(kim: Browser, store: System, url: str, words: str) -> None:
    response = kim.post(address("system", "change", store), as_typed(store, base_url=url))
    assert problems(response) == {"base_url": [words]}


def test_the_slower_of_two_is_told(kim: Browser, store: System) -> None:
    typed = as_typed(store)
    kim.post(address("system", "change", store), {**typed, "max_attempts": 5})
    assert kim.post(address("system", "change", store), {**typed, "max_attempts": 3}).status_code == 409
    store.refresh_from_db()
    assert store.max_attempts == 5


def test_a_connector_that_cannot_work_is_refused_with_its_place(kim: Browser, connector: Connector) -> None:
    def errors(**changes: Any) -> dict[str, list[str]]:
        changes = {"mapping": MAPPING, **changes}
        typed = as_typed(connector, **{**changes, "mapping": json.dumps(changes["mapping"])})
        return problems(kim.post(address("connector", "change", connector), typed))

    assert errors(mapping={**MAPPING, "id": "payload."})["mapping"][0].startswith("/id: ")
    assert errors(mapping={"id": "payload.id"}) == {"mapping": ["An event needs an expression for subject, data."]}
    assert list(errors(event_type="moon.landed")) == ["event_type"]


def test_a_connector_is_edited_through_its_door(kim: Browser, connector: Connector) -> None:
    typed = as_typed(connector, topic="stock/update", mapping=json.dumps(MAPPING), reason="their new topic")
    assert kim.post(address("connector", "change", connector), typed).status_code == 302
    assert Event.objects.filter(type="connector.edited", subject_id=str(connector.pk)).count() == 2


def test_a_secret_is_made_shown_once_and_never_again(kim: Browser, store: System) -> None:
    page = kim.post(address("credential", "add"), {"system": store.pk, "kind": "inbound"}, follow=True)
    (shown,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content.decode()))
    credential = Credential.objects.get()
    assert services.secrets_in_force(system=store, kind=CredentialKind.INBOUND, now=credential.not_before) == [shown]
    for url in (
        address("credential", "changelist"),
        address("credential", "change", credential),
        address("credential", "history", credential),
        reverse("admin:sync_credential_simple_history", args=[credential.pk, credential.history.get().pk]),
    ):
        response = kim.get(url)
        text = response.content.decode()
        assert response.status_code == 200, url
        assert shown not in text
        assert credential.sealed not in text


def test_a_given_secret_is_sealed_and_not_repeated(kim: Browser, store: System) -> None:
    given = "the vendor's own secret 77"
    form = {"system": store.pk, "kind": "outbound", "secret": given}
    page = kim.post(address("credential", "add"), form, follow=True).content.decode()
    credential = Credential.objects.get()
    assert given not in page + credential.sealed
    assert services.secrets_in_force(system=store, kind=CredentialKind.OUTBOUND, now=credential.not_before) == [given]
    assert given not in Event.objects.get(type="credential.added").body


def test_a_secret_that_can_be_guessed_is_refused_and_not_echoed(kim: Browser, store: System) -> None:
    response = kim.post(address("credential", "add"), {"system": store.pk, "kind": "inbound", "secret": "hunter2"})
    assert list(problems(response)) == ["secret"]
    assert "hunter2" not in response.content.decode()


def test_a_secret_is_revoked_and_not_edited(kim: Browser, store: System, secret: str) -> None:
    credential = Credential.objects.get()
    kim.post(address("credential", "changelist"), {"action": "revoke", "_selected_action": [credential.pk]})
    assert services.secrets_in_force(system=store, kind=CredentialKind.INBOUND, now=credential.not_before) == []
    assert Event.objects.get(type="credential.revoked").subject_id == str(credential.pk)
    changed = kim.post(address("credential", "change", credential), {"system": store.pk, "kind": "outbound"})
    assert changed.status_code == 403


@pytest.mark.parametrize(("name", "reads"), [("ada", True), ("amal", False), ("noor", False)])
def test_who_does_not_edit_systems_changes_nothing(
    house: House, store: System, connector: Connector, secret: str, name: str, reads: bool
) -> None:
    browser = browser_of(house, name)
    for model, record in (("system", store), ("connector", connector)):
        assert browser.post(address(model, "change", record), as_typed(record, name="Mine")).status_code == 403
    assert browser.post(address("credential", "add"), {"system": store.pk, "kind": "inbound"}).status_code == 403
    revoke = {"action": "revoke", "_selected_action": [Credential.objects.get().pk]}
    browser.post(address("credential", "changelist"), revoke)
    assert Credential.objects.get().revoked_at is None
    seen = [browser.get(address(model, "changelist")).status_code for model in ("system", "connector", "credential")]
    assert seen == [200 if reads else 403] * 3


def test_nobody_deletes(kim: Browser, store: System, connector: Connector, secret: str) -> None:
    for model, record in (("system", store), ("connector", connector), ("credential", Credential.objects.get())):
        assert kim.post(address(model, "delete", record), {"post": "yes"}).status_code == 403
