"""How exceptions and time-limited exceptions are told to programs, and what programs may say about them."""

from typing import Any

from rest_framework import serializers

from audit import clock
from audit.rest.fields import Money, SelfLink
from audit.rest.parsing import Input, ReasonInput
from exceptions.models import CaseAttachment, CaseNote, CaseStep, ExceptionCase, WithdrawnFile
from exceptions.selectors import clock_of, related_to
from exceptions.selectors.watching import watches_of
from exceptions.states import CaseState, ClockState, RootCause, WaitingOn
from rules.states import Severity


class CaseSerializer(serializers.ModelSerializer[ExceptionCase]):
    """An exception: what went wrong with what, who has it, by when."""

    self = SelfLink("api:exception")
    key = serializers.CharField()
    client = serializers.SlugField(source="client.slug", allow_null=True, default=None)
    owner = serializers.SlugField(source="owner.slug")
    backup = serializers.SlugField(source="backup.slug")
    at_risk = Money("at_risk_minor")
    outcome = serializers.CharField(allow_blank=True)
    root_cause = serializers.CharField(allow_blank=True)
    waiting_on = serializers.CharField(
        allow_blank=True, help_text="Who has to do something first; empty while nobody is waited for."
    )
    gate = serializers.CharField(allow_blank=True)
    clock = serializers.SerializerMethodField(help_text="running, at_risk, late, paused or stopped, by the clock now.")
    pauses = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))

    class Meta:
        model = ExceptionCase
        fields = (
            "self",
            "key",
            "type",
            "state",
            "severity",
            "title",
            "summary",
            "cause",
            "subject_type",
            "subject_key",
            "client",
            "owner",
            "backup",
            "occurrences",
            "at_risk",
            "opened_at",
            "acknowledge_by",
            "acknowledged_at",
            "acknowledged_by",
            "due_at",
            "due_words",
            "acknowledge_words",
            "warn_at",
            "clock",
            "pauses",
            "waiting_until",
            "waiting_for",
            "waiting_on",
            "waiting_event",
            "resolved_at",
            "outcome",
            "root_cause",
            "reopened",
            "route",
            "ladder_step",
            "ladder_book",
            "book_number",
            "gate",
            "version",
        )
        read_only_fields = fields

    def get_clock(self, case: ExceptionCase) -> str:
        """Where its clock stands."""
        return clock_of(case, now=clock.now())


class NoteSerializer(serializers.ModelSerializer[CaseNote]):
    """What somebody wrote on an exception, and the names of those it mentions who were told."""

    told = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = CaseNote
        fields = ("at", "author", "author_name", "text", "told")
        read_only_fields = fields


class StepSerializer(serializers.ModelSerializer[CaseStep]):
    """A step of the playbook that was done."""

    number = serializers.SerializerMethodField()

    class Meta:
        model = CaseStep
        fields = ("number", "at", "by", "by_name", "outcome", "note")
        read_only_fields = fields

    def get_number(self, step: CaseStep) -> int:
        """Counted from one, as people do."""
        return step.index + 1


class WithdrawnFileSerializer(serializers.ModelSerializer[WithdrawnFile]):
    """Who said that a file was the wrong one, when and why."""

    class Meta:
        model = WithdrawnFile
        fields = ("at", "by", "by_name", "reason")
        read_only_fields = fields


class AttachmentSerializer(serializers.ModelSerializer[CaseAttachment]):
    """A file on an exception: what it is and where a signed-in person gets it."""

    url = serializers.SerializerMethodField()

    name = serializers.CharField(source="shown_name", help_text="Empty for one that was withdrawn.")
    withdrawn = WithdrawnFileSerializer(allow_null=True)

    class Meta:
        model = CaseAttachment
        fields = (
            "number",
            "at",
            "by",
            "by_name",
            "name",
            "content_type",
            "size",
            "sha256",
            "criterion",
            "withdrawn",
            "url",
        )
        read_only_fields = fields

    def get_url(self, attachment: CaseAttachment) -> str:
        """Its address on the pages."""
        return f"/exceptions/{attachment.case.key}/files/{attachment.number}/"


class CaseRecordSerializer(CaseSerializer):
    """An exception with its playbook, what was done of it, and notes."""

    notes = NoteSerializer(many=True)
    steps = StepSerializer(many=True)
    attachments = AttachmentSerializer(many=True)
    related = serializers.SerializerMethodField()
    watchers = serializers.SerializerMethodField()

    class Meta(CaseSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *CaseSerializer.Meta.fields,
            "evidence",
            "ladder",
            "playbook",
            "acceptance",
            "outcomes",
            "notes",
            "steps",
            "attachments",
            "related",
            "watchers",
        )
        read_only_fields = fields  # type: ignore[assignment]

    def get_related(self, case: ExceptionCase) -> list[str]:
        """The keys of the exceptions it was linked to."""
        return [other.key for other in related_to(case)]

    def get_watchers(self, case: ExceptionCase) -> list[str]:
        """The slugs of those who are told what happens to it."""
        return [watch.owner.slug for watch in watches_of([case.pk])]


class PayloadSubjectSerializer(serializers.Serializer[Any]):
    """What an exception is about."""

    type = serializers.CharField()
    key = serializers.CharField()
    url = serializers.CharField(allow_blank=True)


class DeadlineSerializer(serializers.Serializer[Any]):
    """Until when, and how that came about."""

    acknowledge_by = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    derivation = serializers.CharField()
    acknowledge_derivation = serializers.CharField(allow_blank=True)
    at_risk_from = serializers.DateTimeField(allow_null=True)
    clock = serializers.ChoiceField(choices=ClockState.choices)


