"""How the trail is told to programs."""

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit import verbs
from audit.models import Event, Seal
from audit.rest.fields import SelfLink
from audit.rest.parsing import Input


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


class TrailCheckSerializer(serializers.Serializer[Any]):
    """One check of the trail and what it found."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    whole = serializers.BooleanField()
    events = serializers.IntegerField()
    records = serializers.IntegerField()
    from_seal = serializers.IntegerField()
    to_seal = serializers.IntegerField()
    findings = serializers.IntegerField()
    first = serializers.ListField(child=serializers.CharField(), help_text="The first findings, in words.")


class TrailChecksSerializer(serializers.Serializer[Any]):
    """The last checks, the newest first."""

    checks = TrailCheckSerializer(many=True)


class VerifyInput(Input):
    """Everything, or what came since the last sound check."""

    from_start = serializers.BooleanField(default=False)


class FindingSerializer(serializers.Serializer[Any]):
    """One thing that is not as it was recorded."""

    what = serializers.CharField()
    message = serializers.CharField()
    subject = serializers.CharField(allow_blank=True)
    seq = serializers.IntegerField(allow_null=True)


class VerificationSerializer(serializers.Serializer[Any]):
    """What a check read and what was wrong."""

    whole = serializers.BooleanField()
    events = serializers.IntegerField()
    records = serializers.IntegerField()
    unsealed = serializers.IntegerField(help_text="Events that no seal covers yet.")
    findings = FindingSerializer(many=True)


class ChainSerializer(VerificationSerializer):
    """One record's chain, checked now."""

    subject_type = serializers.CharField()
    subject_id = serializers.CharField()


class ChangeSerializer(serializers.Serializer[Any]):
    """One field, before and after."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class VersionSerializer(serializers.Serializer[Any]):
    """One version of a record: who made it when and why."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    who = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    changes = ChangeSerializer(many=True)


class HistorySerializer(serializers.Serializer[Any]):
    """A record's versions, the newest first; its events are at `/audit-events`."""

    name = serializers.CharField()
    versions = VersionSerializer(many=True)


class TokenInput(Input):
    """A token, or an exported document that holds one, as text."""

    text = serializers.CharField(max_length=1_000_000)


class TokenSerializer(serializers.Serializer[Any]):
    """What a genuine token says, and what does not fit the trail; nothing in `differs` means that it is as it was issued."""

    subject_type = serializers.CharField(source="facts.subject_type")
    subject_id = serializers.CharField(source="facts.subject_id")
    record_hash = serializers.CharField(source="facts.record_hash")
    event = serializers.UUIDField(source="facts.event_id")
    issued_at = serializers.DateTimeField(source="facts.issued_at")
    issuer = serializers.CharField(source="facts.issuer")
    whole_document = serializers.BooleanField(help_text="Whether the document itself was checked too.")
    differs = serializers.ListField(child=serializers.CharField())
    later = serializers.IntegerField(help_text="How many events the record has since.")


def _body(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    return body
