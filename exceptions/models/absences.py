"""Where the exceptions of somebody who is away went, so that they can come back."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7
from exceptions.models.cases import ExceptionCase
from rules.models import Absence, Owner


class StandIn(models.Model):
    """One exception that went to who stands in because of one absence; written with the move, closed when it is taken back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(ExceptionCase, on_delete=models.PROTECT, related_name="stand_ins")
    absence = models.ForeignKey(Absence, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", help_text="Who was away")
    to = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", help_text="Who stood in")
    at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "at"], condition=Q(taken_back_at=None), name="standin_of_owner")
        ]

    def __str__(self) -> str:
        return f"{self.case_id} with {self.to_id}"
