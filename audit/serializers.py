"""How the trail is told to programs."""

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit import verbs
from audit.models import Event, Seal
from audit.rest.fields import SelfLink


class EventSerializer(serializers.ModelSerializer[Event]):
    """One thing that happened to one record."""

    self = SelfLink("api:audit-event", key="id")
    key = serializers.UUIDField(source="id")
    sentence = serializers.SerializerMethodField(help_text="What happened, in words.")
    reason = serializers.SerializerMethodField()
    data: Any = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField(help_text="Field → [before, after].")
    hash = serializers.SerializerMethodField(help_text="Hash of the record's chain up to here, hexadecimal.")

    class Meta:
        model = Event
        fields = (
            "self",
            "key",
            "at",
            "type",
            "sentence",
            "subject_type",
            "subject_id",
            "client_id",
            "actor",
            "channel",
            "request_id",
            "reason",
            "data",
            "changes",
            "seq",
            "hash",
        )
        read_only_fields = fields

    def get_sentence(self, event: Event) -> str:
        """The verb's sentence."""
        return verbs.sentence(event.type, actor=event.actor)

    def get_reason(self, event: Event) -> str:
        """Why, as the actor said."""
        return str(_body(event)["reason"])

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_data(self, event: Event) -> Any:
        """Facts of the event."""
        return _body(event)["data"]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_changes(self, event: Event) -> Any:
        """What changed."""
        return _body(event)["changes"]

    def get_hash(self, event: Event) -> str:
        """The link of the chain."""
        return bytes(event.hash).hex()


class SealSerializer(serializers.ModelSerializer[Seal]):
    """A signed statement over all events since the seal before."""

    self = SelfLink("api:seal", key="number")
    key = serializers.IntegerField(source="number")
    root: Any = serializers.SerializerMethodField(help_text="Merkle root of the sealed events, hexadecimal.")
    previous = serializers.SerializerMethodField(help_text="Hash of the seal before, hexadecimal.")

    class Meta:
        model = Seal
        fields = ("self", "key", "sealed_at", "event_count", "total_count", "root", "previous", "statement")
        read_only_fields = fields

    def get_root(self, seal: Seal) -> str:
        """The root."""
        return bytes(seal.root).hex()

    def get_previous(self, seal: Seal) -> str:
        """The link to the seal before."""
        return bytes(seal.previous).hex()


def _body(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    return body
