"""The sync app."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """What comes in and goes out."""

    name = "orders.sync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs, timers and checks in."""
        from orders.sync import registrations  # noqa: F401, PLC0415 -- app ready
