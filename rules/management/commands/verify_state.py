"""Whether every stored decision comes out the same when it is made again."""

from argparse import ArgumentParser
from typing import Any

from audit.management.report import Report, ReportCommand
from rules import selectors
from rules.models import Decision

SAMPLE = 10_000
SHOWN = 100


class Command(ReportCommand):
    """Make the newest decisions (or all) again, each with the rule book it was made with."""

    help = "Re-evaluate stored decisions with their own rule book; exit 1 when one differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much to look at."""
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help=f"Every decision, not the newest {SAMPLE}.")

    def report(self, **options: Any) -> Report:
        """How many were made again and which differ."""
        decisions = Decision.objects.order_by("-at", "-id")
        results = list(selectors.verify_decisions(decisions if options["all"] else decisions[:SAMPLE]))
        different = [mismatch for mismatch in results if mismatch is not None]
        items = [
            {"key": row.subject_key, "stored": row.stored, "again": row.again, "decision": row.decision_id}
            for row in different[:SHOWN]
        ]
        return Report(ok=not different, summary={"decisions": len(results), "different": len(different)}, items=items)
