"""The rules app."""

from django.apps import AppConfig


class RulesConfig(AppConfig):
    """What should happen."""

    name = "rules"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs and checks in."""
        from rules import registrations  # noqa: F401, PLC0415 -- app ready
