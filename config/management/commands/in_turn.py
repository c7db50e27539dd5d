"""Several commands, one process."""

import shlex
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Run one command after the other: for each process of its own, whoever starts the product would wait seconds longer."""

    help = "Run commands one after the other in one process; the first that fails ends it."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to run."""
        parser.add_argument("commands", nargs="+", help="A command with its arguments, quoted as one word.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Until the last, or one that fails."""
        for line in options["commands"]:
            try:
                name, *arguments = shlex.split(line)
            except ValueError as unreadable:
                raise CommandError(f"{line} is no command: {unreadable}.", returncode=2) from None
            call_command(name, *arguments, stdout=self.stdout, stderr=self.stderr)
