"""The exceptions app."""

from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    """What went wrong, and who is on it."""

    name = "exceptions"
    default_auto_field = "django.db.models.BigAutoField"
