"""Calls that must not wait: who was paged, about what, and with which playbook.

One page stands for everything of one cause that happened within a few minutes: a storm rings once and counts on.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.identifiers import uuid7
from exceptions.models.cases import ExceptionCase
from rules.models import Client, Owner


class Alert(models.Model):
    """One call to one owner; told and delivered as the notification of the same owner, event and moment."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="alerts")
    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="None: of several clients, or of the house.",
    )
    case = models.ForeignKey(
        ExceptionCase,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The first it tells of; its playbook is the link.",
    )
    event = models.CharField(max_length=80)
    type = models.SlugField(db_index=False)
    cause = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField(default=1)
    text = models.CharField(max_length=300)
    url = models.CharField(max_length=200, help_text="The playbook.")
    runbook_url = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        default="",
        help_text="The runbook about its kind, where there is one.",
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(count__gte=1), name="alert_is_about_something"),
            models.CheckConstraint(condition=~Q(url=""), name="alert_says_what_to_do"),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["owner", "-at"], name="alert_of_owner")]

    def __str__(self) -> str:
        return self.text
