"""Every promise, and whether anything is without one."""

from collections.abc import Iterator
from typing import Any

from audit.management.report import Report, ReportCommand
from rules import selectors
from rules.rulebook import CompiledBook


class Command(ReportCommand):
    """List what every flow, rule, exception type and SLA target promises; anything without a promise is a finding."""

    help = "List all SLAs of the rule book in force; exit 1 when something has none."

    def report(self, **_: Any) -> Report:
        """One line per thing that must have a deadline, with how soon it is answered where that is promised too."""
        book = selectors.active_book()
        promised = list(_promised(book))
        used = {sla for _, _, sla, _ in promised}
        promised += [("promise", sla.slug, sla.slug, None) for sla in book.slas() if sla.slug not in used]
        items = [
            {
                "kind": kind,
                "slug": slug,
                "sla": sla,
                "response_minutes": response,
                "minutes": book.sla(sla).minutes,
                "basis": book.sla(sla).basis,
                "calendar": book.sla(sla).calendar or "the client's",
            }
            for kind, slug, sla, response in promised
        ]
        blank = [item for item in items if not item["minutes"] or item["response_minutes"] == 0]
        return Report(
            ok=not blank, summary={"rule_book": book.number, "slas": len(items), "blank": len(blank)}, items=items
        )


def _promised(book: CompiledBook) -> Iterator[tuple[str, str, str, int | None]]:
    """What promises: its kind, its slug, the SLA, and the minutes to an answer."""
    yield from (("flow", slug, row["sla"], None) for slug, row in book.document["flows"].items())
    yield from (("rule", row["slug"], row["sla"], None) for row in book.document["rules"])
    yield from (("exception type", one.slug, one.sla, one.acknowledge_within_minutes) for one in book.exception_types())
    yield from (("SLA target", one.slug, one.sla, one.acknowledge_within_minutes) for one in book.targets())
