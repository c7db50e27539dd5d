"""Whether everything has exactly one owner who can be reached."""

from typing import Any

from audit.clock import now
from audit.management.report import Report, ReportCommand
from rules import rulebook, selectors


class Command(ReportCommand):
    """Name every place of the rules, frozen and being edited, that leads to nobody."""

    help = "Check that every status, rule, flow and exception type leads to one owner who is there."

    def report(self, **_: Any) -> Report:
        """Findings in what is being edited, and owners of the book in force whom nobody stands in for."""
        at = now()
        book = selectors.active_book()
        editing = rulebook.findings(selectors.document_to_freeze(at=at), at=at)
        items = [{"where": f"next rule book {finding.pointer}", "finding": finding.detail} for finding in editing]
        roster = selectors.roster(at)
        for slug in book.document["owners"]:
            duty = roster.on_duty(slug)
            if duty.pk in roster.away:
                items.append({"where": f"owner {slug}", "finding": "away, and so is every backup"})
            elif not duty.emails and not selectors.people_behind(duty) and duty.kind != "system":
                items.append({"where": f"owner {slug}", "finding": f"{duty.name} has neither people nor an address"})
        summary = {"rule_book": book.number, "owners": len(book.document["owners"]), "gaps": len(items)}
        return Report(ok=not items, summary=summary, items=items)
