"""Ten orders at random: each passes, or every missing piece of its trail is named."""

import json
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from audit.context import Actor, acting
from audit.errors import Invalid
from orders.fulfilment.models import Order
from orders.fulfilment.selectors.audit_sample import audit_sample
from orders.fulfilment.services.intake import place_orders
from rules.models import Client, QualityCheck
from rules.services import freeze_rule_book
from tests.factories import orders as make

pytestmark = pytest.mark.django_db


def sampled(*arguments: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    try:
        call_command("audit_sample", "--json", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def test_ten_orders_are_drawn_by_a_seed_and_what_is_missing_of_each_is_named(
    northwind: Client, tell: make.Tell, place: make.Place, system: Actor, now: datetime
) -> None:
    place_orders(news=[make.placed(northwind, now, paid_at=now.isoformat()) for _ in range(8)], by=system, now=now)
    with acting(system, at=now):
        QualityCheck.objects.filter(slug="right-label").update(is_active=True)
    freeze_rule_book(by=system, now=now, note="checks")
    unchecked, unstamped = place(), place()
    code, document = sampled("--seed", "monday")
    items = document["items"]
    assert (code, len(items), {one["result"] for one in items}, {one["owner"] for one in items}) == (
        0,
        10,
        {"pass"},
        {"ops-team"},
    )
    assert sampled("--seed", "monday")[1]["items"] == items
    assert sampled("--seed", "tuesday")[1]["items"] != items
    tell("shipment.handed_over", unchecked.fulfilments.get().key)
    with acting(system, at=now):
        Order.objects.filter(pk=unstamped.pk).update(stamps={}, decision=None, version=F("version") + 1)
    code, document = sampled()
    assert (code, document["summary"]["passed"], document["summary"]["failed"]) == (1, 8, 2)
    assert {one["order"]: one["missing"] for one in document["items"] if one["result"] == "fail"} == {
        unchecked.key: [f"{unchecked.key}-1: left without “Right label”"],
        unstamped.key: [
            "no time for “Awaiting payment”",
            "no time for “In fulfilment”",
            "no time for “Paid, being prepared”",
            "no decision says why Ops has it",
        ],
    }
    with pytest.raises(Invalid, match="Choose one to 100 orders"):
        audit_sample(by=system, n=0, seed="")
