"""The people of the back office."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_noop as noop


class Theme(models.TextChoices):
    """Which colours pages have."""

    SYSTEM = "", noop("As my device")
    LIGHT = "light", noop("Light")
    DARK = "dark", noop("Dark")


class Density(models.TextChoices):
    """How much room lists take."""

    COMFORTABLE = "", noop("Comfortable")
    COMPACT = "compact", noop("Compact")


class AfterAct(models.TextChoices):
    """What is shown once something is off one's desk."""

    NEXT = "", noop("The next one in the list")
    LIST = "list", noop("The list")
    STAY = "stay", noop("The one I finished")


class KeyMode(models.TextChoices):
    """Whether single keys do something on pages."""

    SINGLE = "", noop("On")
    ALT = "alt", noop("With Alt")
    OFF = "off", noop("Off")


class User(AbstractUser):
    """A person who signs in. Roles are groups; clients and teams are in `rules`."""

    time_zone = models.CharField(max_length=64, default="Europe/Berlin", help_text="IANA name; times are shown in it.")

    language = models.CharField(
        max_length=10,
        blank=True,
        help_text="Of pages and of what is sent; empty: as the browser asks, letters in English.",
    )

    theme = models.CharField(max_length=10, choices=Theme, blank=True, help_text="Of pages; empty: as the device.")
    density = models.CharField(max_length=10, choices=Density, blank=True, help_text="Of lists; empty: comfortable.")
    after_act = models.CharField(
        max_length=10, choices=AfterAct, blank=True, help_text="What follows a finished exception; empty: the next one."
    )
    key_mode = models.CharField(
        max_length=10, choices=KeyMode, blank=True, help_text="Single keys on pages; empty: they work."
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(key_mode__in=KeyMode.values), name="user_key_mode_is_known"),
            models.CheckConstraint(condition=~models.Q(time_zone=""), name="user_has_a_time_zone"),
            models.CheckConstraint(condition=models.Q(theme__in=Theme.values), name="user_theme_is_known"),
            models.CheckConstraint(condition=models.Q(density__in=Density.values), name="user_density_is_known"),
            models.CheckConstraint(condition=models.Q(after_act__in=AfterAct.values), name="user_after_act_is_known"),
        ]

    @property
    def display_name(self) -> str:
        """The name colleagues read."""
        return self.get_full_name() or self.username
