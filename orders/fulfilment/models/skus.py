"""Products as clients name them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from orders.fulfilment.states import SkuType
from rules.models import Client


class Sku(Accountable):
    """A product as a client's systems name it."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="skus")
    code = models.CharField(max_length=80)
    name = models.CharField(max_length=200, blank=True)
    sku_type = models.CharField(max_length=20, choices=SkuType, default=SkuType.STOCK)
    vendor = models.CharField(max_length=80, blank=True, help_text="Who ships it, where that is not us")

    class Meta(Accountable.Meta):
        verbose_name = "SKU"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["client", "code"], name="sku_one_per_client_and_code"),
            models.CheckConstraint(condition=Q(sku_type__in=SkuType.values), name="sku_type_is_known"),
        ]

    def __str__(self) -> str:
        return self.code
