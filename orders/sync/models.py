"""Systems, what they tell us, what we promise them, and what we expect to hear.

Five rules keep the message tables honest. An event is written before it is acknowledged, once per (system, id). It takes effect in the
transaction that marks it applied. Events of one subject are applied in the order they came. A promise is written in the transaction that
made it true and carries one key at every attempt. Payloads are sealed; what people see is a preview without personal data.
"""

import json
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Func, Q
from django_fsm import FSMModelMixin, transition

from audit.crypto import open_secret
from audit.identifiers import uuid7
from audit.models import Accountable, LeasedWork
from audit.models.fields import StateField
from orders.sync.states import CredentialKind, InboundState, OutboundState, RunState
from rules.models import Client, Flow, Owner
from rules.states import Layer

LANES = 16
LONGEST_CAUSE = 300
DEAD_LETTER_PREFIX = "DL-"
DEAD_LETTER_CASE = "contract-violation"
UNREACHABLE = "delivery-failure"
CONNECTION_TEST = "connection.test"  # asks for nothing: whoever gets it says that it came


class NextLetter(Func):
    """The next number of a message, which is also its place in line."""

    template = "nextval('sync_message_number')"
    output_field = models.BigIntegerField()


class System(Accountable):
    """Something that moves or keeps records: where it is, what it is for, who answers for it."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    layer = models.CharField(max_length=16, choices=Layer)
    base_url = models.URLField(
        blank=True, help_text="Where messages are sent; empty for systems that only tell us things."
    )
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: serves all."
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+")
    wants_exports = models.BooleanField(default=False, help_text="Gets the export of every routed order.")
    reader = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="With whose API tokens it reads the feed of exports, where it has no address.",
    )
    authority = models.PositiveSmallIntegerField(
        default=50,
        help_text="Where several systems tell the same thing (a stock count), the word of the higher one stands.",
    )
    max_attempts = models.PositiveIntegerField(default=8)
    is_active = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(layer__in=Layer.values), name="system_layer_is_known"),
            models.CheckConstraint(condition=Q(max_attempts__gte=1), name="system_is_tried_at_least_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Credential(Accountable):
    """A secret shared with a system, sealed and never shown again; two may be in force while one replaces the other."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=10, choices=CredentialKind)
    sealed = models.TextField()
    hint = models.CharField(max_length=12, help_text="The last characters, to tell secrets apart.")
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} secret …{self.hint} of {self.system}"

    def is_in_force(self, now: datetime) -> bool:
        """Whether it proves anything at `now`."""
        return self.revoked_at is None and self.not_before <= now and (self.expires_at is None or now < self.expires_at)


class InboundEvent(LeasedWork):
    """One event of one system, kept for ever under (system, id)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(unique=True, db_default=NextLetter(), editable=False)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="events")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="+")
    event_id = models.CharField(max_length=200)
    source = models.CharField(max_length=200)
    type = models.CharField(max_length=80)
    subject = models.CharField(max_length=200)
    time = models.DateTimeField()
    received_at = models.DateTimeField()
    contract_version = models.PositiveIntegerField(null=True)
    change_token = models.BigIntegerField(null=True)
    based_on = models.BigIntegerField(null=True, help_text="The export the sender knew when it said this.")
    provenance = models.CharField(max_length=200, blank=True)
    correlation_id = models.CharField(max_length=200, blank=True)
    sealed = models.TextField()
    sha256 = models.CharField(max_length=64)
    preview = models.JSONField(help_text="The data without what is personal or unknown.")
    state = models.CharField(max_length=12, choices=InboundState, default=InboundState.NEW)
    lane = models.PositiveSmallIntegerField()
    finished_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=LONGEST_CAUSE, blank=True)
    violations = models.JSONField(default=list)
    replays = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "event_id"], name="inboundevent_once_per_system_and_id"),
            models.CheckConstraint(condition=Q(state__in=InboundState.values), name="inboundevent_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=InboundState.NEW, finished_at__isnull=True)
                | ~Q(state=InboundState.NEW) & Q(finished_at__isnull=False),
                name="inboundevent_finished_iff_not_new",
            ),
            models.CheckConstraint(
                condition=~Q(state=InboundState.DEAD) | ~Q(cause=""), name="inboundevent_dead_has_a_cause"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["lane", "number"], condition=Q(state=InboundState.NEW), name="inboundevent_waiting"),
            models.Index(fields=["-number"], condition=Q(state=InboundState.DEAD), name="inboundevent_dead"),
            models.Index(fields=["system", "subject", "number"], name="inboundevent_of_subject"),
            models.Index(
                fields=["finished_at"], condition=Q(state=InboundState.APPLIED), name="inboundevent_applied_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"

    @property
    def key(self) -> str:
        """What people call it once it is a dead letter."""
        return f"{DEAD_LETTER_PREFIX}{self.number}"

    @property
    def data(self) -> Any:
        """The event's data as it came."""
        return json.loads(open_secret(self.sealed))


