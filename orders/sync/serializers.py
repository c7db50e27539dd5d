"""How systems, messages and runs are told to programs. Payloads stay sealed; a preview without personal data is shown."""

from typing import Any

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.rest.fields import SelfLink
from audit.rest.parsing import ReasonInput
from exceptions.api.job_shapes import KeysOrFilter
from exceptions.selectors.knowledge import runbooks_for_contracts
from exceptions.serializers.cases import PayloadRunbookSerializer
from exceptions.services.jobs import MANY, MOST_PLANNED
from orders.sync.adapters import adapter_of
from orders.sync.models import DEAD_LETTER_CASE, Attempt, Expectation, FlowRun, InboundEvent, OutboundMessage, System
from orders.sync.selectors import MeasuredLag
from orders.sync.services.bulk import LETTER_ACTS
from orders.sync.services.exchanging import Answer
from rules.models import Runbook


class SystemSerializer(serializers.ModelSerializer[System]):
    """Something that moves or keeps records."""

    self = SelfLink("api:system", key="slug")
    key = serializers.SlugField(source="slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug")
    is_told = serializers.SerializerMethodField()
    says = serializers.SerializerMethodField()

    class Meta:
        model = System
        fields = (
            "self",
            "key",
            "name",
            "layer",
            "client",
            "owner",
            "is_told",
            "says",
            "wants_exports",
            "authority",
            "max_attempts",
            "is_active",
            "paused_until",
            "version",
        )
        read_only_fields = fields

    @extend_schema_field(
        serializers.ListField(child=serializers.CharField(), help_text="The contracts of what it gets.")
    )
    def get_is_told(self, system: System) -> list[str]:
        """By name."""
        return sorted({one.contract for one in adapter_of(system.layer).told})

    @extend_schema_field(
        serializers.ListField(child=serializers.CharField(), help_text="The contracts of what it says.")
    )
    def get_says(self, system: System) -> list[str]:
        """By name."""
        return sorted(adapter_of(system.layer).says)


class LagSerializer(serializers.Serializer[MeasuredLag]):
    """How soon a system was told, in seconds; `waiting` messages have not arrived yet, the oldest since `waits_since`."""

    system = serializers.SlugField(source="system.slug")
    told = serializers.IntegerField(help_text="Messages that arrived.")
    late = serializers.IntegerField(help_text="Of these, how many later than promised.")
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    longest = serializers.FloatField(allow_null=True)
    waiting = serializers.IntegerField(source="waiting.messages", default=0)
    waits_since = serializers.DateTimeField(source="waiting.since", default=None, allow_null=True)
    is_late = serializers.BooleanField()


