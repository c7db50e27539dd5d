"""Who answers for what a gate asks for: named by every gate, refused at every door where nobody is."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import Invalid
from rules import rulebook, selectors, services
from rules.models import Gate, Owner, RuleBookVersion
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
