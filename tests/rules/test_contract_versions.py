"""Contracts in force: published, replaced, retired, and never edited afterwards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from audit.context import Actor, acting
from audit.errors import IllegalTransition, Invalid, NotFound
from rules import selectors, services
from rules.contracts import DIALECT, Violation
from rules.errors import ContractInUse
from rules.models import Contract, ContractVersion, Owner, RuleBookVersion

pytestmark = pytest.mark.django_db

NEXT = {"$schema": DIALECT, "type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}
PLACED: dict[str, Any] = {
    "client": "northwind",
    "order": "104233",
    "channel": "web",
    "placed_at": "2026-11-20T09:00:00Z",
    "currency": "EUR",
    "total_minor": 4900,
    "lines": [{"sku": "A", "sku_type": "stock", "quantity": 1}],
    "address": {"recipient": "Ann", "street": "Weg 1", "postcode": "10115", "city": "Berlin", "country": "DE"},
    "contact": {"email": "ann@example.org"},
}


def test_what_does_not_say_what_it_means_is_no_contract(shipped_book: RuleBookVersion, as_system: Actor) -> None:
    owners = dict.fromkeys(("contract_owner", "execution_owner", "business_owner"), Owner.objects.order_by("pk")[0])
    with pytest.raises(IntegrityError, match="contract_says_what_it_means"), transaction.atomic():
        Contract.objects.create(name="order.hushed", direction="in", description="", **owners)
    with pytest.raises(IntegrityError, match="contract_says_what_it_means"), transaction.atomic():
        Contract.objects.filter(name="order.placed").update(description="")


def publish_next(system: Actor, now: datetime) -> ContractVersion:
    contract = Contract.objects.get(name="order.placed")
    draft = services.draft_contract_version(contract=contract, schema=NEXT, pii=[], by=system, now=now)
    return services.publish_contract_version(version_id=draft.pk, by=system, now=now)


def test_every_event_and_document_of_the_product_has_a_contract_in_force(shipped_book: RuleBookVersion) -> None:
    active = ContractVersion.objects.filter(state="active").values_list("contract__name", flat=True)
    assert sorted(active) == [
        "ads.started",
        "ads.stopped",
        "brief.written",
        "content.follow_up_requested",
        "content.published",
        "content.purged",
        "content.rendered",
        "content.requested",
        "content.revised",
        "content.translated",
        "crm.tagged",
        "email_sequence.scheduled",
        "enablement.delivered",
        "order.cancelled",
        "order.changed",
        "order.export",
        "order.placed",
        "payment.authorised",
        "payment.captured",
        "product.changed",
        "promo_copy.written",
        "refund.issued",
        "replenishment.requested",
        "return.received",
        "return.requested",
        "shipment.delayed",
        "shipment.delivered",
        "shipment.handed_over",
        "shipment.packed",
        "shipment.picked",
        "shipment.rejected",
        "stock.changed",
        "stock.received",
        "task.acknowledged",
        "task.cancelled",
        "task.confirmed",
        "task.refused",
        "task.requested",
    ]


def test_an_order_is_checked_against_its_contract(shipped_book: RuleBookVersion) -> None:
    assert selectors.validate_payload("order.placed", None, PLACED) == []
    wrong = {**PLACED, "lines": [{"sku": "A", "quantity": 0}]}
    assert selectors.validate_payload("order.placed", 1, wrong) == [
        Violation("/lines/0/quantity", "0 is less than the minimum of 1")
    ]


def test_a_redacted_order_names_nobody(shipped_book: RuleBookVersion) -> None:
    redacted = selectors.redact("order.placed", None, PLACED)
    assert redacted["address"] == {
        "recipient": "(hidden)",
        "street": "(hidden)",
        "postcode": "(hidden)",
        "city": "Berlin",
        "country": "DE",
    }
    assert redacted["contact"] == {"email": "(hidden)"}


def test_a_new_version_replaces_the_old_one_which_is_still_accepted(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    assert publish_next(system, now).number == 2
    assert selectors.validate_payload("order.placed", None, {"key": "x"}) == []
    assert selectors.validate_payload("order.placed", 1, PLACED) == []


def test_a_retired_version_is_no_longer_accepted(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> None:
    publish_next(system, now)
    first = ContractVersion.objects.get(contract__name="order.placed", number=1)
    services.retire_contract_version(version_id=first.pk, by=system, now=now)
    with pytest.raises(NotFound, match=r"There is no contract order\.placed in version 1 in force"):
        selectors.validate_payload("order.placed", 1, PLACED)


def test_the_version_in_force_does_not_retire(shipped_book: RuleBookVersion, system: Actor, now: datetime) -> None:
    first = ContractVersion.objects.get(contract__name="order.placed")
    with pytest.raises(IllegalTransition, match="is active; only a deprecated one retires"):
        services.retire_contract_version(version_id=first.pk, by=system, now=now)


def test_a_published_version_is_neither_published_again_nor_changed(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    first = ContractVersion.objects.get(contract__name="order.placed")
    with pytest.raises(ContractInUse, match=r"order\.placed v1 is already published"):
        services.publish_contract_version(version_id=first.pk, by=system, now=now)
    with pytest.raises(DatabaseError, match="is published and does not change"), acting(system, at=now):
        ContractVersion.objects.filter(pk=first.pk).update(schema=NEXT)


def test_an_unsound_schema_is_refused_with_its_place(
    shipped_book: RuleBookVersion, system: Actor, now: datetime
) -> None:
    contract = Contract.objects.get(name="order.placed")
    with pytest.raises(Invalid) as refused:
        services.draft_contract_version(contract=contract, schema=NEXT, pii=["/email"], by=system, now=now)
    assert [error.pointer for error in refused.value.errors] == ["/pii/0"]


def test_an_unknown_contract_is_refused_by_name(shipped_book: RuleBookVersion) -> None:
    with pytest.raises(NotFound, match=r"There is no contract order\.lost in force"):
        selectors.contract("order.lost")
