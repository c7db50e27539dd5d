"""Whom the agency works for, and who of its people works for them."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.models.calendars import Calendar, validate_time_zone
from rules.states import Assignment, LineKind


class Client(Accountable):
    """A client of the agency. Every order, case and waiver belongs to one."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    key_prefix = models.CharField(
        max_length=6,
        unique=True,
        validators=[RegexValidator(r"^[A-Z]{2,6}$", "Two to six capital letters.")],
        help_text="Starts the keys of its orders, such as NW in NW-104233",
    )
    time_zone = models.CharField(max_length=64, validators=[validate_time_zone])
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, validators=[RegexValidator(r"^[A-Z]{3}$", "An ISO 4217 code.")])
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(key_prefix__regex=r"^[A-Z]{2,6}$"), name="client_key_prefix_is_letters"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="client_currency_is_iso"),
        ]

    def __str__(self) -> str:
        return self.name


class ProductLine(Accountable):
    """A brand or product line of a client: which of its orders are narrowed to rules of their own."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="lines")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=LineKind)
    predicate = models.TextField(help_text="A CEL expression over the order: which orders are of it")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["client", "name"], condition=Q(is_active=True), name="productline_one_name_per_client"
            ),
            models.CheckConstraint(condition=Q(kind__in=LineKind.values), name="productline_kind_is_known"),
            models.CheckConstraint(condition=~Q(predicate=""), name="productline_says_what_is_of_it"),
        ]

    def __str__(self) -> str:
        return self.name


class Team(Accountable):
    """People who work one queue together."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    assignment = models.CharField(max_length=12, choices=Assignment, default=Assignment.QUEUE)
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(assignment__in=Assignment.values), name="team_assignment_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(Accountable):
    """A person in a team."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="team_memberships")
    is_lead = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["team", "user"], name="teammember_once_per_team"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class ClientAccess(Accountable):
    """A person who may see a client's records."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="client_accesses")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="accesses")
    is_active = models.BooleanField(default=True)

    class Meta(Accountable.Meta):
        verbose_name_plural = "client accesses"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "client"], name="clientaccess_once_per_client"),
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.client}"
