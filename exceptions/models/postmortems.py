"""Postmortems: what happened, why, and who does what by when so that it does not come again."""

from datetime import date, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Func, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import APPEND_ONLY
from audit.words import said_again
from exceptions.models.cases import ExceptionCase
from exceptions.states import ActionState, PostmortemReason, PostmortemState
from rules.models import Client, Owner
from rules.models.contracts import KeepPublished

POSTMORTEM_PREFIX = "PM-"


class NextPostmortemNumber(Func):
    """The next value of the sequence of keys."""

    template = "nextval('exceptions_postmortem_number')"
    output_field = models.BigIntegerField()


class Postmortem(FSMModelMixin, Accountable):
    """What went wrong once, or for a week; drafted by the product or a person, written by people, and frozen when it is published.

    `timeline` is [{at, exception, actor, event, changes, reason}] from the trail, with `words` where the product gave the reason:
    what it is said again from. `figures` is {ended, mean_minutes, target_minutes} of an average that was too long.
    """

    number = models.BigIntegerField(unique=True, db_default=NextPostmortemNumber(), editable=False)
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="None: of the house, seen by house roles.",
    )
    reason = models.CharField(max_length=10, choices=PostmortemReason)
    type = models.SlugField(db_index=False)
    cause = models.CharField(max_length=200, blank=True)
    state = StateField(choices=PostmortemState.choices, default=PostmortemState.DRAFT)
    title = models.CharField(max_length=200)
    title_words = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        editable=False,
        help_text="What its reader's language needs beside the English title",
    )
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="postmortems")
    since = models.DateTimeField()
    until = models.DateTimeField()
    figures = models.JSONField(default=dict, blank=True)
    timeline = models.JSONField(default=list, blank=True)
    summary = models.TextField(blank=True, help_text="What happened and whom it hurt; Markdown")
    causes = models.TextField(blank=True, help_text="Why it could happen; Markdown")
    drafted_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=160, blank=True)
    ended_by_name = models.CharField(max_length=160, blank=True)
    comment = models.CharField(max_length=280, blank=True, help_text="Why it is not needed")

    class Meta(Accountable.Meta):
        triggers: ClassVar = [
            *Accountable.Meta.triggers,
            KeepPublished(
                columns=[
                    *(
                        "number",
                        "client_id",
                        "reason",
                        "type",
                        "cause",
                        "title",
                        "title_words",
                        "since",
                        "until",
                        "figures",
                        "timeline",
                    ),
                    *("summary", "causes", "drafted_at", "ended_at", "ended_by", "ended_by_name"),
                ],
                published="OLD.state <> 'draft'",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=PostmortemState.values), name="postmortem_state_is_known"),
            models.CheckConstraint(condition=Q(reason__in=PostmortemReason.values), name="postmortem_reason_is_known"),
            models.CheckConstraint(condition=Q(until__gte=models.F("since")), name="postmortem_ends_after_it_begins"),
            models.UniqueConstraint(
                fields=["type", "since"],
                condition=Q(reason=PostmortemReason.AVERAGE),
                name="postmortem_one_per_type_and_week",
            ),
            models.CheckConstraint(
                condition=~Q(state=PostmortemState.PUBLISHED) | ~Q(summary="") & ~Q(causes=""),
                name="postmortem_published_says_what_and_why",
            ),
            models.CheckConstraint(
                condition=~Q(state=PostmortemState.DISMISSED) | ~Q(comment=""), name="postmortem_dismissed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(state=PostmortemState.DRAFT, ended_at__isnull=True)
                | ~Q(state=PostmortemState.DRAFT) & Q(ended_at__isnull=False),
                name="postmortem_ended_at_iff_over",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["type", "cause"], condition=Q(state=PostmortemState.DRAFT), name="postmortem_draft_of_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"

    @property
    def key(self) -> str:
        """What people call it."""
        return f"{POSTMORTEM_PREFIX}{self.number}"

    @property
    def headline(self) -> str:
        """The title, which can be said in another language."""
        return said_again(self.title, self.title_words)

    @property
    def is_draft(self) -> bool:
        """Whether it can still be written."""
        return bool(self.state == PostmortemState.DRAFT)

    @transition("state", source=PostmortemState.DRAFT, target=PostmortemState.PUBLISHED)
    def publish(self, *, at: datetime) -> None:
        """Everybody it is meant for reads it, and it does not change any more."""
        self.ended_at = at

    @transition("state", source=PostmortemState.DRAFT, target=PostmortemState.DISMISSED)
    def dismiss(self, *, at: datetime, comment: str) -> None:
        """There is nothing to learn from it."""
        self.ended_at, self.comment = at, comment


class PostmortemCase(models.Model):
    """An exception a postmortem is about."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.PROTECT, related_name="cases", db_index=False)
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="postmortems")

    class Meta:
        triggers: ClassVar = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["postmortem", "case"], name="postmortemcase_once"),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} in {self.postmortem_id}"


class PostmortemAction(FSMModelMixin, Accountable):
    """What somebody does by a day so that it does not come again. What was agreed never changes; it is done, or dropped with a reason."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.PROTECT, related_name="actions", db_index=False)
    number = models.PositiveIntegerField()
    text = models.CharField(max_length=280)
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="postmortem_actions")
    due_on = models.DateField()
    state = StateField(choices=ActionState.choices, default=ActionState.OPEN)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=160, blank=True)
    ended_by_name = models.CharField(max_length=160, blank=True)
    comment = models.CharField(max_length=280, blank=True, help_text="What came of it, or why it was dropped")

    class Meta(Accountable.Meta):
        triggers: ClassVar = [
            *Accountable.Meta.triggers,
            KeepPublished(columns=["postmortem_id", "number", "text", "due_on"], published="TRUE"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["postmortem", "number"], name="postmortemaction_one_per_number"),
            models.CheckConstraint(condition=Q(state__in=ActionState.values), name="postmortemaction_state_is_known"),
            models.CheckConstraint(condition=~Q(text=""), name="postmortemaction_says_what"),
            models.CheckConstraint(
                condition=Q(state=ActionState.OPEN, ended_at__isnull=True)
                | ~Q(state=ActionState.OPEN) & Q(ended_at__isnull=False),
                name="postmortemaction_ended_at_iff_over",
            ),
            models.CheckConstraint(
                condition=~Q(state=ActionState.DROPPED) | ~Q(comment=""), name="postmortemaction_dropped_says_why"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_on"], condition=Q(state=ActionState.OPEN), name="postmortemaction_open_by_day"),
        ]

    def __str__(self) -> str:
        return self.text

    def is_overdue(self, today: date) -> bool:
        """Whether its day has passed and it is still open."""
        return self.state == ActionState.OPEN and self.due_on < today

    @transition("state", source=ActionState.OPEN, target=ActionState.DONE)
    def finish(self, *, at: datetime, comment: str) -> None:
        """It is done."""
        self.ended_at, self.comment = at, comment

    @transition("state", source=ActionState.OPEN, target=ActionState.DROPPED)
    def drop(self, *, at: datetime, comment: str) -> None:
        """It will not be done, and somebody says why."""
        self.ended_at, self.comment = at, comment
