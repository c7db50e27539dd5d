"""Where products lie."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.models import Accountable
from rules.models import Client


class Location(Accountable):
    """A place of a client from which parcels are sent; units are taken from the nearest first, then by priority."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="locations")
    slug = models.CharField(max_length=80, help_text="What systems call it")
    name = models.CharField(max_length=120, blank=True)
    country = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166; orders for this country are sent from here first"
    )
    priority = models.PositiveSmallIntegerField(default=100, help_text="Of several that are as near, the lowest first")
    is_active = models.BooleanField(default=True, help_text="Nothing is promised from a place that is not active")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["client", "slug"], name="location_one_per_client_and_slug"),
            models.CheckConstraint(
                condition=Q(country="") | Q(country__regex=r"^[A-Z]{2}$"), name="location_country_is_iso"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.slug
