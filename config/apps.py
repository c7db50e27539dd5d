"""The wiring is an app too: it has commands, static files and checks."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    """How it is wired."""

    name = "config"

    def ready(self) -> None:
        """Plug the start-up checks, the ways in to the API and the alerts of the status page in."""
        from config import checks  # noqa: F401, PLC0415 -- app ready
        from config.api import authentication_schemes  # noqa: F401, PLC0415 -- app ready
        from rules import runbooks  # noqa: PLC0415 -- app ready

        runbooks.declare_alert("database", "The database does not answer")
        runbooks.declare_alert("broker", "The broker does not answer")
