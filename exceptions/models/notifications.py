"""Telling people. A table of its own: paging must not ride on the systems it reports about.

A notification is written with what it tells of, so it exists exactly if that happened; deliveries are kept until a channel took them.
"""

from datetime import time
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.identifiers import uuid7
from audit.models import Accountable, LeasedWork
from exceptions.models.cases import ExceptionCase
from exceptions.states import DeliveryState, Mailing
from rules.models import Client, Owner
from rules.states import Severity


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
    severity = models.CharField(max_length=2, choices=Severity, blank=True, help_text="The worst it tells of")
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
    why = models.CharField(max_length=200, blank=True, help_text="Why it waited or was not sent")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due_at", "id"], condition=Q(state=DeliveryState.PENDING), name="notificationdelivery_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.notification_id}"


class NotificationPreference(Accountable):
    """What one person wants by e-mail, on the clock of the person's own time zone. Without one, everything goes at once."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    p2 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    p3 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    other = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW, help_text="What has no severity")
    digest_at = models.TimeField(default=time(8))
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="notificationpreference_quiet_hours_have_two_ends",
            ),
            models.CheckConstraint(
                condition=Q(p2__in=Mailing.values, p3__in=Mailing.values, other__in=Mailing.values),
                name="notificationpreference_wishes_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"Wishes of {self.user_id}"