class ChangeToken(models.Model):
    """The newest change of a subject that a system told us; older ones are overtaken."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=200)
    type = models.CharField(max_length=80)
    token = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "subject", "type"], name="changetoken_one_per_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.token}"


class OutboundMessage(LeasedWork):
    """A promise to tell one system one thing, kept with the same key at every attempt."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.BigIntegerField(unique=True, db_default=NextLetter(), editable=False)
    key = models.CharField(max_length=200, unique=True, help_text="The receiver's idempotency key.")
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="messages")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, related_name="+")
    type = models.CharField(max_length=80)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    ordering_key = models.CharField(max_length=200)
    correlation_id = models.CharField(max_length=200, blank=True)
    change_token = models.BigIntegerField(null=True, help_text="Grows with every change of what the message tells.")
    caused_at = models.DateTimeField(help_text="When what led to it came in, or was done.")
    created_at = models.DateTimeField()
    sealed = models.TextField()
    preview = models.JSONField()
    state = models.CharField(max_length=10, choices=OutboundState, default=OutboundState.PENDING)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True, help_text="When it had been tried often enough.")
    last_error = models.CharField(max_length=300, blank=True)
    more_attempts = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Tries beyond those of its system: it was given up and sent again."
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=OutboundState.values), name="outboundmessage_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=OutboundState.SENT, sent_at__isnull=False)
                | ~Q(state=OutboundState.SENT) & Q(sent_at__isnull=True),
                name="outboundmessage_sent_at_iff_sent",
            ),
            models.CheckConstraint(
                condition=Q(state=OutboundState.DEAD, given_up_at__isnull=False)
                | ~Q(state=OutboundState.DEAD) & Q(given_up_at__isnull=True),
                name="outboundmessage_given_up_at_iff_given_up",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due_at", "number"],
                condition=Q(state__in=[OutboundState.PENDING, OutboundState.SENDING]),
                name="outboundmessage_due",
            ),
            models.Index(
                fields=["system", "ordering_key", "number"],
                condition=Q(state__in=[OutboundState.PENDING, OutboundState.SENDING]),
                name="outboundmessage_in_line",
            ),
            models.Index(fields=["subject_type", "subject_id", "-number"], name="outboundmessage_of_subject"),
            models.Index(
                fields=["sent_at", "system"], condition=Q(state=OutboundState.SENT), name="outboundmessage_arrived"
            ),
            models.Index(
                fields=["system", "caused_at"], condition=Q(state=OutboundState.DEAD), name="outboundmessage_given_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.system_id}: {self.key}"

    @property
    def payload(self) -> Any:
        """What is sent."""
        return json.loads(open_secret(self.sealed))


class Attempt(models.Model):
    """One try to deliver a message, and what came back (its beginning, without secrets)."""

    message = models.ForeignKey(OutboundMessage, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    endpoint = models.CharField(max_length=200)
    status = models.PositiveIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=200, blank=True)
    response_head = models.CharField(max_length=300, blank=True)
    next_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["message", "number"], name="attempt_counted_once"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.message_id}"


