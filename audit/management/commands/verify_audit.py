"""Is the trail whole?"""

from argparse import ArgumentParser
from dataclasses import asdict
from time import perf_counter
from typing import Any

from audit.management.report import Report, ReportCommand
from audit.selectors.verification import seal_before, verify_trail

SHOWN = 100


class Command(ReportCommand):
    """Read every event once, against its chain, its seal and the checkpoints kept outside."""

    help = "Verify the audit trail; exit 1 and the first broken event of every record concerned when it is not whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to begin."""
        super().add_arguments(parser)
        parser.add_argument(
            "--since", default="", help="A seal's number or an ISO date: trust what was sealed up to there."
        )

    def report(self, **options: Any) -> Report:
        """What was read and what is wrong."""
        begun = perf_counter()
        found = verify_trail(since=seal_before(options["since"]) if options["since"] else None)
        seconds = round(perf_counter() - begun, 2)
        summary = {
            "events": found.events,
            "records": found.records,
            "seals": found.seals,
            "checkpoints": found.checkpoints,
            "not yet sealed": found.unsealed,
            "findings": len(found.findings),
            "seconds": seconds,
            "head": found.head,
        }
        return Report(ok=found.whole, summary=summary, items=[asdict(finding) for finding in found.findings[:SHOWN]])

    def as_text(self, report: Report) -> str:
        """In words."""
        seen = report.summary
        numbers = (
            f"{seen['events']:,} events of {seen['records']:,} records, {seen['seals']:,} seals, "
            f"{seen['checkpoints']:,} checkpoints, {seen['seconds']} s"
        )
        if report.ok:
            return f"The trail is whole: {numbers}; {seen['not yet sealed']:,} events are not sealed yet."
        lines = [f"THE TRAIL IS BROKEN: {seen['findings']} findings in {numbers}."]
        return "\n".join([*lines, *(f"  {item['what']}: {item['message']}" for item in report.items)])
