"""The three who answer for a contract: each does what is theirs, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from rules.models import Contract
from tests.api.conftest import Api
from tests.cast import House

TEXT = {"text": "Stock counts may arrive twice; the later one counts."}
SLOTS = {"amal": "contract_owner", "bo": "execution_owner", "lee": "business_owner"}
SCHEMA = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string", "maxLength": 80}}}
DRAFT = {"schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMA}}
ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "draft": ("contract_owner", DRAFT),
    "describe": ("contract_owner", TEXT),
    "runbook": ("execution_owner", TEXT),
    "accept-risk": ("business_owner", TEXT),
}


@pytest.fixture
def contract(house: House, system: Actor) -> Contract:
    """Stock counts, with a person in each slot."""
    with acting(system, at=clock.now()):
        found = Contract.objects.get(name="stock.changed")
        for person, slot in SLOTS.items():
            setattr(found, slot, house.owners[person])
        found.save()
    return found


def test_each_does_what_is_theirs_and_nobody_elses(house: House, contract: Contract) -> None:
    """The matrix of C18.1 and C18.2: who holds which slot, against every act; an admin writes, but never accepts a risk."""
    told = {
        (person, act): Api(house.users[person]).post(f"contracts/{contract.name}/{act}", body).status_code
        for person in ("amal", "bo", "lee", "kim", "mara", "ada")
        for act, (_, body) in ACTS.items()
    }
    expected = {
        (person, act): 200 if SLOTS.get(person) == slot or (person == "kim" and act != "accept-risk") else 403
        for person in ("amal", "bo", "lee", "kim", "mara", "ada")
        for act, (slot, _) in ACTS.items()
    }
    assert told == expected
    contract.refresh_from_db()
    assert (contract.risk_accepted_by_name, contract.residual_risk) == ("Lee Weber", TEXT["text"])
    assert Event.objects.filter(type="contract.risk_accepted", subject_id=str(contract.pk)).count() == 1


def test_a_version_is_drafted_published_and_retired_by_who_says_what_it_means(amal: Api, contract: Contract) -> None:
    path = f"contracts/{contract.name}"
    drafted = amal.post(f"{path}/draft", DRAFT, match=None).json()["versions"]
    assert [(one["number"], one["state"]) for one in drafted] == [(1, "active"), (2, "draft")]
    amal.post(f"{path}/publish", {"number": 2}, match=None)
    retired = amal.post(f"{path}/retire", {"number": 1}, match=None).json()["versions"]
    assert [one["state"] for one in retired] == ["retired", "active"]
    assert amal.post(f"{path}/publish", {"number": 9}, match=None).status_code == 404
    stale = amal.post(f"{path}/describe", TEXT, match='"v99"')
    assert (stale.status_code, stale.json()["type"]) == (412, "/problems/stale-version/")


def test_a_program_accepts_no_risk_and_the_database_knows_nobody_who_did(
    house: House, contract: Contract, program: Any, system: Actor
) -> None:
    tool = program(house.clients["northwind"], of="lee", scopes=["rules.view_rules"])
    assert tool.post(f"contracts/{contract.name}/accept-risk", TEXT).status_code == 403
    for slot in ("contract_owner_id", "execution_owner_id", "business_owner_id"):
        with pytest.raises(IntegrityError), transaction.atomic(), acting(system, at=clock.now()):
            Contract.objects.filter(pk=contract.pk).update(**{slot: None})
    with pytest.raises(IntegrityError), transaction.atomic(), acting(system, at=clock.now()):
        Contract.objects.filter(pk=contract.pk).update(residual_risk="Nobody accepted this")
