"""Telling people. A table of its own: paging must not ride on the systems it reports about.

A notification is written with what it tells of, so it exists exactly if that happened; deliveries are kept until a channel took them.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7
from audit.models import LeasedWork
from exceptions.models.cases import ExceptionCase
from exceptions.states import DeliveryState
from rules.models import Client, Owner


class Notification(models.Model):
    """One thing one owner was told, in product; no personal data."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="notifications")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="+")
    case = models.ForeignKey(
        ExceptionCase,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Its payload comes with the letter.",
    )
    event = models.CharField(max_length=80)
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField(null=True)
    read_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-at", "-id"], name="notification_of_owner")
        ]

    def __str__(self) -> str:
        return self.text


class NotificationDelivery(LeasedWork):
    """The same told through one channel to one address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=20, default="email")
    address = models.CharField(max_length=254)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due_at", "id"], condition=Q(state=DeliveryState.PENDING), name="notificationdelivery_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.notification_id}"
