"""The people of the back office."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in. Roles are groups; clients and teams are in `rules`."""

    time_zone = models.CharField(max_length=64, default="Europe/Berlin", help_text="IANA name; times are shown in it.")

    language = models.CharField(
        max_length=10,
        blank=True,
        help_text="Of pages and of what is sent; empty: as the browser asks, letters in English.",
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~models.Q(time_zone=""), name="user_has_a_time_zone"),
        ]

    @property
    def display_name(self) -> str:
        """The name colleagues read."""
        return self.get_full_name() or self.username
