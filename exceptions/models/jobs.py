"""Acts on many records: what was planned, the job that does exactly that, and what came of each.

A plan is a draft: a frozen list that is forgotten when nobody confirms it. A job is a record: who wanted what, and how it ended. Its items
are the queue, one row for each record, written once when the batch they are in is done; `JobWork` is the only row that changes with every
batch, so that the job's history says what happened to the job and nothing else.
"""

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Func, Q
from django_fsm import FSMModelMixin, transition

from audit.identifiers import uuid7
from audit.models import Accountable, LeasedWork
from audit.models.fields import StateField
from audit.words import kept, said_again
from exceptions.states import JOB_LIVE, ItemState, JobState

JOB_PREFIX = "JOB-"


class NextJobNumber(Func):
    """The next value of the sequence of keys."""

    template = "nextval('exceptions_job_number')"
    output_field = models.BigIntegerField()


class JobPlan(models.Model):
    """Exactly which records an act is for, at the versions that were looked at, until it is confirmed or forgotten.

    `items` is [{id, key, client, seen, given}] in the order of work; `barred` is [{key, why, kept}] of those the act cannot be done on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    kind = models.SlugField(db_index=False)
    actor = models.CharField(max_length=160)
    items = models.JSONField()
    barred = models.JSONField(default=list)
    asked = models.JSONField(default=dict, db_default={}, help_text="{list, query}: all of that list; {job}: its rest.")
    undoes = models.ForeignKey("Job", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    job = models.OneToOneField("Job", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["actor", "at"], name="jobplan_of_actor")]

    def __str__(self) -> str:
        return f"plan of {self.kind} for {len(self.items)}"

    @property
    def stay(self) -> list[tuple[str, str]]:
        """The keys of those the act cannot be done on, each with why."""
        return [(one["key"], said_again(one["why"], one.get("kept", {}))) for one in self.barred]


class Job(FSMModelMixin, Accountable):
    """One act on many records, wanted by one person or program, done in batches whoever is signed in by then."""

    number = models.BigIntegerField(unique=True, db_default=NextJobNumber(), editable=False)
    kind = models.SlugField(db_index=False)
    state = StateField(choices=JobState.choices, default=JobState.QUEUED)
    actor = models.CharField(max_length=160)
    actor_name = models.CharField(max_length=160)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    request_id = models.CharField(max_length=80, blank=True)
    total = models.PositiveIntegerField()
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=300, blank=True, help_text="Why it was stopped before its end.")
    why_kept = models.JSONField(
        default=dict, db_default={}, editable=False, help_text="What its reader's language needs beside the English why"
    )
    undoes = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="undone_by")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_is_known"),
            models.CheckConstraint(condition=Q(total__gte=1), name="job_is_about_something"),
            models.CheckConstraint(
                condition=Q(state__in=JOB_LIVE, finished_at__isnull=True)
                | ~Q(state__in=JOB_LIVE) & Q(finished_at__isnull=False),
                name="job_finished_at_iff_over",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["actor", "-number"], name="job_of_actor"),
            models.Index(fields=["number"], condition=Q(state__in=JOB_LIVE), name="job_live"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{JOB_PREFIX}{self.number}"

    @property
    def is_live(self) -> bool:
        """Whether there is still something to come."""
        return self.state in JOB_LIVE

    @transition("state", source=JobState.QUEUED, target=JobState.RUNNING)
    def start(self, *, at: datetime) -> None:
        """Its first batch is at hand."""
        self.started_at = at

    @transition("state", source=JobState.RUNNING, target=JobState.DONE)
    def finish(self, *, at: datetime) -> None:
        """Every record has its result."""
        self.finished_at = at

    @transition("state", source=list(JOB_LIVE), target=JobState.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        """Somebody wants no more of it; what is done stays done."""
        self.finished_at = at

    @transition("state", source=list(JOB_LIVE), target=JobState.FAILED)
    def fail(self, *, at: datetime, why: str) -> None:
        """It cannot go on; what is done stays done."""
        self.finished_at, self.why, self.why_kept = at, why[:300], kept(why)


class JobWork(LeasedWork):
    """The job as a queue entry: what it was given, who works on it until when, and how far it is."""

    job = models.OneToOneField(Job, on_delete=models.PROTECT, primary_key=True, related_name="work")
    given = models.JSONField(default=dict, help_text="What was filled in: to whom, why, which outcome.")
    asked = models.JSONField(
        default=dict, db_default={}, help_text="The plan it came from: {list, query} or {job}, planned_at, barred."
    )
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    last_batch_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.worked} worked"

    @property
    def worked(self) -> int:
        """How many have their result."""
        return self.done + self.skipped + self.refused

    @property
    def left(self) -> int:
        """How many have none yet."""
        return self.job.total - self.worked

    @property
    def percent(self) -> int:
        """The share that has its result, rounded down: only the end is 100."""
        return 100 * self.worked // self.job.total

    @property
    def per_second(self) -> float:
        """How fast it went so far; 0 before there is anything to say."""
        spent = self._spent()
        return self.worked / spent.total_seconds() if self.worked and spent else 0.0

    @property
    def time_left(self) -> timedelta | None:
        """How long the rest takes at this speed; None before there is anything to say."""
        return timedelta(seconds=self.left / self.per_second) if self.per_second and self.job.is_live else None

    def _spent(self) -> timedelta:
        until = self.job.finished_at or self.last_batch_at
        return until - self.job.started_at if until and self.job.started_at else timedelta()


class JobItem(models.Model):
    """One record of a job, and what came of it. `version` is the record's after the act, `undo` what taking it back needs to know."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="items", db_index=False)
    position = models.PositiveIntegerField()
    subject_id = models.CharField(max_length=80)
    key = models.CharField(max_length=80)
    client_id = models.UUIDField(null=True)
    seen = models.PositiveIntegerField(null=True)
    given = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ItemState, default=ItemState.PENDING)
    why = models.CharField(max_length=400, blank=True)
    why_kept = models.JSONField(
        default=dict, db_default={}, help_text="What its reader's language needs beside the English why"
    )
    version = models.PositiveIntegerField(null=True)
    undo = models.JSONField(null=True)
    at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["job", "position"], name="jobitem_one_per_position"),
            models.UniqueConstraint(fields=["job", "subject_id"], name="jobitem_one_per_record"),
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="jobitem_state_is_known"),
            models.CheckConstraint(
                condition=Q(state=ItemState.PENDING, at__isnull=True)
                | ~Q(state=ItemState.PENDING) & Q(at__isnull=False),
                name="jobitem_has_a_time_iff_worked",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["job", "state", "position"], name="jobitem_in_state"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.state}"
