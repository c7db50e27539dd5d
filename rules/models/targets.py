"""Which promise holds for which exceptions, where it is another than that of their type."""

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.models.calendars import Sla
from rules.models.clients import Client
from rules.models.routing import ExceptionType
from rules.states import Severity


class SlaTarget(Accountable):
    """Until when exceptions are answered and resolved; what is left empty means any. Of several that fit, the one that names most wins."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    type = models.ForeignKey(
        ExceptionType, on_delete=models.PROTECT, null=True, blank=True, related_name="targets", help_text="Empty: any"
    )
    severity = models.CharField(max_length=2, choices=Severity, blank=True, help_text="Empty: any")
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: any"
    )
    acknowledge_within_minutes = models.PositiveIntegerField(
        validators=[MinValueValidator(1)], help_text="The response, on the same clock as the resolution"
    )
    sla = models.ForeignKey(Sla, on_delete=models.PROTECT, related_name="+", help_text="The resolution, and its clock")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        verbose_name = "SLA target"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["type", "severity", "client"],
                condition=Q(is_active=True),
                nulls_distinct=False,
                name="slatarget_one_for_the_same",
                violation_error_message="There is a target for the same type, severity and client already.",
            ),
            models.CheckConstraint(
                condition=Q(severity="") | Q(severity__in=Severity.values), name="slatarget_severity_is_known"
            ),
            models.CheckConstraint(
                condition=Q(acknowledge_within_minutes__gte=1), name="slatarget_acknowledging_takes_time"
            ),
            models.CheckConstraint(
                condition=Q(type__isnull=False) | ~Q(severity="") | Q(client__isnull=False),
                name="slatarget_names_something",
            ),
        ]

    def __str__(self) -> str:
        return self.name
