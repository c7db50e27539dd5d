"""What happens when nothing else did.

Four rules keep this table cheap and right. At most one live timer per subject and kind; setting it again moves it and counts a generation.
A timer fires in the transaction of its effect, so it fires exactly once. Only live rows are indexed for the sweep. The sweep looks; the
broker knocks.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7

LIVE = Q(fired_at__isnull=True, cancelled_at__isnull=True)


class Timer(models.Model):
    """One future step about one subject."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=80)
    kind = models.CharField(max_length=60)
    generation = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField()
    payload = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    fired_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["subject_type", "subject_id", "kind"],
                condition=LIVE,
                name="timer_one_live_per_subject_and_kind",
            ),
            models.CheckConstraint(
                condition=Q(fired_at__isnull=True) | Q(cancelled_at__isnull=True), name="timer_fires_or_is_cancelled"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at", "id"], condition=LIVE, name="timer_due"),
            models.Index(fields=["fired_at"], condition=Q(fired_at__isnull=False), name="timer_fired"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject_type} {self.subject_id} at {self.due_at:%Y-%m-%d %H:%M}"
