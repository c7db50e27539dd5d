"""What others call an order, whom it goes to, and news that came before it."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from orders.fulfilment.models.orders import Order
from orders.fulfilment.states import AddressVerdict
from rules.models import Client


class OrderIdentifier(Accountable):
    """What one system calls an order. The same name in the same system is the same order, for ever."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="identifiers")
    system = models.CharField(max_length=60)
    external_id = models.CharField(max_length=120)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "external_id"], name="orderidentifier_names_one_order"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["external_id"], name="orderidentifier_by_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.system}:{self.external_id}"


class OrderAddress(models.Model):
    """Where an order goes and whom to reach: personal data, encrypted, apart from everything that keeps history.

    `raw` is what was given, `standard` what is shipped to, `proposed` what it is asked to be from now on; all are sealed JSON.
    `instructions` are what whoever delivers has to know, sealed text. `problems` are codes without personal data.
    """

    order = models.OneToOneField(Order, on_delete=models.PROTECT, primary_key=True, related_name="address")
    raw = models.TextField()
    standard = models.TextField(blank=True)
    proposed = models.TextField(blank=True)
    instructions = models.TextField(blank=True)
    email_index = models.CharField(max_length=64, blank=True, db_index=True)
    verdict = models.CharField(max_length=20, choices=AddressVerdict, default=AddressVerdict.UNCHECKED)
    problems = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(verdict__in=AddressVerdict.values), name="orderaddress_verdict_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"Address of {self.order_id}"


class EarlyNotice(Accountable):
    """News about an order that has not arrived yet; told again when it does, so that any order of arrival ends in the same place."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    system = models.CharField(max_length=60)
    order_name = models.CharField(max_length=120)
    event_type = models.CharField(max_length=60)
    happened_at = models.DateTimeField()
    data = models.JSONField(default=dict, help_text="Sealed: some of it is personal")
    event_id = models.CharField(max_length=160)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "event_id"], name="earlynotice_once_per_event"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["client", "order_name"], condition=Q(told_at=None), name="earlynotice_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} of {self.order_name}"