class FlowRun(FSMModelMixin, Accountable):
    """What one trigger is expected to lead to.

    It is done only once a system downstream was seen to have what was handed off. Where a person or a time-limited exception stood in for
    that, it is not verified: `owner` sees to it until `verify_by`.
    """

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    subject_key = models.CharField(max_length=120)
    trigger = models.CharField(max_length=200, help_text="What started it: the key of a task, or an event's id.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = StateField(choices=RunState.choices, default=RunState.RUNNING)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    verify_by = models.DateTimeField(null=True, blank=True, help_text="Until when the owner has it confirmed.")
    verified_by = models.CharField(
        max_length=200, blank=True, help_text="The evidence of the handoff: the event of the system downstream."
    )

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id"],
                condition=Q(state__in=["running", "missed", "unverified"]),
                name="flowrun_one_live_per_subject",
            ),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="flowrun_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=RunState.UNVERIFIED) | Q(owner__isnull=False, verify_by__isnull=False),
                name="flowrun_unverified_has_owner_and_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(state=RunState.DONE) | ~Q(verified_by=""), name="flowrun_done_is_verified"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_key} on {self.flow}"

    @transition("state", source=[RunState.RUNNING, RunState.MISSED, RunState.UNVERIFIED], target=RunState.DONE)
    def finish(self, *, at: datetime, evidence: str) -> None:
        """Everything expected was answered, and the handoff was seen by the system downstream: `evidence` is its event."""
        self.ended_at, self.verified_by = at, evidence

    @transition("state", source=[RunState.RUNNING, RunState.MISSED], target=RunState.UNVERIFIED)
    def leave_unverified(self, *, owner: Owner, until: datetime) -> None:
        """Everything up to the handoff was answered, but nobody downstream has said that it happened."""
        self.owner, self.verify_by = owner, until

    @transition("state", source=RunState.UNVERIFIED, target=RunState.RUNNING)
    def verify(self) -> None:
        """The handoff was seen by the system downstream after all; what comes after it is still expected."""
        self.owner, self.verify_by = None, None

    @transition("state", source=RunState.RUNNING, target=RunState.MISSED)
    def miss(self) -> None:
        """Something was not observed in time."""

    @transition("state", source=[RunState.RUNNING, RunState.MISSED, RunState.UNVERIFIED], target=RunState.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        """Nothing is expected any more."""
        self.ended_at = at


class Expectation(models.Model):
    """One outcome of a run and until when; met only by an event that somebody sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(FlowRun, on_delete=models.PROTECT, related_name="expectations")
    name = models.CharField(max_length=120)
    event_type = models.CharField(max_length=80)
    is_handoff = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Somebody downstream has to have said it; the last of a run always is.",
    )
    due_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    met_by = models.CharField(max_length=200, blank=True, help_text="The evidence: the event's id.")
    excused_by = models.CharField(max_length=200, blank=True, help_text="The key of what stands in for the event.")
    missed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "event_type"], name="expectation_one_per_event_type"),
            models.CheckConstraint(
                condition=Q(met_at__isnull=True, met_by="") | Q(met_at__isnull=False) & ~Q(met_by=""),
                name="expectation_is_met_by_evidence",
            ),
            models.CheckConstraint(
                condition=Q(met_at__isnull=True) | Q(excused_by=""), name="expectation_is_met_or_excused"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Connector(Accountable):
    """How a vendor's payload becomes our event: CEL expressions over `payload`, one per field of the contract.

    `mapping`: {"id", "type"?, "subject", "time", "changetoken"?, "data": {…}}; every string is an expression.
    """

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="connectors")
    topic = models.CharField(max_length=120, blank=True, help_text="Which of the vendor's messages; empty: all.")
    event_type = models.CharField(max_length=80)
    mapping = models.JSONField()
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["system", "topic"], condition=Q(is_active=True), name="connector_one_per_topic"
            ),
        ]

    def __str__(self) -> str:
        return self.name
