"""Who may do what in the database."""

from argparse import ArgumentParser
from typing import Any

from audit.management.report import Report, ReportCommand
from audit.services.grants import grant_roles


class Command(ReportCommand):
    """Give the application's and the verifier's roles exactly their rights. Run as the owner, after every migration."""

    help = "Give the application's and the verifier's database roles exactly their rights."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The roles' names, where they are not ours."""
        super().add_arguments(parser)
        parser.add_argument("--app", default="handrail_app")
        parser.add_argument("--verifier", default="handrail_verifier")

    def report(self, **options: Any) -> Report:
        """Which roles were there."""
        roles = grant_roles(app=options["app"], verifier=options["verifier"])
        return Report(ok=True, summary={"roles": ", ".join(roles) or "none besides the owner"})
