"""The rules app."""

from django.apps import AppConfig


class RulesConfig(AppConfig):
    """What should happen."""

    name = "rules"
    default_auto_field = "django.db.models.BigAutoField"