class AttemptedActionSerializer(serializers.Serializer[Any]):
    """A step of the playbook that was done."""

    label: Any = serializers.CharField()
    outcome = serializers.CharField()
    at = serializers.DateTimeField()


class NextStepSerializer(serializers.Serializer[Any]):
    """What a timer does next."""

    at = serializers.DateTimeField()
    to = serializers.CharField()
    why = serializers.CharField()


class PlaybookStepSerializer(serializers.Serializer[Any]):
    """A step of the playbook, done or not."""

    number = serializers.IntegerField()
    label: Any = serializers.CharField()
    kind = serializers.CharField()
    required: Any = serializers.BooleanField()
    state = serializers.CharField(help_text="done, open, blocked or undecided.")


class CriterionSerializer(serializers.Serializer[Any]):
    """An acceptance criterion; null where only a person can say."""

    label: Any = serializers.CharField()
    met = serializers.BooleanField(allow_null=True)


class PayloadRunbookSerializer(serializers.Serializer[Any]):
    """A runbook in force about exceptions of this type, or about the contract."""

    title = serializers.CharField()
    url = serializers.CharField()


class PayloadSerializer(serializers.Serializer[Any]):
    """What everybody who works an exception is given; the same on its page and in letters, and nothing personal."""

    schema = serializers.CharField()
    key = serializers.CharField()
    type = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=CaseState.choices)
    severity = serializers.CharField()
    client = serializers.CharField(allow_null=True)
    subject = PayloadSubjectSerializer()
    owner = serializers.CharField()
    backup = serializers.CharField()
    opened_at = serializers.DateTimeField()
    sla = DeadlineSerializer()
    route = serializers.CharField()
    if_nobody_acts = NextStepSerializer(allow_null=True)
    rule_book = serializers.IntegerField()
    decision = serializers.DictField()
    last_events = serializers.ListField(child=serializers.DictField(), help_text="At most five.")
    attempted_actions = AttemptedActionSerializer(many=True)
    last_attempts = serializers.ListField(child=serializers.DictField(), help_text="At most three.")
    playbook = PlaybookStepSerializer(many=True)
    acceptance = CriterionSerializer(many=True)
    outcome = serializers.CharField(allow_blank=True)
    root_cause = serializers.CharField(allow_blank=True)
    runbooks = PayloadRunbookSerializer(many=True)
    related = serializers.ListField(child=serializers.CharField())
    evidence = serializers.DictField()
    links = serializers.DictField(child=serializers.CharField())


class PossibleActionSerializer(serializers.Serializer[Any]):
    """One act, and why it cannot be done where it cannot."""

    action = serializers.CharField()
    permission = serializers.CharField()
    is_allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class PossibleActionsSerializer(serializers.Serializer[Any]):
    """What can be done now."""

    exception = serializers.CharField()
    actions = PossibleActionSerializer(many=True)


class AccountSerializer(serializers.Serializer[Any]):
    """Of one exception type or gate: how many began and ended, and how long those that ended lasted."""

    kind = serializers.CharField(
        help_text="Slug of a type or gate; empty where all are told together.", allow_blank=True
    )
    began = serializers.IntegerField()
    ended = serializers.IntegerField()
    mean_minutes = serializers.IntegerField(allow_null=True, help_text="By the wall clock; null where none ended.")
    target_minutes = serializers.IntegerField(
        allow_null=True, help_text="From opening to deadline on average, of the same; null where nothing is promised."
    )
    is_above_target = serializers.BooleanField(help_text="Whether they took longer than promised on average.")


class AccountsSerializer(serializers.Serializer[Any]):
    """Exceptions and time-limited exceptions over some days."""

    since = serializers.DateField()
    until = serializers.DateField()
    exceptions = AccountSerializer(many=True)
    all_exceptions = AccountSerializer()
    time_limited = AccountSerializer(many=True)
    by_reason = AccountSerializer(
        many=True, help_text="The same by the kind of reason; empty for those asked for before there were kinds."
    )
    all_time_limited = AccountSerializer()


class NoteInput(Input):
    """What is written down."""

    text = serializers.CharField(max_length=10_000)


class ReassignInput(ReasonInput):
    """Who gets it, and why."""

    to = serializers.SlugField(max_length=50, help_text="Slug of an owner.")


class WaitInput(ReasonInput):
    """Until when, and for what."""

    until = serializers.DateTimeField()
    on = serializers.ChoiceField(choices=WaitingOn.choices, default=WaitingOn.OURSELVES)
    party = serializers.CharField(max_length=80, allow_blank=True, default="", help_text="The name of a third party.")
    event = serializers.CharField(
        max_length=60,
        allow_blank=True,
        default="",
        help_text="What ends the wait before its time; of an order: vendor-confirmed, carrier-has-it, delivered, stock-there.",
    )


class SeverityInput(ReasonInput):
    """How bad it is, and why."""

    severity = serializers.ChoiceField(choices=Severity.choices)


class StepInput(Input):
    """What came of a step; a step that does something takes what it needs in `data`."""

    outcome = serializers.CharField(max_length=80, allow_blank=True, default="")
    note = serializers.CharField(max_length=2000, allow_blank=True, default="")
    data = serializers.DictField(default=dict)  # type: ignore[assignment]


class ResolveInput(Input):
    """How it was solved."""

    outcome = serializers.SlugField(max_length=50, help_text="Slug of one of the exception's outcomes.")
    root_cause = serializers.ChoiceField(choices=RootCause.choices, required=False)
    note = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class LinkInput(Input):
    """Which other exception."""

    exception = serializers.RegexField(r"^EX-\d{1,15}$", help_text="The other exception: EX-20418.")


class UndoInput(Input):
    """Which act is taken back."""

    entry = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        help_text="The `seq` of the event that tells of it, within the exception's own.",
    )
