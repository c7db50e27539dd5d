"""Whether every decision comes out the same when it is made again, and every record stands where the trail says."""

from argparse import ArgumentParser
from typing import Any

from audit.management.report import Report, ReportCommand
from audit.selectors.folding import fold_all
from rules import selectors
from rules.models import Decision

SAMPLE = 10_000
SHOWN = 100


class Command(ReportCommand):
    """Make the newest decisions (or all) again with their own rule book, and every record's state from its events."""

    help = "Recompute stored decisions, and the state of every record from the trail; exit 1 when one differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much to look at."""
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", help=f"Every decision, not the newest {SAMPLE}.")

    def report(self, **options: Any) -> Report:
        """How many decisions and records were made again, and which differ."""
        decisions = Decision.objects.order_by("-at", "-id")
        results = list(selectors.verify_decisions(decisions if options["all"] else decisions[:SAMPLE]))
        different = [mismatch for mismatch in results if mismatch is not None]
        items = [
            {"key": row.subject_key, "stored": row.stored, "again": row.again, "decision": row.decision_id}
            for row in different[:SHOWN]
        ]
        folded = list(fold_all(shown=SHOWN))
        items += [
            {"key": key, "stored": stored, "again": told, "record": kind.name}
            for kind in folded
            for key, stored, told in kind.first
        ]
        unlike = sum(kind.different for kind in folded)
        summary = {
            "decisions": len(results),
            "different": len(different),
            "records": sum(kind.records for kind in folded),
            "unlike": unlike,
        }
        return Report(ok=not different and not unlike, summary=summary, items=items)
