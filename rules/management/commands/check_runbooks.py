"""What nobody has written a runbook about."""

from typing import Any

from audit.management.report import Report, ReportCommand
from rules import selectors


class Command(ReportCommand):
    """List every kind of exception, contract, flow and alert with its runbooks; what has none is a finding."""

    help = (
        "List what there is a runbook about; exit 1 when an alert, a contract, a flow or a kind of exception has none."
    )

    def report(self, **_: Any) -> Report:
        """One line per thing."""
        things = selectors.things()
        found = selectors.runbooks_about(things)
        items: list[dict[str, Any]] = [
            {
                "about": about,
                "title": thing.title,
                "runbooks": [runbook.slug for runbook in found.get(about, ())],
            }
            for about, thing in things.items()
        ]
        without = [item for item in items if not item["runbooks"] and not things[item["about"]].has_own]
        return Report(ok=not without, summary={"things": len(items), "without_runbook": len(without)}, items=items)
