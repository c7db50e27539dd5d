"""The exceptions app."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    """What went wrong, and who is on it."""

    name = "exceptions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs, timers and checks in."""
        from exceptions import registrations  # noqa: F401, PLC0415 -- app ready
