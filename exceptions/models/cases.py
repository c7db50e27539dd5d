"""An exception: something left its path and needs a person."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Func, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable, AccountableQuerySet
from audit.models.fields import StateField
from audit.triggers import ACCOUNTABLE
from audit.words import said_again
from exceptions.models.case_words import KEEP_WORDS
from exceptions.states import CASE_DONE, CASE_LIVE, CaseState, RootCause, WaitingOn
from rules.models import Client, Owner
from rules.states import Route, Severity

KEY_PREFIX = "EX-"
MINOR_PER_MINUTE = 1_000
MOST_MINUTES = 24 * 60


class NextNumber(Func):
    """The next value of the sequence of keys."""

    template = "nextval('exceptions_case_number')"
    output_field = models.BigIntegerField()


class Urgency(Func):
    """The deadline, earlier by a minute for every ten at risk and by a day at most: an order that time passing does not change."""

    # The detour over UTC makes the arithmetic immutable, which a generated column has to be.
    template = (
        "((due_at AT TIME ZONE 'UTC')"
        " - least(at_risk_minor / %(minor_per_minute)s, %(most_minutes)s) * interval '1 minute') AT TIME ZONE 'UTC'"
    )
    output_field = models.DateTimeField()


class CaseQuerySet(AccountableQuerySet["ExceptionCase"]):
    """Reads everybody shares."""

    def live(self) -> "CaseQuerySet":
        """Cases that somebody has to do something about."""
        return self.filter(state__in=CASE_LIVE)

    def of_clients(self, clients: Iterable[UUID] | None) -> "CaseQuerySet":
        """Cases of these clients; None means all."""
        return self if clients is None else self.filter(client_id__in=clients)


class ExceptionCase(FSMModelMixin, Accountable):
    """One open case per type and subject, with owner, backup, deadline and route; what it runs on is copied when it opens.

    Every index below is one somebody reads by; the ones Django adds by itself would triple what moving a case on costs.
    """

    number = models.BigIntegerField(unique=True, db_default=NextNumber(), editable=False)
    type = models.SlugField(db_index=False)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    subject_key = models.CharField(max_length=120)
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="None: of the house, seen by house roles.",
    )
    state = StateField(choices=CaseState.choices, default=CaseState.OPEN)
    severity = models.CharField(max_length=2, choices=Severity)
    title = models.CharField(max_length=200)
    title_words = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text="What its reader's language needs beside the English title",
    )
    summary = models.TextField(blank=True)
    summary_words = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text="What its reader's language needs beside the English summary",
    )
    cause = models.CharField(max_length=200, blank=True, help_text="What cases of one shared cause have in common.")
    evidence = models.JSONField(default=dict, help_text="Facts of the moment it opened; no personal data.")
    occurrences = models.PositiveIntegerField(default=1)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="cases", db_index=False)
    backup = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    at_risk_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    opened_at = models.DateTimeField()
    acknowledge_by = models.DateTimeField()
    due_at = models.DateTimeField()
    urgent_at = models.GeneratedField(
        expression=Urgency(minor_per_minute=MINOR_PER_MINUTE, most_minutes=MOST_MINUTES),
        output_field=models.DateTimeField(),
        db_persist=True,
    )
    due_words = models.TextField(help_text="How the deadline came about.")
    warn_at = models.DateTimeField(null=True, help_text="From when on the deadline is at risk.")
    acknowledge_words = models.TextField(blank=True, help_text="How the moment came about by which it has to be taken.")
    pauses = models.JSONField(default=list, help_text="[{from, until, why}]: when its clock stood.")
    severities = models.JSONField(default=list, help_text="[{severity, until}]: those it had before.")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=160, blank=True)
    progress_within_minutes = models.PositiveIntegerField(
        default=60, db_default=60, help_text="Once taken: so long without progress, and the next step comes."
    )
    waiting_until = models.DateTimeField(null=True)
    waiting_for = models.CharField(max_length=280, blank=True)
    waiting_on = models.CharField(max_length=20, choices=WaitingOn, blank=True)
    waiting_event = models.CharField(
        max_length=60,
        blank=True,
        db_default="",
        help_text="What of its subject ends the wait before its time; none: only time does.",
    )
    resolved_at = models.DateTimeField(null=True)
    outcome = models.SlugField(blank=True, db_index=False)
    root_cause = models.CharField(max_length=20, choices=RootCause, blank=True)
    reopened = models.PositiveIntegerField(default=0)
    book_number = models.PositiveIntegerField(help_text="The rule book version the case runs on.")
    route = models.CharField(max_length=10, choices=Route)
    route_plan = models.JSONField(
        default=dict, db_default={}, help_text="{to, approver_role} as it was when the case opened."
    )
    ladder = models.JSONField(help_text="[{step, to, due_at, do?, …}] as it was when the case opened or was re-based.")
    ladder_book = models.PositiveIntegerField(
        null=True, help_text="The rule book version it was re-based on; none: the ladder is that of the case's own."
    )
    ladder_step = models.PositiveIntegerField(default=0, help_text="How many steps of the ladder have been taken.")
    playbook = models.JSONField(default=list)
    acceptance = models.JSONField(default=list)
    outcomes = models.JSONField(default=list)
    gate = models.SlugField(blank=True, db_index=False)

    objects: ClassVar = CaseQuerySet.as_manager()

    class Meta(Accountable.Meta):
        triggers: ClassVar = [*ACCOUNTABLE, *KEEP_WORDS]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["type", "subject_type", "subject_id"],
                condition=Q(state__in=CASE_LIVE),
                name="case_one_live_per_type_and_subject",
            ),
            models.CheckConstraint(condition=Q(state__in=CaseState.values), name="case_state_is_known"),
            models.CheckConstraint(
                condition=Q(root_cause="") | Q(root_cause__in=RootCause.values), name="case_root_cause_is_known"
            ),
            models.CheckConstraint(condition=~Q(backup=F("owner")), name="case_backup_is_somebody_else"),
            models.CheckConstraint(
                condition=Q(state__in=CASE_DONE, resolved_at__isnull=False)
                | ~Q(state__in=CASE_DONE) & Q(resolved_at__isnull=True),
                name="case_resolved_at_iff_resolved",
            ),
            models.CheckConstraint(
                condition=~Q(state=CaseState.WAITING) | Q(waiting_until__isnull=False), name="case_waits_until_a_time"
            ),
            models.CheckConstraint(
                condition=Q(waiting_on="") | Q(waiting_on__in=WaitingOn.values), name="case_waits_on_somebody_known"
            ),
            models.CheckConstraint(condition=Q(at_risk_minor__gte=0), name="case_risk_is_not_negative"),
        ]
        # What a page counts and adds up lies in the index it walks: at a million cases it never visits the table for that.
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["urgent_at", "id"],
                include=["owner", "client", "state", "due_at", "currency", "at_risk_minor"],
                condition=Q(state__in=CASE_LIVE),
                name="case_live_urgent",
            ),
            models.Index(
                fields=["owner", "urgent_at", "id"],
                include=["client", "state", "due_at", "currency", "at_risk_minor"],
                condition=Q(state__in=CASE_LIVE),
                name="case_live_of_owner",
            ),
            models.Index(
                fields=["client", "urgent_at", "id"],
                include=["owner", "state", "due_at", "currency", "at_risk_minor"],
                condition=Q(state__in=CASE_LIVE),
                name="case_live_of_client",
            ),
            models.Index(
                fields=["due_at", "id"],
                include=["owner", "client", "state", "currency", "at_risk_minor"],
                condition=Q(state__in=CASE_LIVE),
                name="case_live_due",
            ),
            models.Index(
                fields=["state", "urgent_at", "id"], condition=Q(state__in=CASE_LIVE), name="case_live_in_state"
            ),
            models.Index(
                fields=["type", "urgent_at", "id"], condition=Q(state__in=CASE_LIVE), name="case_live_of_type"
            ),
            models.Index(
                fields=["type", "cause", "urgent_at", "id"], condition=Q(state__in=CASE_LIVE), name="case_live_of_cause"
            ),
            models.Index(fields=["subject_type", "subject_id", "-opened_at"], name="case_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{KEY_PREFIX}{self.number}"

    @property
    def headline(self) -> str:
        """The title, which can be said in another language where the product gave it."""
        return said_again(self.title, self.title_words)

    @property
    def more(self) -> str:
        """The summary, which can be said in another language where the product gave it."""
        return said_again(self.summary, self.summary_words)

    @property
    def runs_on(self) -> int:
        """The rule book version whose ladder it climbs."""
        return self.ladder_book or self.book_number

    @property
    def is_live(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.state in CASE_LIVE

    @transition("state", source=CaseState.OPEN, target=CaseState.ACKNOWLEDGED)
    def acknowledge(self, *, by: str, at: datetime) -> None:
        """Somebody has seen it and has it."""
        self.acknowledged_by, self.acknowledged_at = by, at

    @transition("state", source=[CaseState.OPEN, CaseState.ACKNOWLEDGED], target=CaseState.IN_PROGRESS)
    def start(self, *, by: str, at: datetime) -> None:
        """Work has begun."""
        self.acknowledged_by = self.acknowledged_by or by
        self.acknowledged_at = self.acknowledged_at or at

    @transition("state", source=[CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS], target=CaseState.WAITING)
    def wait(self, *, until: datetime, reason: str, on: str, event: str = "") -> None:
        """Somebody else has to do something first."""
        self.waiting_until, self.waiting_for, self.waiting_on, self.waiting_event = until, reason, on, event

    @transition("state", source=CaseState.WAITING, target=CaseState.IN_PROGRESS)
    def resume(self) -> None:
        """It is ours again."""
        self.waiting_until, self.waiting_for, self.waiting_on, self.waiting_event = None, "", "", ""

    @transition("state", source=list(CASE_LIVE), target=CaseState.RESOLVED)
    def resolve(self, *, outcome: str, root_cause: str, at: datetime) -> None:
        """What had to be done is done."""
        self.root_cause = root_cause
        self.outcome, self.resolved_at = outcome, at
        self.waiting_until, self.waiting_on, self.waiting_event = None, "", ""

    @transition("state", source=CaseState.RESOLVED, target=CaseState.CLOSED)
    def close(self) -> None:
        """Nobody came back."""

    @transition("state", source=list(CASE_DONE), target=CaseState.OPEN)
    def reopen(self) -> None:
        """It was not solved after all."""
        self.resolved_at, self.outcome, self.acknowledged_at, self.acknowledged_by = None, "", None, ""
        self.root_cause = ""
        self.reopened += 1

    @transition("state", source=list(CASE_LIVE), target=CaseState.WITHDRAWN)
    def withdraw(self) -> None:
        """Its cause has gone away by itself."""
        self.waiting_until, self.waiting_on, self.waiting_event = None, "", ""


class CaseNote(models.Model):
    """What somebody wrote on a case. May name people, so it stays out of the trail, which only says that there is a note."""

    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    author = models.CharField(max_length=160)
    author_name = models.CharField(max_length=160)
    text = models.TextField()
    text_kept = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text="What its reader's language needs where the product wrote it",
    )
    told = models.JSONField(default=list, help_text="The names of those it mentions who were told of it.")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["case", "-at", "-id"], name="casenote_of_case")]

    def __str__(self) -> str:
        return f"note on {self.case_id}"

    @property
    def words(self) -> str:
        """The text, which can be said in another language where the product wrote it."""
        return said_again(self.text, self.text_kept)


class CaseStep(models.Model):
    """A step of the playbook that was done, and what came of it."""

    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="steps")
    index = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=160)
    by_name = models.CharField(max_length=160)
    outcome = models.CharField(max_length=80)
    outcome_kept = models.JSONField(
        default=dict, db_default={}, help_text="What its reader's language needs beside the English outcome"
    )
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["case", "index"], name="casestep_done_once"),
        ]

    def __str__(self) -> str:
        return f"step {self.index} of {self.case_id}"
