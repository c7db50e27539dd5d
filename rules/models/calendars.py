"""Business calendars and the promises measured in them."""

from typing import ClassVar
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.states import SlaBasis, Weekday


def validate_time_zone(name: str) -> None:
    """Refuse a time zone that the IANA database does not know."""
    if name not in available_timezones():
        raise ValidationError(f"{name} is not an IANA time zone, such as Europe/Berlin.")


class Calendar(Accountable):
    """Opening hours in one time zone; public holidays of a country are added when a rule book is frozen."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone], help_text="IANA name")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code whose public holidays are closed")
    subdivision = models.CharField(max_length=10, blank=True, help_text="State or region, where holidays differ")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class OpeningHours(Accountable):
    """One shift of one weekday. Closing at or before opening means the next day; the same time means 24 hours."""

    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday)
    opens = models.TimeField()
    closes = models.TimeField()
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        verbose_name_plural = "opening hours"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["calendar", "weekday", "opens"],
                condition=Q(is_active=True),
                name="openinghours_one_shift_per_start",
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="openinghours_weekday_exists"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M} to {self.closes:%H:%M}"


class Holiday(Accountable):
    """A day on which no shift opens, beside the public holidays."""

    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="holidays")
    on = models.DateField()
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["calendar", "on"], condition=Q(is_active=True), name="holiday_once_per_calendar"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on} {self.name}"


class Sla(Accountable):
    """A promise: how long something may take, by the wall clock or in business hours."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    minutes = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    basis = models.CharField(max_length=10, choices=SlaBasis)
    calendar = models.ForeignKey(
        Calendar,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the calendar of the client",
    )
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        verbose_name = "SLA"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(minutes__gte=1), name="sla_takes_time"),
            models.CheckConstraint(condition=Q(basis__in=SlaBasis.values), name="sla_basis_is_known"),
        ]

    def __str__(self) -> str:
        return self.name
