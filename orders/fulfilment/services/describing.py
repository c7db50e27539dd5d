"""Saying what is known of a product, for the checks that compare parcels with it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import FieldError, Invalid
from audit.services.events import record
from audit.words import said
from orders.fulfilment.models import ProductFacts
from orders.fulfilment.services.goods import locked_product

LONGEST_BARCODE, MOST_GRAMS, MOST_MM = 48, 2_000_000, 20_000


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
