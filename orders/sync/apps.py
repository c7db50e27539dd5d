"""The sync app."""

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """What comes in and goes out."""

    name = "orders.sync"
    default_auto_field = "django.db.models.BigAutoField"
