"""Whether anything that should have happened by now has not."""

from argparse import ArgumentParser
from typing import Any

from audit import clock
from audit.access import system_actor
from audit.management.report import Report, ReportCommand
from exceptions import selectors, services


class Command(ReportCommand):
    """List timers that are overdue, and whether the sweeper is alive."""

    help = "List overdue timers and the sweeper's pulse; exit 1 when a promise is broken. --escalate-overdue fires them now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Finding is not yet acting."""
        super().add_arguments(parser)
        parser.add_argument("--escalate-overdue", action="store_true", help="Fire what is overdue before reporting.")
        parser.add_argument(
            "--page", action="store_true", help="Write to the ops leads when steps are no longer taken."
        )

    def report(self, **options: Any) -> Report:
        """Late and failing timers by kind, the most late first."""
        told = services.watch_escalator(now=clock.now()) if options["page"] else False
        fired = 0
        if options["escalate_overdue"]:
            fired = services.escalate_overdue(by=system_actor("verify_timers", channel="command"), now=clock.now())
        health = selectors.timer_health(now=clock.now())
        summary = {
            "running": health.running,
            "overdue": health.overdue,
            "failing": health.failing,
            "fired_now": fired,
            "sweeper_seen_at": health.swept_at,
            "sweeper_alive": health.is_beating,
            "letter_sent": told,
        }
        items = [
            {
                "kind": late.kind,
                "subject": f"{late.subject_type} {late.subject_id}",
                "due_at": late.due_at,
                "late_seconds": late.late_seconds,
                "attempts": late.attempts,
                "last_error": late.last_error,
            }
            for late in health.latest
        ]
        return Report(ok=health.is_well, summary=summary, items=items)
