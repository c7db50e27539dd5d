"""Every promise, and whether anything is without one."""

from typing import Any

from audit.management.report import Report, ReportCommand
from rules import selectors


class Command(ReportCommand):
    """List what every flow, rule and exception type promises; anything without a promise is a finding."""

    help = "List all SLAs of the rule book in force; exit 1 when something has none."

    def report(self, **_: Any) -> Report:
        """One line per thing that must have a deadline."""
        book = selectors.active_book()
        promised = [
            *(("flow", slug, row["sla"]) for slug, row in book.document["flows"].items()),
            *(("rule", row["slug"], row["sla"]) for row in book.document["rules"]),
            *(("exception type", slug, row["sla"]) for slug, row in book.document["exception_types"].items()),
        ]
        used = {sla for _, _, sla in promised}
        promised += [("promise", sla.slug, sla.slug) for sla in book.slas() if sla.slug not in used]
        items = [
            {
                "kind": kind,
                "slug": slug,
                "sla": sla,
                "minutes": book.sla(sla).minutes,
                "basis": book.sla(sla).basis,
                "calendar": book.sla(sla).calendar or "the client's",
            }
            for kind, slug, sla in promised
        ]
        blank = [item for item in items if not item["minutes"]]
        return Report(
            ok=not blank, summary={"rule_book": book.number, "slas": len(items), "blank": len(blank)}, items=items
        )
