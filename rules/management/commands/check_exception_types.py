"""Every kind of exception with its one next step, and what any of them leaves open."""

from typing import Any

from audit.clock import now
from audit.management.report import Report, ReportCommand
from rules import catalogue, selectors
from rules.rulebook import CompiledBook


class Command(ReportCommand):
    """List the catalogue of the rule book in force; whatever a kind lacks, there or in what is being edited, is a finding."""

    help = "List all kinds of exceptions with owner, service level, next step and fallback; exit 1 when one lacks something."

    def report(self, **_: Any) -> Report:
        """One line per kind, with what it lacks; then what the next rule book would leave open."""
        book = selectors.active_book()
        items = [_item(book, slug) for slug in book.document["exception_types"]]
        editing = catalogue.gaps_in_types(selectors.document_to_freeze(at=now()))
        findings = [{"where": f"next rule book {pointer}", "finding": detail} for pointer, detail in editing]
        findings += [
            {"where": f"rule book {book.number} {pointer}", "finding": detail}
            for pointer, detail in catalogue.gaps_in_types(book.document)
        ]
        missing = [item for item in items if item["missing"]]
        summary = {"rule_book": book.number, "types": len(items), "incomplete": len(missing), "gaps": len(findings)}
        return Report(ok=not missing and not findings, summary=summary, items=[*items, *findings])


def _item(book: CompiledBook, slug: str) -> dict[str, Any]:
    spec = book.exception_type(slug)
    return {
        "type": slug,
        "owner": spec.owner,
        "sla": spec.sla,
        "route": spec.route,
        "after_minutes": spec.route_after_minutes,
        "fallback": spec.fallback,
        "fallback_after_minutes": spec.fallback_after_minutes,
        "missing": catalogue.missing_in(book.document["exception_types"][slug]),
    }
