"""What of an order is a gift, and the card and address that belong to it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from orders.fulfilment.models.orders import Order
from orders.fulfilment.states import AddressVerdict


class OrderGift(Accountable):
    """A line or bundle that is given to somebody. What is personal of it is not here but in `GiftCard`."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="gifts")
    position = models.PositiveIntegerField(help_text="The number of the line, or of the bundle, that is given")
    wrap = models.CharField(max_length=60, blank=True, help_text="How it is to be wrapped, as the store calls it")
    is_active = models.BooleanField(default=True, help_text="It is still to be given")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "position"], name="ordergift_one_per_position"),
        ]

    def __str__(self) -> str:
        return f"Gift {self.position} of {self.order_id}"


class GiftCard(models.Model):
    """The message of a gift and its own address: personal data, encrypted, apart from everything that keeps history.

    `message` is sealed text; `raw` is the address as given and `standard` what is shipped to, both sealed JSON, empty where it goes with
    the order. `problems` are codes without personal data.
    """

    gift = models.OneToOneField(OrderGift, on_delete=models.PROTECT, primary_key=True, related_name="card")
    message = models.TextField(blank=True)
    raw = models.TextField(blank=True)
    standard = models.TextField(blank=True)
    verdict = models.CharField(max_length=20, choices=AddressVerdict, default=AddressVerdict.UNCHECKED)
    problems = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(verdict__in=AddressVerdict.values), name="giftcard_verdict_is_known"),
        ]

    def __str__(self) -> str:
        return f"Card of {self.gift_id}"
