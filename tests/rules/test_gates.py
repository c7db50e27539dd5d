"""Who answers for what a gate asks for: named by every gate, refused at every door where nobody is."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import Invalid, Refused, StaleVersion
from audit.models import Event
from rules import rulebook, selectors, services
from rules.models import Gate, Owner, RuleBookVersion
from tests.cast import House
from tests.rules.test_admin import address_of, as_typed, problems, signed_in

pytestmark = pytest.mark.django_db
GATE = "ship-despite-open-case"


@pytest.fixture
def gate(shipped_book: RuleBookVersion) -> Gate:
    return Gate.objects.select_related("content_owner").get(slug=GATE)


def test_the_shipped_gates_say_who_answers_for_them_and_the_book_keeps_it(gate: Gate) -> None:
    book = selectors.active_book()
    assert {one.slug: one.content_owner for one in book.gates()} == {
        GATE: "client-success",
        "skip-vendor-confirmation": "ops-team-review",
        "skip-quality-check": "logistics",
        "close-unverified-handoff": "logistics",
        "mute-shared-cause": "ops-team-review",
    }
    older = {**book.document, "gates": {slug: _unowned(row) for slug, row in book.document["gates"].items()}}
    assert rulebook.compile_book(older, id=book.id, number=1).gate(GATE).content_owner == ""


def _unowned(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "content_owner"}


def test_the_form_refuses_a_gate_without_and_says_who_takes_over(gate: Gate) -> None:
    kim = signed_in("kim", Role.ADMIN)
    refused = kim.post(address_of(gate), as_typed(gate, content_owner=""))
    assert list(problems(refused)) == ["content_owner"]
    kept = kim.post(address_of(gate), as_typed(gate, content_owner=Owner.objects.get(slug="support").pk))
    assert kept.status_code == 302, problems(kept)
    assert Gate.objects.get(pk=gate.pk).content_owner.slug == "support"
    page = kim.get(reverse("admin:rules_gate_changelist")).content.decode()
    assert "Support" in page
    assert "Client Success" in page  # the backup of Support


def test_the_service_the_book_and_the_database_refuse_it_too(gate: Gate, system: Actor, now: datetime) -> None:
    gate.content_owner_id = None  # type: ignore[assignment]
    with pytest.raises(Invalid) as refused:
        services.save_edited(edited=gate, by=system, now=now, seen=gate.version, reason="nobody")
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/content_owner", "required")]
    with pytest.raises(IntegrityError), transaction.atomic(), acting(system, at=now):
        Gate.objects.filter(pk=gate.pk).update(content_owner=None)
    document = selectors.document_to_freeze(at=now)
    pointer = f"/gates/{GATE}/content_owner"
    for named, detail in (
        ("", "Nobody is not among the active owners."),
        ("x", "x is not among the active owners."),
    ):
        document["gates"][GATE]["content_owner"] = named
        assert [(one.pointer, one.detail) for one in rulebook.findings(document, at=now)] == [(pointer, detail)]


def test_its_content_owner_says_what_it_asks_for_and_nobody_else_but_an_admin(house: House, now: datetime) -> None:
    gate = Gate.objects.get(slug=GATE)
    said: dict[str, Any] = {
        "slug": GATE,
        "blocks": gate.blocks,
        "needs": "An answer of the customer.",
        "reason": "They asked what is needed",
    }
    with pytest.raises(Refused, match="Client Success"):
        services.describe_gate(**said, by=house.actor("mara"), now=now)
    for wrong, pointer in (({"needs": " "}, "/needs"), ({"blocks": "x" * 201}, "/blocks"), ({"reason": ""}, "/reason")):
        with pytest.raises(Invalid) as refused:
            services.describe_gate(**{**said, **wrong}, by=house.actor("amal"), now=now)
        assert [error.pointer for error in refused.value.errors] == [pointer]
    written = services.describe_gate(**said, by=house.actor("amal"), now=now, seen=gate.version)
    assert (written.needs, written.max_hours, written.version) == (said["needs"], gate.max_hours, gate.version + 1)
    with pytest.raises(StaleVersion):
        services.describe_gate(**{**said, "needs": "More"}, by=house.actor("kim"), now=now, seen=gate.version)
    with pytest.raises(Invalid, match="already"):
        services.describe_gate(**said, by=house.actor("kim"), now=now)
    event = Event.objects.get(type="gate.described")
    assert event.actor == house.actor("amal").id
    assert json.loads(event.body)["changes"]["needs"] == [gate.needs, said["needs"]]
    kept = Gate.history.filter(id=gate.pk).order_by("-history_id").first()
    assert (kept.needs, kept.history_actor) == (said["needs"], house.actor("amal").id)
    assert selectors.active_book().gate(GATE).needs == gate.needs, "the book in force stays as it is"
    services.freeze_rule_book(by=house.actor("kim"), now=now, note="what the gate asks for")
    assert selectors.active_book().gate(GATE).needs == said["needs"]


def test_the_page_lets_the_content_owner_write_and_shows_it_to_the_others(house: House) -> None:
    page = f"/people/gates/{GATE}/"
    amal, mara = Browser(), Browser()
    amal.force_login(house.users["amal"])
    mara.force_login(house.users["mara"])
    assert "you may change it" in amal.get("/people/gates/").content.decode()
    assert "you may change it" not in mara.get("/people/gates/").content.decode()
    given = {**amal.get(page).context["form"].initial, "needs": "An answer of the customer.", "reason": "Said anew"}
    assert mara.get(page).context["may_describe"] is False
    assert mara.post(page, given).status_code == 403
    assert Event.objects.filter(type="access.refused", actor=house.actor("mara").id).exists()
    assert amal.post(page, given, follow=True).redirect_chain == [("/people/gates/", 302)]
    assert (amal.post(page, {**given, "needs": "More"}).status_code, amal.post(page, {"seen": 1}).status_code) == (
        409,
        422,
    )
    assert given["needs"] in mara.get("/people/gates/").content.decode()
