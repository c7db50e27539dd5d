"""How many exceptions people dealt with, and how long they lasted."""

from argparse import ArgumentParser
from typing import Any

from audit import clock
from audit.access import system_actor
from audit.management.report import Report, ReportCommand
from exceptions import selectors


class Command(ReportCommand):
    """Count exceptions and time-limited exceptions of a period, with how long those that ended lasted on average."""

    help = "Count exceptions and time-limited exceptions, with their average duration, over the last 28 days or the days given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Both days are counted."""
        super().add_arguments(parser)
        parser.add_argument("--since", default="", help="The first day (UTC), like 2026-11-01.")
        parser.add_argument("--until", default="", help="The last day (UTC).")

    def report(self, **options: Any) -> Report:
        """One line per exception type and gate."""
        by = system_actor("count_exceptions", channel="command")
        since, until = selectors.period({name: options[name] for name in ("since", "until")}, now=clock.now())
        found = selectors.accounts(by=by, since=since, until=until)
        items = [
            {
                "what": what,
                "kind": one.kind,
                "began": one.began,
                "ended": one.ended,
                "mean_minutes": one.mean_minutes,
                "target_minutes": one.target_minutes,
            }
            for what, rows in (("exception", found.exceptions), ("time-limited exception", found.time_limited))
            for one in rows
        ]
        both = found.all_exceptions, found.all_time_limited
        summary = {
            "since": since,
            "until": until,
            **{f"{name}_{what}": getattr(one, what) for name, one in zip(NAMES, both, strict=True) for what in COUNTED},
        }
        return Report(ok=True, summary=summary, items=items)


NAMES = ("exceptions", "time_limited")
COUNTED = ("began", "ended", "mean_minutes")
