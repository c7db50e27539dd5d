"""How soon other systems were told, how soon what they tell was applied, and whether that was in time."""

from argparse import ArgumentParser
from typing import Any

from audit import clock
from audit.management.report import Report, ReportCommand, whole
from orders.sync import selectors
from orders.sync.models import System
from orders.sync.promptness import intake_promptness

MOST_HOURS = 31 * 24


class Command(ReportCommand):
    """Print, for each system that is told, how long it took from the event until the system said that it has it."""

    help = "Print how late every system is told, and p95 of what comes in; exit 1 when either is later than promised."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Over how long."""
        super().add_arguments(parser)
        parser.add_argument(
            "--hours", type=whole(1, MOST_HOURS), default=selectors.MEASURED_HOURS, help="how far back to look"
        )

    def report(self, **options: Any) -> Report:
        """One line per system, in seconds."""
        hours = options["hours"]
        systems = System.objects.filter(selectors.IS_TOLD).select_related("owner").order_by("slug")
        lags = selectors.measured_lags(systems, now=clock.now(), hours=hours)
        items = [
            {
                "system": lag.system.slug,
                "owner": lag.system.owner.slug,
                "told": lag.told,
                "p50_seconds": lag.p50,
                "p95_seconds": lag.p95,
                "longest_seconds": lag.longest,
                "too_late": lag.late,
                "waiting": lag.waiting.messages if lag.waiting else 0,
                "is_late": lag.is_late,
            }
            for lag in lags
        ]
        late = sum(lag.is_late for lag in lags)
        allowed = int(selectors.allowed_delay().total_seconds())
        intake = intake_promptness(now=clock.now())
        summary = {
            "systems": len(items),
            "late": late,
            "allowed_seconds": allowed,
            "hours": hours,
            "applied_in_last_hour": intake.done,
            "intake_p95_seconds": intake.within,
            "intake_promised_seconds": intake.promised,
        }
        return Report(ok=not late and not intake.is_late, summary=summary, items=items)
