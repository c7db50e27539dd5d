"""Several products sold as one: what belongs to it, and each time somebody ordered it."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from audit.models import Accountable
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.skus import Sku


class BundlePart(Accountable):
    """So many units of a product in every unit of a bundle. Orders keep the parts that were in force when they came."""

    bundle = models.ForeignKey(Sku, on_delete=models.PROTECT, related_name="parts")
    part = models.ForeignKey(Sku, on_delete=models.PROTECT, related_name="part_of")
    quantity = models.PositiveIntegerField(default=1, help_text="Units of it in every unit of the bundle")
    price_share = models.PositiveIntegerField(
        default=1, help_text="What one unit counts when the bundle's price is divided among its parts"
    )
    is_active = models.BooleanField(default=True, help_text="Orders that come from now on have it")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["bundle", "part"], name="bundlepart_once_per_bundle"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="bundlepart_has_a_quantity"),
            models.CheckConstraint(condition=~Q(bundle=F("part")), name="bundlepart_is_not_its_own_bundle"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.part_id} in {self.bundle_id}"

    def clean(self) -> None:
        """Both are of one client, and a bundle has no bundle in it."""
        if self.bundle.client_id != self.part.client_id:
            raise ValidationError({"part": "It is a product of another client."})
        if BundlePart.objects.filter(bundle=self.part, is_active=True).exists():
            raise ValidationError({"part": "It is a bundle itself: name what is in it."})
        if BundlePart.objects.filter(part=self.bundle, is_active=True).exists():
            raise ValidationError({"bundle": "It is a part of a bundle: it cannot have parts."})


class OrderBundle(Accountable):
    """A bundle as an order has it; its parts are lines of the order, and those are what is reserved, sent and comes back."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="bundles")
    position = models.PositiveIntegerField(help_text="The number of the line it was ordered as")
    code = models.CharField(max_length=80, help_text="The product, or what the store calls the group of lines")
    name = models.CharField(max_length=200, blank=True)
    quantity = models.PositiveIntegerField(help_text="As ordered")
    unit_minor = models.BigIntegerField()

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "position"], name="orderbundle_one_per_position"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="orderbundle_has_a_quantity"),
            models.CheckConstraint(condition=Q(unit_minor__gte=0), name="orderbundle_price_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.code}"
