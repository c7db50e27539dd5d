"""Saying what is known of a product, for the checks that compare parcels with it: by a person, or by the system that keeps it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import FieldError, Invalid
from audit.services.events import Entry, record, record_many
from audit.services.rows import changes_of, insert_rows, update_rows
from audit.words import said
from orders.fulfilment.decisions.news import News, happened
from orders.fulfilment.models import ProductFacts, Sku
from orders.fulfilment.services.goods import known_skus, locked_product

LONGEST_BARCODE, MOST_GRAMS, MOST_MM = 48, 2_000_000, 20_000
SIDES: Final = ("length_mm", "width_mm", "height_mm")
FACTS: Final = ("barcode", "weight_grams", *SIDES, "told_at")


def describe_product(
    *,
    sku_id: UUID,
    barcode: str = "",
    weight_grams: int | None = None,
    size_mm: Sequence[int] = (),
    by: Actor,
    now: datetime,
) -> ProductFacts:
    """Say how a product is recognised, and what one unit weighs and measures (length, width, height).

    What is left out is not known any more. Raises `Invalid` naming each field that cannot be, `NotFound`, `Refused`.
    """
    with acting(by, at=now):
        sku = locked_product(sku_id, by)
        _refuse_invalid(barcode.strip(), weight_grams, size_mm)
        facts = ProductFacts.objects.filter(sku=sku).first() or ProductFacts(sku=sku)
        facts.barcode, facts.weight_grams, facts.told_at = barcode.strip(), weight_grams, now
        facts.length_mm, facts.width_mm, facts.height_mm = size_mm or (None, None, None)
        facts.save()
        record("product.described", subject=sku, changes=facts.last_changes(), sku=sku.code)
    return facts


def hear_products(*, news: Sequence[News], by: Actor, now: datetime) -> None:
    """Take over what systems say of products, also of those nobody has ordered yet.

    What they leave out stays, what they say is null is not known any more; what is older than what is known changes nothing. Raises
    `Invalid` naming what cannot be.
    """
    with acting(by, at=now):
        names = {one.event_id: (one.client_id, str(one.data["sku"])) for one in news}
        skus = known_skus({name: Sku(client_id=name[0], code=name[1]) for name in names.values()})
        ids = [sku.pk for sku in skus.values()]
        list(Sku.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))
        known = {facts.sku_id: facts for facts in ProductFacts.objects.filter(sku__in=ids)}
        added, edited, entries = dict[UUID, ProductFacts](), dict[UUID, ProductFacts](), list[Entry]()
        for one in sorted(news, key=_since):
            sku, since = skus[names[one.event_id]], min(_since(one), now)
            facts = known.get(sku.pk)
            if facts is None:
                facts = known[sku.pk] = added[sku.pk] = ProductFacts(sku=sku, told_at=since)
            elif since < facts.told_at:
                continue
            elif sku.pk not in added:
                edited[sku.pk] = facts
            _take_over(facts, one.data, since)
            told = {"sku": sku.code, "event": one.event_id, "system": one.system}
            entries.append(Entry("product.described", sku, data=told, changes=changes_of(facts, FACTS)))
        insert_rows(list(added.values()))
        update_rows(list(edited.values()), FACTS, now=now)
        record_many(entries)


def _since(one: News) -> datetime:
    return happened(one, "changed_at")


def _take_over(facts: ProductFacts, told: Mapping[str, Any], since: datetime) -> None:
    sides = [getattr(facts, side) for side in SIDES]
    size = told.get("size_mm", sides if None not in sides else None) or ()
    facts.barcode = str(told.get("barcode", facts.barcode) or "").strip()
    facts.weight_grams = told.get("weight_grams", facts.weight_grams)
    _refuse_invalid(facts.barcode, facts.weight_grams, size)
    facts.length_mm, facts.width_mm, facts.height_mm = size or (None, None, None)
    facts.told_at = since


def _refuse_invalid(barcode: str, weight_grams: int | None, size_mm: Sequence[int]) -> None:
    errors = []
    if len(barcode) > LONGEST_BARCODE:
        errors.append(FieldError("/barcode", "out-of-range", said("A barcode has at most 48 characters.")))
    if weight_grams is not None and not 1 <= weight_grams <= MOST_GRAMS:
        errors.append(FieldError("/weight_grams", "out-of-range", said("Say a weight from 1 g to 2000 kg.")))
    if size_mm and (len(size_mm) != len("lwh") or not all(1 <= side <= MOST_MM for side in size_mm)):
        errors.append(FieldError("/size_mm", "out-of-range", said("Say length, width and height, 1 to 20000 mm each.")))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
