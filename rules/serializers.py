"""How rules, owners, contracts and decisions are told to programs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.context import Actor
from audit.rest.fields import SelfLink
from audit.rest.parsing import Input, ReasonInput
from audit.texts import LONGEST_REASON
from rules import selectors
from rules.models import (
    Client,
    Contract,
    ContractVersion,
    Decision,
    Flow,
    Gate,
    Owner,
    OwnershipRule,
    RuleBookVersion,
    Runbook,
    RunbookVersion,
)
from rules.models.flows import DECLARED
from rules.runbooks import LONGEST_BODY, LONGEST_NOTE, LONGEST_TITLE, MOST_COVERED
from rules.states import RunbookState


class ClientSerializer(serializers.ModelSerializer[Client]):
    """A client of the agency."""

    self = SelfLink("api:client", key="slug")
    key = serializers.SlugField(source="slug")
    calendar = serializers.SlugField(source="calendar.slug")

    class Meta:
        model = Client
        fields = ("self", "key", "name", "key_prefix", "time_zone", "calendar", "currency", "version")
        read_only_fields = fields


class OwnerSerializer(serializers.ModelSerializer[Owner]):
    """Somebody who is accountable, with the backup that takes over. Addresses are not told."""

    self = SelfLink("api:owner", key="slug")
    key = serializers.SlugField(source="slug")
    backup = serializers.SlugField(source="backup.slug")
    calendar = serializers.SlugField(source="calendar.slug")
    team = serializers.SlugField(source="team.slug", allow_null=True, default=None)

    class Meta:
        model = Owner
        fields = ("self", "key", "name", "kind", "backup", "calendar", "team", "is_active", "valid_until", "version")
        read_only_fields = fields


class FlowSerializer(serializers.ModelSerializer[Flow]):
    """A way from trigger to outcome, with all it declares of itself, whether it is live, and what keeps it from going live."""

    self = SelfLink("api:flow", key="slug")
    key = serializers.SlugField(source="slug")
    trigger = serializers.CharField(source="trigger.name", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug")
    fallback = serializers.SlugField(source="fallback.slug", allow_null=True, default=None)
    sla = serializers.SlugField(source="sla.slug")
    exception_type = serializers.SlugField(source="exception_type.slug", allow_null=True, default=None)
    qa_signal = serializers.CharField(source="qa_signal.name", allow_null=True, default=None)
    recovery = serializers.SlugField(source="recovery.slug", allow_null=True, default=None)
    undeclared = serializers.ListField(child=serializers.CharField(), help_text="What it does not say of itself yet.")

    class Meta:
        model = Flow
        fields = (
            "self",
            "key",
            "name",
            "kind",
            "state",
            "is_active",
            "paused_because",
            *DECLARED,
            "undeclared",
            "version",
        )
        read_only_fields = fields


class GateRecordSerializer(serializers.ModelSerializer[Gate]):
    """A gate as it is edited; a rule book has to be frozen before it says so."""

    self = SelfLink("api:gate", key="slug")
    key = serializers.SlugField(source="slug")
    content_owner = serializers.SlugField(source="content_owner.slug")

    class Meta:
        model = Gate
        fields = (
            "self",
            "key",
            "name",
            "blocks",
            "needs",
            "content_owner",
            "max_hours",
            "risk",
            "is_active",
            "version",
        )
        read_only_fields = fields


class RuleSerializer(serializers.ModelSerializer[OwnershipRule]):
    """An ownership rule as it is edited; a rule book has to be frozen before it decides."""

    self = SelfLink("api:rule", key="slug")
    key = serializers.SlugField(source="slug")
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    line = serializers.SlugField(source="line.slug", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug")
    flow = serializers.SlugField(source="flow.slug")
    sla = serializers.SlugField(source="sla.slug")
    fallback = serializers.SlugField(source="fallback.slug")
    rule_owner = serializers.SlugField(source="rule_owner.slug")

    class Meta:
        model = OwnershipRule
        fields = (
            "self",
            "key",
            "name",
            "why",
            "position",
            "client",
            "line",
            "predicate",
            "owner",
            "flow",
            "sla",
            "fallback",
            "fallback_after_minutes",
            "rule_owner",
            "is_default",
            "is_active",
            "version",
        )
        read_only_fields = fields


class BookSerializer(serializers.ModelSerializer[RuleBookVersion]):
    """A frozen rule book."""

    self = SelfLink("api:rule-version", key="number")
    key = serializers.IntegerField(source="number")

    class Meta:
        model = RuleBookVersion
        fields = ("self", "key", "sha256", "frozen_at", "frozen_by", "note", "is_active", "version")
        read_only_fields = fields


class WholeBookSerializer(BookSerializer):
    """A frozen rule book with everything it says; what is of clients of others is left out."""

    document = serializers.SerializerMethodField()

    class Meta(BookSerializer.Meta):
        fields = (*BookSerializer.Meta.fields, "document")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(serializers.DictField)
    def get_document(self, book: RuleBookVersion) -> dict[str, Any]:
        """As far as it exists for who asks."""
        by: Actor = self.context["view"].by
        return selectors.document_for(by, book.document)


class FreezeInput(Input):
    """What is to be said of the new rule book."""

    note = serializers.CharField(max_length=300, allow_blank=True, default="", help_text="Why it was frozen.")


class ContractVersionSerializer(serializers.ModelSerializer[ContractVersion]):
    """One version: a JSON Schema 2020-12 and what is personal in it."""

    class Meta:
        model = ContractVersion
        fields = ("number", "state", "schema", "pii")
        read_only_fields = fields


class ContractSerializer(serializers.ModelSerializer[Contract]):
    """What systems agreed to send each other."""

    self = SelfLink("api:contract", key="name")
    key = serializers.CharField(source="name")
    contract_owner = serializers.SlugField(source="contract_owner.slug")
    execution_owner = serializers.SlugField(source="execution_owner.slug")
    business_owner = serializers.SlugField(source="business_owner.slug")
    versions = ContractVersionSerializer(many=True)

    class Meta:
        model = Contract
        fields = (
            "self",
            "key",
            "direction",
            "description",
            "contract_owner",
            "execution_owner",
            "business_owner",
            "runbook",
            "residual_risk",
            "risk_accepted_at",
            "risk_accepted_by_name",
            "is_active",
            "version",
            "versions",
        )
        read_only_fields = fields


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    """Which rule decided, from what, with what answer, and which rules almost did."""

    self = SelfLink("api:decision", key="id")
    key = serializers.UUIDField(source="id")
    client = serializers.SlugField(source="client.slug")
    book = serializers.IntegerField(source="book.number")
    rule = serializers.SlugField(source="rule_slug")
    context: Any = serializers.SerializerMethodField()

    class Meta:
        model = Decision
        fields = (
            "self",
            "key",
            "subject_type",
            "subject_key",
            "client",
            "at",
            "book",
            "rule",
            "context",
            "outcome",
            "near_misses",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_context(self, decision: Decision) -> Any:
        """What the rules were asked about."""
        return decision.context


class DraftInput(Input):
    """The schema of the next version (JSON Schema 2020-12), and the pointers of what is personal in it."""

    schema = serializers.DictField(child=serializers.JSONField(allow_null=True))
    pii = serializers.ListField(child=serializers.CharField(max_length=200), max_length=100, required=False)


class NumberInput(Input):
    """Which version."""

    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class VersionInput(NumberInput):
    """Which version, and why."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False)


