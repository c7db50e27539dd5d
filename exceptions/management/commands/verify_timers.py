"""Whether anything that should have happened by now has not."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from audit import clock
from audit.management.report import Report, ReportCommand, whole
from exceptions import selectors, services
from rules.management.changing import acting_as

MOST_MINUTES = 7 * 24 * 60


class Command(ReportCommand):
    """List timers that are overdue, how late those were that fired, and whether the sweeper is alive."""

    help = "List overdue timers, how late they fire and the sweeper's pulse; exit 1 when a promise is broken. --escalate-overdue fires."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Finding is not yet acting."""
        super().add_arguments(parser)
        parser.add_argument(
            "--minutes",
            type=whole(1, MOST_MINUTES),
            default=60,
            help="How far back to look at how late steps were taken (60).",
        )
        parser.add_argument("--escalate-overdue", action="store_true", help="Fire what is overdue before reporting.")
        parser.add_argument("--as", dest="who", default="", help="who fires it; else the product itself")
        parser.add_argument(
            "--page", action="store_true", help="Write to the ops leads when steps are no longer taken."
        )

    def report(self, **options: Any) -> Report:
        """Late and failing timers by kind, the most late first."""
        since = timedelta(minutes=options["minutes"])
        prompt = selectors.timer_promptness(
            now=clock.now(), over=since
        )  # before those are fired that are late in any case
        told = services.watch_escalator(now=clock.now()) if options["page"] else False
        fired = 0
        if options["escalate_overdue"]:
            fired = services.escalate_overdue(by=acting_as(options["who"], self.name), now=clock.now())
        health = selectors.timer_health(now=clock.now())
        summary = {
            "running": health.running,
            "overdue": health.overdue,
            "failing": health.failing,
            "fired_now": fired,
            "sweeper_seen_at": health.swept_at,
            "sweeper_alive": health.is_beating,
            "letter_sent": told,
            "minutes": options["minutes"],
            "fired": prompt.done,
            "p99_late_seconds": prompt.within,
            "promised_seconds": prompt.promised,
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
        return Report(ok=health.is_well and not prompt.is_late, summary=summary, items=items)
