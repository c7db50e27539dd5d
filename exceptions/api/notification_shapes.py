"""How notifications and preferences are told to programs, and what programs may say about them."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from audit.rest.fields import TimeOfDay
from audit.rest.parsing import Input
from exceptions.models import Notification, NotificationDelivery, NotificationPreference
from exceptions.states import Mailing
from exceptions.topics import CHOOSABLE


class DeliverySerializer(serializers.ModelSerializer[NotificationDelivery]):
    """How a notice went through one channel; `why` says what it waits for, why it was left out, or where it went instead."""

    class Meta:
        model = NotificationDelivery
        fields = ("channel", "state", "due_at", "sent_at", "attempts", "last_error", "why")
        read_only_fields = fields


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """One thing somebody was told."""

    owner = serializers.SlugField(source="owner.slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    deliveries = DeliverySerializer(many=True)

    class Meta:
        model = Notification
        fields = (
            "id",
            "at",
            "owner",
            "client",
            "severity",
            "event",
            "text",
            "url",
            "runbook_url",
            "cause",
            "count",
            "urgent",
            "read_at",
            "deliveries",
        )
        read_only_fields = fields


class ReadInput(Input):
    """Which were read: these, or all told until a moment."""

    ids = serializers.ListField(child=serializers.UUIDField(), max_length=200, required=False)
    until = serializers.DateTimeField(required=False)


class ReadSerializer(serializers.Serializer[Any]):
    """How many were unread and are read now."""

    read = serializers.IntegerField()


WISHES = ("p2", "p3", "other", "chat_p2", "chat_p3", "chat_other", "pager_p2", "pager_p3", "pager_other")


EVENTS_HELP = (
    f"Per event ({', '.join(CHOOSABLE)}) and channel (email, chat, pager) what is wanted of it, before the severity is asked; "
    "what is late and break-glass are set by ops."
)


class PreferencesSerializer(serializers.ModelSerializer[NotificationPreference]):
    """What one wants by e-mail, chat and pager, per event, else per severity; times are those of one's own zone."""

    events = serializers.DictField(child=serializers.DictField(child=serializers.CharField()), help_text=EVENTS_HELP)
    digest_at = TimeOfDay()
    quiet_from = TimeOfDay(allow_null=True)
    quiet_until = TimeOfDay(allow_null=True)
    language = serializers.CharField(
        source="user.language", help_text="Empty: as the browser asks, letters in English."
    )

    class Meta:
        model = NotificationPreference
        fields = (*WISHES, "events", "digest_at", "quiet_from", "quiet_until", "language")
        read_only_fields = fields


class PreferencesInput(Input):
    """What one wants; in `events`, "" leaves it to the severity again and what is left out stays."""

    events = serializers.DictField(
        child=serializers.DictField(child=serializers.CharField(max_length=10, allow_blank=True)),
        required=False,
        help_text=EVENTS_HELP,
    )
    digest_at = TimeOfDay()
    quiet_from = TimeOfDay(required=False)
    quiet_until = TimeOfDay(required=False)
    language = serializers.ChoiceField(
        [("", "As the browser asks"), *settings.LANGUAGES],
        required=False,
        allow_blank=True,
        help_text="Of pages and of what is sent; what is left out stays.",
    )

    def get_fields(self) -> dict[str, Any]:
        """The times, and a choice for each wish."""
        wishes = {name: serializers.ChoiceField(Mailing.choices, required=False) for name in WISHES}
        return {**super().get_fields(), **wishes}


class AnswerTakenSerializer(serializers.Serializer[Any]):
    """What was done about an answer, in words."""

    done = serializers.CharField()


class TestInput(Input):
    """Which way out."""

    channel = serializers.CharField(max_length=254, help_text="An e-mail address of one's own, or the id of a channel.")


class TriedSerializer(serializers.Serializer[Any]):
    """What came of it."""

    taken = serializers.BooleanField()
    error = serializers.CharField(allow_blank=True)
