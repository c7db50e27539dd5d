"""The audit app."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """What happened, provably."""

    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs and checks in."""
        from audit import registrations  # noqa: F401, PLC0415 -- app ready
