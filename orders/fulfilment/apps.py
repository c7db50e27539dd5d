"""The fulfilment app."""

from django.apps import AppConfig


class FulfilmentConfig(AppConfig):
    """What is being fulfilled."""

    name = "orders.fulfilment"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Plug this app's verbs, checks and facts in."""
        from orders.fulfilment import registrations  # noqa: F401, PLC0415 -- app ready
