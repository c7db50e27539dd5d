"""Frozen rule books, and every decision made with one.

A book is one immutable document; only whether it is the active one ever changes. A decision is only inserted: with the book, the rule,
the inputs and the answer it can be made again at any time, and must come out the same.
"""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7
from audit.models import Accountable
from audit.triggers import APPEND_ONLY
from rules.models.clients import Client
from rules.models.contracts import KeepPublished


class RuleBookVersion(Accountable):
    """Everything the rules said at one moment, as one document."""

    number = models.PositiveIntegerField(unique=True)
    document = models.JSONField()
    sha256 = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()
    frozen_by = models.CharField(max_length=160)
    note = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=False)

    class Meta(Accountable.Meta):
        triggers: ClassVar = [
            *Accountable.Meta.triggers,
            KeepPublished(columns=["number", "document", "sha256", "frozen_at", "frozen_by", "note"], published="TRUE"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="rulebookversion_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"Rule book v{self.number}"


class Decision(models.Model):
    """Which rule decided about a subject, from what, with what answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    subject_key = models.CharField(max_length=80)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    book = models.ForeignKey(RuleBookVersion, on_delete=models.PROTECT, related_name="decisions")
    rule_slug = models.SlugField()
    context = models.JSONField()
    outcome = models.JSONField()
    near_misses = models.JSONField(default=list)

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject_type", "subject_id", "-at", "-id"], name="decision_of_subject_by_time"),
            models.Index(fields=["subject_key", "-at", "-id"], name="decision_of_key_by_time"),
            models.Index(fields=["-at", "-id"], name="decision_by_time"),
            models.Index(fields=["client", "-at", "-id"], name="decision_of_client_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_key}: {self.rule_slug}"
