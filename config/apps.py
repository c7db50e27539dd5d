"""The wiring is an app too: it has commands, static files and checks."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """How it is wired."""

    name = "config"

    def ready(self) -> None:
        """Plug the start-up checks and the ways in to the API in."""
        from config import checks  # noqa: F401, PLC0415 -- app ready
        from config.api import authentication_schemes  # noqa: F401, PLC0415 -- app ready
