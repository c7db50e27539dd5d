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
from audit.words import said_again
from exceptions.models.cases import ExceptionCase
from exceptions.models.channels import NotificationChannel, Page
from exceptions.states import Channel, DeliveryState, Mailing
from exceptions.topics import LOCKED, PAGER_WISHES
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
    words = models.JSONField(default=dict, help_text="What its reader's language needs beside the English text")
    url = models.CharField(max_length=200, blank=True)
    runbook_url = models.CharField(
        max_length=200, blank=True, db_default="", default="", help_text="Of a page: the runbook about its kind"
    )
    cause = models.CharField(max_length=200, blank=True, help_text="What is told of one cause goes out as one message")
    count = models.PositiveIntegerField(default=1, help_text="How many things it stands for")
    urgent = models.BooleanField(default=False, help_text="It pages, whatever anybody wishes")
    read_at = models.DateTimeField(null=True)
    read_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-at", "-id"], name="notification_of_owner")
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def sentence(self) -> str:
        """The text, which can be said in another language."""
        return said_again(self.text, self.words)


class NotificationDelivery(LeasedWork):
    """The same told through one channel to one address; `instead_of` names the delivery that failed where this one was tried next."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=20, choices=Channel, default=Channel.EMAIL)
    address = models.CharField(max_length=254, blank=True)
    via = models.ForeignKey(NotificationChannel, on_delete=models.PROTECT, null=True, related_name="+")
    page = models.ForeignKey(Page, on_delete=models.PROTECT, null=True, related_name="deliveries")
    instead_of = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="instead")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    why = models.CharField(max_length=200, blank=True, help_text="Why it waited or was not sent")
    why_kept = models.JSONField(
        default=dict, db_default={}, help_text="What its reader's language needs beside the English why"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due_at", "id"], condition=Q(state=DeliveryState.PENDING), name="notificationdelivery_due"
            ),
            models.Index(fields=["address", "sent_at"], condition=Q(state="sent"), name="notificationdelivery_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.notification_id}"

    @property
    def reason(self) -> str:
        """Why, which can be said in another language."""
        return said_again(self.why, self.why_kept)


class NotificationPreference(Accountable):
    """What one person wants by e-mail, chat and pager, on the clock of the person's own time zone.

    `events` says it per topic and channel, {"due_soon": {"email": "digest"}}; where it is silent the severity decides.
    Without one, everything goes at once and only P1 pages.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    p2 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    p3 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    other = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW, help_text="What has no severity")
    chat_p2 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    chat_p3 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    chat_other = models.CharField(max_length=10, choices=Mailing, default=Mailing.NOW)
    pager_p2 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NEVER)
    pager_p3 = models.CharField(max_length=10, choices=Mailing, default=Mailing.NEVER)
    pager_other = models.CharField(max_length=10, choices=Mailing, default=Mailing.NEVER)
    events = models.JSONField(default=dict, blank=True, help_text="Per topic and channel; else the severity decides")
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
            models.CheckConstraint(
                condition=Q(chat_p2__in=Mailing.values, chat_p3__in=Mailing.values, chat_other__in=Mailing.values),
                name="notificationpreference_chat_wishes_are_known",
            ),
            models.CheckConstraint(
                condition=Q(pager_p2__in=PAGER_WISHES, pager_p3__in=PAGER_WISHES, pager_other__in=PAGER_WISHES),
                name="notificationpreference_nobody_is_paged_with_a_digest",
            ),
            models.CheckConstraint(
                condition=~Q(events__has_any_keys=[topic.value for topic in LOCKED]),
                name="notificationpreference_what_ops_set_stays",
            ),
        ]

    def __str__(self) -> str:
        return f"Wishes of {self.user_id}"
