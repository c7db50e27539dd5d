"""Runbooks: what to do when something fails, owned, in versions of which one is in force, and who has read which."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.models import Accountable
from audit.models.fields import StateField
from audit.triggers import APPEND_ONLY
from audit.words import Said, said
from rules.models.contracts import KeepPublished
from rules.models.owners import Owner
from rules.states import RunbookState


class Runbook(Accountable):
    """A name and an owner, who decides what its next version says."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=120)
    owner = models.ForeignKey(
        Owner, on_delete=models.PROTECT, related_name="runbooks", help_text="Accepts or rejects every change of it"
    )

    def __str__(self) -> str:
        return self.title


def what_solved(case_key: str) -> Said:
    """What the product notes about a version that an exception taught."""
    return said("What solved %(key)s", key=case_key)


class RunbookVersion(FSMModelMixin, Accountable):
    """What a runbook says, as somebody proposed it. The text never changes after that; what comes next is another version.

    `covers` are the things it tells what to do about, as "type:address" (see `rules.runbooks`).
    """

    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    state = StateField(choices=RunbookState.choices, default=RunbookState.PROPOSED)
    body = models.TextField(help_text="Markdown")
    covers = models.JSONField(default=list, blank=True)
    note = models.CharField(max_length=280, help_text="What is new, and why")
    base_number = models.PositiveIntegerField(default=0, help_text="The version it was written from; 0 for the first")
    case_key = models.CharField(max_length=40, blank=True, help_text="The exception that taught it")
    proposed_by = models.CharField(max_length=160)
    proposed_by_name = models.CharField(max_length=160)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=160, blank=True)
    decided_by_name = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    comment = models.CharField(max_length=280, blank=True, help_text="Why it was not taken")

    class Meta(Accountable.Meta):
        triggers: ClassVar = [
            *Accountable.Meta.triggers,
            KeepPublished(
                columns=[
                    *("runbook_id", "number", "body", "covers", "note", "base_number", "case_key"),
                    *("proposed_by", "proposed_by_name", "proposed_at"),
                ],
                published="TRUE",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["runbook", "number"], name="runbookversion_one_per_number"),
            models.UniqueConstraint(
                fields=["runbook"], condition=Q(state=RunbookState.CURRENT), name="runbookversion_one_in_force"
            ),
            models.CheckConstraint(condition=Q(state__in=RunbookState.values), name="runbookversion_state_is_known"),
            models.CheckConstraint(condition=Q(number__gte=1), name="runbookversion_counts_from_one"),
            models.CheckConstraint(condition=~Q(body=""), name="runbookversion_says_something"),
            models.CheckConstraint(
                condition=~Q(state__in=[RunbookState.CURRENT, RunbookState.REPLACED, RunbookState.REJECTED])
                | ~Q(decided_by=F("proposed_by")),
                name="runbookversion_decided_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(state=RunbookState.PROPOSED, decided_at__isnull=True)
                | ~Q(state=RunbookState.PROPOSED) & Q(decided_at__isnull=False),
                name="runbookversion_decided_at_iff_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state=RunbookState.REJECTED) | ~Q(comment=""), name="runbookversion_no_says_why"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["case_key"], condition=~Q(case_key=""), name="runbookversion_of_case"),
        ]

    def __str__(self) -> str:
        return f"{self.runbook} v{self.number}"

    @property
    def why(self) -> str:
        """What is new, and why; in the reader's language where the product wrote it."""
        said_by_us = what_solved(self.case_key)
        return said_by_us if self.note == said_by_us else self.note

    @transition("state", source=RunbookState.PROPOSED, target=RunbookState.CURRENT)
    def accept(self) -> None:
        """It is what to do from now on."""

    @transition("state", source=RunbookState.CURRENT, target=RunbookState.REPLACED)
    def supersede(self) -> None:
        """A newer version says what to do."""

    @transition("state", source=RunbookState.PROPOSED, target=RunbookState.REJECTED)
    def reject(self) -> None:
        """The owner does not take it."""

    @transition("state", source=RunbookState.PROPOSED, target=RunbookState.WITHDRAWN)
    def withdraw(self) -> None:
        """Who proposed it takes it back."""


class RunbookReading(models.Model):
    """Somebody said “I have read it” of one version."""

    version = models.ForeignKey(RunbookVersion, on_delete=models.PROTECT, related_name="readings", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = APPEND_ONLY
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["version", "user"], name="runbookreading_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} read {self.version_id}"