class InboundEventSerializer(serializers.ModelSerializer[InboundEvent]):
    """One event that came in."""

    self = SelfLink("api:event", key="id")
    key = serializers.UUIDField(source="id")
    system = serializers.SlugField(source="system.slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)

    class Meta:
        model = InboundEvent
        fields = (
            "self",
            "key",
            "system",
            "client",
            "event_id",
            "source",
            "type",
            "subject",
            "time",
            "received_at",
            "contract_version",
            "change_token",
            "based_on",
            "provenance",
            "correlation_id",
            "state",
            "finished_at",
            "cause",
            "attempts",
            "replays",
            "preview",
        )
        read_only_fields = fields


class LetterSerializer(InboundEventSerializer):
    """An event that could not be processed: why, and what can be seen of it."""

    self = SelfLink("api:dead-letter")
    key = serializers.CharField()  # type: ignore[assignment]
    runbooks = serializers.SerializerMethodField()

    class Meta(InboundEventSerializer.Meta):
        fields = (*InboundEventSerializer.Meta.fields, "violations", "runbooks")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(PayloadRunbookSerializer(many=True))
    def get_runbooks(self, letter: InboundEvent) -> list[dict[str, str]]:
        """What to do: the runbooks in force about dead letters, then those about its contract. One query for all that are shown."""
        return [
            {"title": runbook.title, "url": f"/help/runbooks/{runbook.slug}/"}
            for runbook in self._runbooks_of_all[letter.type]
        ]

    @cached_property
    def _runbooks_of_all(self) -> dict[str, list[Runbook]]:
        shown: Any = self.root.instance
        letters = [shown] if isinstance(shown, InboundEvent) else shown
        return runbooks_for_contracts(DEAD_LETTER_CASE, {one.type for one in letters})


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try to deliver a message."""

    class Meta:
        model = Attempt
        fields = ("number", "at", "endpoint", "status", "duration_ms", "error", "next_at")
        read_only_fields = fields


class MessageSerializer(serializers.ModelSerializer[OutboundMessage]):
    """A promise to tell one system one thing."""

    self = SelfLink("api:message", key="id")
    key = serializers.UUIDField(source="id")
    message_key = serializers.CharField(source="key", help_text="The receiver's idempotency key.")
    system = serializers.SlugField(source="system.slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    attempts: Any = AttemptSerializer(source="tries", many=True)

    class Meta:
        model = OutboundMessage
        fields = (
            "self",
            "key",
            "message_key",
            "system",
            "client",
            "type",
            "subject_type",
            "ordering_key",
            "correlation_id",
            "change_token",
            "caused_at",
            "created_at",
            "due_at",
            "state",
            "sent_at",
            "last_error",
            "preview",
            "attempts",
        )
        read_only_fields = fields


class ExpectationSerializer(serializers.ModelSerializer[Expectation]):
    """One outcome of a run, and the event that proved it."""

    class Meta:
        model = Expectation
        fields = ("name", "event_type", "due_at", "met_at", "met_by", "excused_by", "missed_at")
        read_only_fields = fields


class RunSerializer(serializers.ModelSerializer[FlowRun]):
    """What one trigger is expected to lead to."""

    self = SelfLink("api:run", key="id")
    key = serializers.UUIDField(source="id")
    flow = serializers.SlugField(source="flow.slug")
    client = serializers.SlugField(source="client.slug")
    owner = serializers.SlugField(
        source="owner.slug", default=None, allow_null=True, help_text="Who has the handoff confirmed while it is not."
    )
    expectations = ExpectationSerializer(many=True)

    class Meta:
        model = FlowRun
        fields = (
            "self",
            "key",
            "flow",
            "client",
            "subject_type",
            "subject_key",
            "trigger",
            "started_at",
            "ended_at",
            "state",
            "owner",
            "verify_by",
            "verified_by",
            "expectations",
            "version",
        )
        read_only_fields = fields


class ReceiptSerializer(serializers.Serializer[Any]):
    """What became of an event: it is kept, and whether it was known already."""

    accepted = serializers.BooleanField()
    duplicate = serializers.BooleanField()
    event = serializers.CharField()


class CloudEventSerializer(serializers.Serializer[Any]):
    """A CloudEvent 1.0; `data` is what the contract named by `type` says."""

    specversion = serializers.ChoiceField(choices=["1.0"])
    id = serializers.CharField(max_length=200)
    source: Any = serializers.CharField(max_length=200)
    type = serializers.CharField(max_length=80)
    subject = serializers.CharField(max_length=200, required=False)
    time = serializers.DateTimeField(required=False)
    dataschema = serializers.CharField(required=False, help_text="contract/version")
    correlationid = serializers.CharField(required=False)
    changetoken = serializers.CharField(required=False)
    basedon = serializers.CharField(
        required=False, help_text="The change token of the export you knew: refused when there is a newer one."
    )
    provenance = serializers.CharField(required=False)
    data: Any = serializers.DictField()


class PlanLettersInput(KeysOrFilter):
    """Replay or discard, and either the keys of dead letters or a filter that they match."""

    action = serializers.ChoiceField(choices=LETTER_ACTS)
    keys = serializers.ListField(
        child=serializers.RegexField(r"^DL-\d{1,15}$"), min_length=1, max_length=MANY, required=False
    )
    filter = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        help_text="All that match a query of the list of dead letters, such as `system=shop&type=order.placed`: "
        f"at most {MOST_PLANNED:,}.",
    )


class PauseInput(ReasonInput):
    """Until when, at most seven days ahead, and why."""

    until = serializers.DateTimeField()


class AnswerSerializer(serializers.Serializer[Answer]):
    """What a system answered to a test of the connection; no status where it did not answer."""

    status = serializers.IntegerField(allow_null=True)
    accepted = serializers.BooleanField()
    error = serializers.CharField()
    response_head = serializers.CharField(source="head")
    duration_ms = serializers.IntegerField()
    at = serializers.DateTimeField()
