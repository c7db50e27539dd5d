"""Where people and teams are reached outside the product, beside their e-mail addresses; and what was handed to an on-call system.

What opens a channel (an apprise URL, a routing key) is sealed at rest as the secrets of systems are, and never shown again.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from audit.identifiers import uuid7
from audit.models import Accountable, LeasedWork
from exceptions.models.cases import ExceptionCase
from exceptions.states import Channel, PageState
from rules.models import Owner

BESIDE_EMAIL = [(kind.value, kind.label) for kind in (Channel.CHAT, Channel.PAGER)]


class NotificationChannel(Accountable):
    """A chat or a pager of one owner. `hint` says which it is without giving it away."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="channels")
    kind = models.CharField(max_length=10, choices=BESIDE_EMAIL)
    name = models.CharField(max_length=80, help_text="As people call it, for example “Ops room”")
    sealed = models.TextField(editable=False)
    hint = models.CharField(max_length=60, editable=False)
    endpoint = models.URLField(blank=True, help_text="Where pages are sent (Events API v2)")
    answers_sealed = models.TextField(blank=True, editable=False, help_text="What proves the answers that come back")
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind=Channel.CHAT, endpoint="") | Q(kind=Channel.PAGER) & ~Q(endpoint=""),
                name="notificationchannel_is_a_chat_or_a_pager_with_an_address",
            ),
            models.UniqueConstraint(
                fields=["owner", "name"], condition=Q(ended_at=None), name="notificationchannel_one_name_per_owner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()} {self.hint})"


class Page(LeasedWork):
    """One call at an on-call system, open until it is over there or here. `wanted` is what the system should know, `state` what it does."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.ForeignKey(NotificationChannel, on_delete=models.PROTECT, related_name="pages")
    key = models.CharField(max_length=255, help_text="The deduplication key both sides know it by")
    cause = models.CharField(max_length=200, blank=True)
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=12, choices=PageState, default=PageState.TRIGGERED)
    wanted = models.CharField(max_length=12, choices=PageState, default=PageState.TRIGGERED)
    count = models.PositiveIntegerField(default=1, help_text="How many things it stands for")
    opened_at = models.DateTimeField()
    last_told_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=120, blank=True, help_text="Who answered at the other side")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["channel", "key"], condition=Q(ended_at=None), name="page_one_open_per_channel_and_key"
            ),
            models.CheckConstraint(
                condition=Q(state=PageState.RESOLVED, ended_at__isnull=False)
                | ~Q(state=PageState.RESOLVED) & Q(ended_at=None),
                name="page_ended_at_iff_resolved",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at", "id"], condition=~Q(state=F("wanted")), name="page_due"),
        ]

    def __str__(self) -> str:
        return self.key
