"""How everything is, for the command line."""

from dataclasses import asdict
from typing import Any

from audit import clock
from audit.management.report import Report, ReportCommand
from config import health


class Command(ReportCommand):
    """Say what the status page and `/status.json` say."""

    help = "Say how every part is, and what waits; exit 1 when a part does not run."
    requires_system_checks = ()

    def report(self, **_: Any) -> Report:
        """One line per part. A database that is away is one of the answers."""
        known = health.status(clock.now())
        summary = {
            "light": known.light,
            "dead_letters": known.dead_letters,
            "open_exceptions": known.open_exceptions,
            "paused_by_hand": known.paused_by_hand,
            "last_seal_at": known.last_seal_at,
            **{f"{queue.name}_waiting": queue.depth for queue in known.queues},
            **{f"{one.work}_p{one.percentile}_seconds": one.within for one in known.promptness},
        }
        items = [asdict(part) for part in known.parts]
        return Report(ok=known.light is not health.Light.RED, summary=summary, items=items)
