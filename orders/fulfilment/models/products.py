"""What is known of a product, so that what is picked and packed can be compared with it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from orders.fulfilment.models.skus import Sku


class ProductFacts(Accountable):
    """How a product is recognised, and what one unit weighs and measures; what is empty is not known."""

    sku = models.OneToOneField(Sku, on_delete=models.PROTECT, related_name="facts")
    barcode = models.CharField(
        max_length=48, blank=True, help_text="What a scanner reads on it: a GTIN, or any other code"
    )
    weight_grams = models.PositiveIntegerField(null=True, blank=True)
    length_mm = models.PositiveIntegerField(null=True, blank=True)
    width_mm = models.PositiveIntegerField(null=True, blank=True)
    height_mm = models.PositiveIntegerField(null=True, blank=True)
    told_at = models.DateTimeField(help_text="Since when this is known to be so")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(weight_grams__isnull=True) | Q(weight_grams__gte=1), name="productfacts_weigh_something"
            ),
            models.CheckConstraint(
                condition=Q(length_mm__gte=1, width_mm__gte=1, height_mm__gte=1)
                | Q(length_mm__isnull=True, width_mm__isnull=True, height_mm__isnull=True),
                name="productfacts_have_three_sides_or_none",
            ),
        ]

    def __str__(self) -> str:
        return f"What is known of {self.sku_id}"
