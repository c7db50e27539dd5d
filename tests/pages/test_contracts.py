"""Contracts, for the three who answer for one: what waits for each, the acts, and nobody else's."""

import json

import pytest

from audit import clock
from audit.context import Actor, acting
from audit.models import Event
from rules.models import Contract, ContractVersion
from tests.cast import House
from tests.pages.conftest import SignedIn

SLOTS = {"amal": "contract_owner", "bo": "execution_owner", "lee": "business_owner"}
PAGE = "/contracts/stock.changed/"
TEXT = "Stock counts may arrive twice; the later one counts."


@pytest.fixture
def contract(house: House, system: Actor) -> Contract:
    """Stock counts, with a person in each slot and every other contract with a team."""
    with acting(system, at=clock.now()):
        found = Contract.objects.get(name="stock.changed")
        for person, slot in SLOTS.items():
            setattr(found, slot, house.owners[person])
        found.runbook = ""
        found.save()
    return found


def waiting(signed_in: SignedIn, name: str) -> list[str]:
    page = signed_in(name).get("/contracts/").context["page"]
    return [one.act for one in page.waiting if one.contract.name == "stock.changed"]


def test_each_sees_what_waits_for_them_and_it_goes_when_it_is_done(signed_in: SignedIn, contract: Contract) -> None:
    assert [waiting(signed_in, name) for name in (*SLOTS, "mara")] == [[], ["runbook"], ["accept-risk"], []]
    for name, act in (("bo", "runbook"), ("lee", "accept-risk")):
        browser = signed_in(name)
        seen = browser.get(f"{PAGE}{act}/").context["form"].initial["seen"]
        assert browser.post(f"{PAGE}{act}/", {"text": TEXT, "seen": seen}).status_code == 302
        assert waiting(signed_in, name) == []
    contract.refresh_from_db()
    assert (contract.runbook, contract.risk_accepted_by_name) == (TEXT, "Lee Weber")
    row = next(row for row in signed_in("bo").get("/contracts/").context["page"].rows if row.contract == contract)
    assert [slot.value for slot in row.slots] == ["execution_owner"]


def test_a_version_goes_its_way_with_a_reason_and_the_risk_is_asked_for_again(
    signed_in: SignedIn, house: House, contract: Contract
) -> None:
    amal, lee = signed_in("amal"), signed_in("lee")
    lee.post(f"{PAGE}accept-risk/", {"text": TEXT, "seen": contract.version})
    drafted = amal.get(f"{PAGE}draft/").context["form"].initial
    given = {"schema": json.dumps(drafted["schema"]), "pii": drafted["pii"]}
    assert amal.post(f"{PAGE}draft/", given | {"schema": '{"type": "object"}'}).status_code == 422
    assert amal.post(f"{PAGE}draft/", given).status_code == 302
    for number, act in ((2, "publish"), (1, "retire")):
        assert waiting(signed_in, "amal")[0] == act
        path = f"{PAGE}{act}/?version={number}"
        initial = amal.get(path).context["form"].initial
        assert amal.post(path, initial | {"reason": ""}).status_code == 422
        stale = amal.post(path, initial | {"seen": 99, "reason": "The vendor moved"})
        assert (stale.status_code, "was changed since you looked" in stale.content.decode()) == (409, True)
        assert amal.post(path, initial | {"reason": "The vendor moved"}).status_code == 302
    assert list(
        ContractVersion.objects.filter(contract=contract).order_by("number").values_list("state", flat=True)
    ) == [
        "retired",
        "active",
    ]
    told = Event.objects.filter(
        type__in=["contract.published", "contract.retired"], actor=f"user:{house.users['amal'].pk}"
    )
    assert ["The vendor moved" in event.body for event in told] == [True, True]
    assert waiting(signed_in, "lee") == ["accept-risk"]
    again = amal.get(path).context["form"].initial | {"reason": "Once more"}
    assert "only a deprecated one retires" in amal.post(path, again, follow=True).content.decode()
    page = amal.get(f"{PAGE}?version=1")
    assert (page.context["page"].shown.number, amal.get(f"{PAGE}?version=9").status_code) == (1, 404)


def test_what_is_anothers_is_refused_by_name_and_kept_in_the_trail(
    signed_in: SignedIn, house: House, contract: Contract
) -> None:
    bo, kim = signed_in("bo"), signed_in("kim")
    for method in (bo.get, bo.post):
        answer = method(f"{PAGE}publish/")
        assert (answer.status_code, "Amal Okafor" in answer.content.decode()) == (403, True)
    assert kim.get(f"{PAGE}runbook/").status_code == 200
    assert kim.post(f"{PAGE}accept-risk/", {"text": TEXT, "seen": contract.version}).status_code == 403
    refused = set(Event.objects.filter(type="access.refused").values_list("actor", flat=True))
    assert refused == {f"user:{house.users[name].pk}" for name in ("bo", "kim")}
    page = bo.get(PAGE)
    slots = page.context["slots"]
    assert [slot["acts"] == [] for slot in slots] == [True, False, True]
    shown = page.content.decode()
    assert all(f"Backup: {slot['owner'].backup.name}</div>" in shown for slot in slots)
    assert [bo.get(path).status_code for path in (f"{PAGE}burn/", "/contracts/nobody/")] == [404, 404]
    assert signed_in("sam").get("/contracts/").status_code == 403
