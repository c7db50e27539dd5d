"""Answers kept, so that a request sent twice acts once.

Rows are only inserted, in the transaction of the effect they tell of: an answer exists exactly when its effect does. They are as old as
the effect's record; nothing personal is in an answer that is kept.
"""

from typing import ClassVar

import pgtrigger
from django.db import models

from audit.identifiers import uuid7
from audit.triggers import APPEND_ONLY


class IdempotencyRecord(models.Model):
    """What a caller was answered to a request with this key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    caller = models.CharField(max_length=160)
    key = models.CharField(max_length=128)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotencyrecord_one_answer_per_key"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
