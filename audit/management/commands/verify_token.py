"""Whether an audit token is genuine, and what it says."""

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audit.errors import TokenInvalid
from audit.management.report import Report, ReportCommand
from audit.models import Event
from audit.selectors.tokens import verify_token


class Command(ReportCommand):
    """Check one token with our keys and look its event up."""

    help = "Check an audit token (or a file that holds one); exit 1 when it is not genuine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The token."""
        super().add_arguments(parser)
        parser.add_argument("token", help="The token, or the path of a file that holds it.")

    def report(self, **options: Any) -> Report:
        """Its facts, or why it is not valid."""
        try:
            facts = verify_token(_text_of(options["token"]))
        except TokenInvalid as invalid:
            return Report(ok=False, summary={"valid": False, "why": invalid.message})
        known = Event.objects.filter(pk=facts.event_id, subject_type=facts.subject_type, subject_id=facts.subject_id)
        found = known.exists()
        return Report(ok=found, summary={"valid": True, **asdict(facts), "event_found": found})


def _text_of(given: str) -> str:
    try:
        return Path(given).read_text()
    except (OSError, ValueError):  # no file, or none of text: then it is the token
        return given
