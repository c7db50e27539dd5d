"""What the system that keeps products says of them: newer words stand, what is left out stays, and stale facts are fresh again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.access import Role
from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Event
from orders.fulfilment.models import ParcelCheck, ProductFacts, Sku, StockItem
from orders.fulfilment.services.checking import perform_check
from orders.fulfilment.services.describing import describe_product, hear_products
from rules.models import Client, QualityCheck
from rules.services import freeze_rule_book
from tests.factories import orders as make
from tests.orders.fulfilment.test_exceptions_of_orders import person
from tests.orders.fulfilment.whole import broken

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def told(client: Client, sku: str, at: datetime, **facts: Any) -> Any:
    return make.news("product.changed", client, sku, at, system="pim", sku=sku, changed_at=at.isoformat(), **facts)


def known(sku: str) -> tuple[Any, ...]:
    facts = ProductFacts.objects.get(sku__code=sku)
    return facts.barcode, facts.weight_grams, facts.length_mm, facts.told_at


def test_the_newer_word_stands_what_is_left_out_stays_and_null_is_not_known_any_more(
    northwind: Client, system: Actor, now: datetime
) -> None:
    def hear(sku: str, at: datetime, **facts: Any) -> tuple[Any, ...]:
        hear_products(news=[told(northwind, sku, at, **facts)], by=system, now=now)
        return known(sku)

    assert hear("NEW-1", now - 9 * HOUR, barcode=" 4006381333931", size_mm=[3, 2, 1]) == (
        "4006381333931",
        None,
        3,
        now - 9 * HOUR,
    )
    assert StockItem.objects.filter(sku__code="NEW-1").exists()
    assert hear("NEW-1", now - 7 * HOUR, weight_grams=900) == ("4006381333931", 900, 3, now - 7 * HOUR)
    assert hear("NEW-1", now - 8 * HOUR, weight_grams=1, barcode="X") == ("4006381333931", 900, 3, now - 7 * HOUR)
    assert hear("NEW-1", now + HOUR, barcode=None, size_mm=None) == ("", 900, None, now)
    describe_product(sku_id=Sku.objects.get(code="NEW-1").pk, weight_grams=950, by=system, now=now + HOUR)
    assert hear("NEW-1", now, weight_grams=1)[1] == 950
    with pytest.raises(Invalid, match="from 1 g"):
        hear("NEW-2", now, weight_grams=0)
    entries = Event.objects.filter(type="product.described")
    assert entries.count() == 4
    assert '"weight_grams":[null,900]' in entries.order_by("at", "seq")[1].body
    assert broken() == []


def test_what_was_too_old_to_pick_by_is_fresh_again_once_it_is_told_again(
    place: make.Place, northwind: Client, system: Actor, now: datetime
) -> None:
    with acting(system, at=now):
        QualityCheck.objects.filter(slug="product-and-lot").update(is_active=True, facts_max_age_days=30)
    freeze_rule_book(by=system, now=now, note="checks")
    hear_products(news=[told(northwind, "TENT-2", now - timedelta(days=31), weight_grams=900)], by=system, now=now)
    check = ParcelCheck.objects.get(order=place(), slug="product-and-lot")
    packer, seen = person(7, Role.PACKER, northwind), {"code": "TENT-2"}
    assert perform_check(check_id=check.pk, seen=seen, by=packer, now=now).verdict == "failed"
    hear_products(news=[told(northwind, "TENT-2", now)], by=system, now=now)
    assert perform_check(check_id=check.pk, seen=seen, by=packer, now=now).verdict == "passed"


def test_many_are_heard_with_as_many_questions_as_one(northwind: Client, system: Actor, now: datetime) -> None:
    counts = []
    for skus in (["A"], ["B", "C", "D"]):
        for at in (now - HOUR, now):  # first those that are new, then those that are known
            news = [told(northwind, sku, at, weight_grams=5) for sku in skus]
            with CaptureQueriesContext(connection) as asked:
                hear_products(news=news, by=system, now=now)
            counts.append(len(asked))
    assert counts[:2] == counts[2:]
