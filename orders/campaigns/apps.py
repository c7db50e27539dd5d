"""The campaigns app."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """What is published."""

    name = "orders.campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs, timers, checks and subjects in."""
        from orders.campaigns import registrations  # noqa: F401, PLC0415 -- app ready
