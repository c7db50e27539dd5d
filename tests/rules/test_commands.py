"""What the commands print, and with which exit code."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from audit.context import Actor, acting
from audit.subject_refs import SubjectRef
from rules import services
from rules.models import Calendar, Client, ContractVersion, Flow, Owner, OwnershipRule, RuleBookVersion, RunbookVersion

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def as_document(*arguments: str) -> tuple[int, dict[str, Any]]:
    code, text = run(*arguments, "--json")
    document: dict[str, Any] = json.loads(text)
    return code, document


@pytest.fixture
def decided(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> None:
    with acting(system, at=now):
        northwind = Client.objects.create(
            slug="northwind",
            name="Northwind",
            key_prefix="NW",
            time_zone="Europe/Berlin",
            calendar=Calendar.objects.get(slug="berlin-business"),
            currency="EUR",
        )
    for channel in ("marketplace", "web"):
        services.decide_for(
            subject=SubjectRef("fulfilment.order", "1", northwind.pk),
            subject_key="NW-1",
            client_id=northwind.pk,
            context={"channel": channel, "fraud_score": 5, "lines": [{"sku": "A", "sku_type": "preorder"}]},
            now=now,
        )


def test_explain_says_who_why_and_what_almost(decided: None) -> None:
    code, text = run("explain", "NW-1")
    assert code == 0
    assert text.splitlines()[0] == (
        "NW-1 is owned by ops-team: rule everything-else of rule book v1, decided 2026-11-20 09:00 UTC."
    )
    assert "  almost: marketplace-preorder, had channel not been 'web' (channel == \"marketplace\")" in text
    assert "  before: fulfillment-service-vendor by marketplace-preorder, 2026-11-20 09:00 UTC" in text


def test_explain_as_a_document(decided: None) -> None:
    code, document = as_document("explain", "NW-1")
    assert (code, document["schema"], document["ok"]) == (0, "ops.explain/1", True)
    assert document["summary"]["inputs"]["channel"] == "web"
    assert document["summary"]["asked_before"][0] == "high-risk-review: fraud_score >= 70 is not so"


def test_explain_of_nothing_is_a_usage_error(decided: None) -> None:
    assert run("explain", "NW-2") == (2, "Nothing has been decided about NW-2.\n")


def test_check_runbooks_names_what_nobody_has_written_about(shipped_book: RuleBookVersion) -> None:
    code, document = as_document("check_runbooks")
    found = {item["about"]: item["runbooks"] for item in document["items"]}
    assert code == 1
    assert (found["alert:timers"], found["contract:order.placed"]) == (["escalation-stopped"], ["messages-refused"])
    assert document["summary"]["without_runbook"] == sum(not runbooks for runbooks in found.values()) > 0


def test_check_slas_lists_every_promise(shipped_book: RuleBookVersion) -> None:
    code, document = as_document("check_slas")
    promised = {(item["kind"], item["slug"]): (item["minutes"], item["basis"]) for item in document["items"]}
    assert (code, document["summary"]["blank"]) == (0, 0)
    assert promised["rule", "marketplace-preorder"] == (60, "wall")
    assert promised["exception type", "address"] == (120, "business")
    assert promised["promise", "sync-delay"] == (15, "wall")
    assert promised["SLA target", "contract-violation-p1"] == (240, "wall")
    assert all(item["sla"] and item["minutes"] and item["basis"] and item["calendar"] for item in document["items"])
    response = {item["slug"]: item["response_minutes"] for item in document["items"] if item["kind"] == "SLA target"}
    assert (response["contract-violation-p1"], response["sync-lag-p2"]) == (30, 120)


def test_check_ownership_names_owners_nobody_answers_for(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Owner.objects.exclude(slug="support").update(emails=["team@example.org"])
    code, document = as_document("check_ownership")
    (found,) = document["items"]
    assert (code, found["where"]) == (1, "owner support")
    assert found["finding"].startswith("Support has neither people nor an address: ")
    assert (document["summary"]["gaps"], document["summary"]["open_items_in_gaps"]) == (1, 0)
    with acting(system, at=now):
        Owner.objects.filter(slug="support").update(emails=["team@example.org"])
    assert run("check_ownership")[0] == 0


def test_check_ownership_sees_what_the_next_book_would_break(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        Owner.objects.update(emails=["team@example.org"])
        OwnershipRule.objects.filter(is_default=True).update(is_active=False)
    code, document = as_document("check_ownership")
    assert (code, document["items"][0]["where"]) == (1, "next rule book /rules")


def test_verify_state_makes_every_decision_again(decided: None) -> None:
    code, document = as_document("verify_state", "--all")
    records = ContractVersion.objects.count() + RunbookVersion.objects.count() + Flow.objects.count()
    assert (code, document["summary"]) == (0, {"decisions": 2, "different": 0, "records": records, "unlike": 0})
