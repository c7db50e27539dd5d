"""Whether everything has exactly one owner who can be reached."""

from typing import Any

from audit.access import system_actor
from audit.clock import now
from audit.management.report import Report, ReportCommand
from exceptions import selectors
from rules import rulebook
from rules import selectors as rules


class Command(ReportCommand):
    """Name every place, of the rules and of open work, that leads to nobody."""

    help = "Check that every status, rule, flow, exception type and open item leads to one owner who is there."

    def report(self, **_: Any) -> Report:
        """Findings in what is being edited, owners nobody is behind who still have something, and owners nobody stands in for."""
        at = now()
        book = rules.active_book()
        editing = rulebook.findings(rules.document_to_freeze(at=at), at=at)
        items = [{"where": f"next rule book {finding.pointer}", "finding": finding.detail} for finding in editing]
        gaps = selectors.ownership_gaps(at)
        items += [
            {"where": f"owner {gap.owner.slug}", "finding": f"{gap.owner.name} {gap.found.why.label}: {gap.words}"}
            for gap in gaps
        ]
        named = {gap.owner.slug for gap in gaps}
        roster = rules.roster(at)
        items += [
            {"where": f"owner {slug}", "finding": "away, and so is every backup"}
            for slug in book.document["owners"]
            if slug not in named and roster.on_duty(slug).pk in roster.away
        ]
        summary = {
            "rule_book": book.number,
            "owners": len(book.document["owners"]),
            "gaps": len(items),
            "open_items_in_gaps": sum(gap.open_count for gap in gaps),
            "not_taken_in_time": selectors.untaken_count(at, by=system_actor("check")),
        }
        return Report(ok=not items, summary=summary, items=items)
