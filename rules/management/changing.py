"""The one shape of every command that changes what people answer for: a plan first, then the act, by somebody and with a reason."""

import sys
from abc import abstractmethod
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from audit.access import system_actor
from audit.context import Actor
from audit.management.report import USAGE, Report, ReportCommand
from audit.models import User
from rules.selectors import actor_for


def acting_as(username: str, command: str) -> Actor:
    """The person with this name, or the product itself as this command. Raises `CommandError` (2) when there is nobody."""
    if not username:
        return system_actor(command, channel="command")
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is nobody called {username}.", returncode=USAGE)
    return actor_for(user, channel="command")


class ChangeCommand(ReportCommand):
    """Show the plan; do it with `--yes`, or when a person at a terminal agrees. `--dry-run` never does it."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, why, and whether at all."""
        super().add_arguments(parser)
        parser.add_argument("--as", dest="who", default="", help="the username of who does it; else the product itself")
        parser.add_argument("--reason", default="", help="why; kept in the trail, and needed to do it")
        parser.add_argument("--yes", action="store_true", help="do it without asking")
        parser.add_argument("--dry-run", action="store_true", help="show the plan and do nothing")

    def report(self, **options: Any) -> Report:
        """The plan, or what came of it."""
        by = acting_as(options["who"], self.name)
        if options["yes"] and not options["dry_run"]:
            return self.change(by, options)
        plan = self.plan(by, options)
        return self.change(by, options) if self._is_agreed(plan, options) else plan

    def _is_agreed(self, plan: Report, options: dict[str, Any]) -> bool:
        if options["dry_run"] or options["json"] or options["jsonl"] or not sys.stdin.isatty():
            return False
        self.stderr.write(self.as_text(plan))
        return input("Do this? [y/N] ").strip().lower() in {"y", "yes"}

    @abstractmethod
    def plan(self, by: Actor, options: dict[str, Any]) -> Report:
        """What would be done."""

    @abstractmethod
    def change(self, by: Actor, options: dict[str, Any]) -> Report:
        """Do it, and say what came of it."""
