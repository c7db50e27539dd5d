"""The fulfilment app."""

from django.apps import AppConfig


class FulfilmentConfig(AppConfig):
    """What is being fulfilled."""

    name = "orders.fulfilment"
    default_auto_field = "django.db.models.BigAutoField"