class TextInput(Input):
    """What is said."""

    text = serializers.CharField(max_length=10_000)


class DescribeGateInput(ReasonInput):
    """What a gate stops, as a sentence, what has to be there so that nobody has to ask, and why it is said anew."""

    blocks = serializers.CharField(max_length=200)
    needs = serializers.CharField(max_length=1000)


class RevisionInput(Input):
    """What a runbook should say, in Markdown; which version that was written from (0 for none), and what is new."""

    base = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    body = serializers.CharField(max_length=LONGEST_BODY)
    covers = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=MOST_COVERED,
        help_text="What it is about: type:address.",
    )
    note = serializers.CharField(max_length=LONGEST_NOTE)


class BeginRunbookInput(Input):
    """A runbook there is none of."""

    title = serializers.CharField(max_length=LONGEST_TITLE)
    owner = serializers.SlugField(max_length=50, help_text="Slug of an owner: accepts it, and every change of it.")
    body = serializers.CharField(max_length=LONGEST_BODY, help_text="Markdown.")
    covers = serializers.ListField(child=serializers.CharField(max_length=200), max_length=MOST_COVERED)
    note = serializers.CharField(max_length=LONGEST_NOTE)


class RejectInput(NumberInput):
    """Which version, and why not."""

    comment = serializers.CharField(max_length=280)


class RunbookSerializer(serializers.ModelSerializer[Runbook]):
    """A runbook: whose it is, which version is in force, and what that is about."""

    self = SelfLink("api:runbook", key="slug")
    key = serializers.SlugField(source="slug")
    owner = serializers.SlugField(source="owner.slug")
    in_force = serializers.SerializerMethodField()
    covers = serializers.SerializerMethodField()

    class Meta:
        model = Runbook
        fields: tuple[str, ...] = ("self", "key", "title", "owner", "in_force", "covers", "version")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.IntegerField(allow_null=True, help_text="The version; null before the first."))
    def get_in_force(self, runbook: Runbook) -> int | None:
        """Its number."""
        current = _current(runbook)
        return current.number if current else None

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), help_text="As type:address."))
    def get_covers(self, runbook: Runbook) -> list[str]:
        """What the version in force is about."""
        current = _current(runbook)
        return list(current.covers) if current else []


class RunbookVersionSerializer(serializers.ModelSerializer[RunbookVersion]):
    """One version of a runbook. The text is Markdown."""

    class Meta:
        model = RunbookVersion
        fields = (
            *("number", "state", "body", "covers", "note", "base_number", "case_key", "proposed_by", "proposed_at"),
            *("decided_by", "decided_at", "comment"),
        )
        read_only_fields = fields


class WholeRunbookSerializer(RunbookSerializer):
    """A runbook with its versions, the first first."""

    versions = RunbookVersionSerializer(many=True)

    class Meta(RunbookSerializer.Meta):
        fields = (*RunbookSerializer.Meta.fields, "versions")
        read_only_fields = fields


def _current(runbook: Runbook) -> RunbookVersion | None:
    return next((one for one in runbook.versions.all() if one.state == RunbookState.CURRENT), None)
