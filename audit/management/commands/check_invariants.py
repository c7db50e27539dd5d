"""Does everything hold that must always hold?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from audit.checks import invariants
from audit.management.report import USAGE, Report, ReportCommand
from audit.selectors.invariants import Outcome, check_all


class Command(ReportCommand):
    """Run every invariant as SQL, each within its time budget; one that was not finished counts as failed."""

    help = "Check every domain invariant; exit 1 when one does not hold or could not be checked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones."""
        super().add_arguments(parser)
        parser.add_argument("ids", nargs="*", help="Only these, e.g. inv-28.")

    def report(self, **options: Any) -> Report:
        """Each with its violations and the first offenders."""
        known = [one.id for one in invariants()]
        if unknown := [name for name in options["ids"] if name not in known]:
            raise CommandError(
                f"There is no invariant {', '.join(unknown)}. There are: {', '.join(known)}.", returncode=USAGE
            )
        outcomes = list(check_all(only=options["ids"]))
        failed = [outcome for outcome in outcomes if not outcome.holds]
        summary = {"invariants": len(outcomes), "failed": len(failed)}
        return Report(ok=bool(outcomes) and not failed, summary=summary, items=[_item(outcome) for outcome in outcomes])


def _item(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "statement": outcome.statement,
        "violations": "unknown" if outcome.violations is None else outcome.violations,
        "offenders": list(outcome.offenders) or outcome.trouble,
        "ms": outcome.milliseconds,
    }
