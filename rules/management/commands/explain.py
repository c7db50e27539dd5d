"""Why something has the owner it has."""

from argparse import ArgumentParser
from typing import Any

from audit.access import system_actor
from audit.errors import NotFound
from audit.management.report import Report, ReportCommand
from audit.words import said
from rules import facts, selectors


class Command(ReportCommand):
    """Print the newest decision about an order: rule, book, inputs, what was asked before and almost matched; what else was decided."""

    help = "Explain who owns an order and why: explain NW-104233"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The key people know the order by."""
        super().add_arguments(parser)
        parser.add_argument("key", help="The order, such as NW-104233")

    def report(self, **options: Any) -> Report:
        """Every decision about the key, newest first; the newest one in full."""
        decisions = list(selectors.decisions_with_key(options["key"], by=system_actor("explain", channel="command")))
        if not decisions:
            raise NotFound(said("Nothing has been decided about %(key)s.", key=options["key"]))
        newest = decisions[0]
        book = selectors.book(newest.book_id)
        outcome = book.decide(newest.context)
        summary = {
            "key": newest.subject_key,
            "owner": newest.outcome["owner"],
            "rule": newest.rule_slug,
            "rule_book": book.number,
            "decided_at": newest.at,
            "flow": newest.outcome["flow"],
            "sla": newest.outcome["sla"],
            "fallback": f"{newest.outcome['fallback']} after {newest.outcome['fallback_after_minutes']} min",
            "undecided": newest.outcome["undecided"],
            "inputs": newest.context,
            "asked_before": list(outcome.path),
            "competing": newest.outcome["competing"],
            "almost": outcome.near_misses_as_json(),
            "more": facts.more_about(newest.subject_key),
            "same_today": outcome.as_json() == newest.outcome,
        }
        earlier = [{"at": row.at, "rule": row.rule_slug, "owner": row.outcome["owner"]} for row in decisions[1:]]
        return Report(ok=bool(summary["same_today"]), summary=summary, items=earlier)

    def as_text(self, report: Report) -> str:
        """As sentences."""
        told = report.summary
        source = f"rule {told['rule']} of rule book v{told['rule_book']}"
        lines = [
            f"{told['key']} is owned by {told['owner']}: {source}, decided {told['decided_at']:%Y-%m-%d %H:%M %Z}.",
            f"  flow {told['flow']}, SLA {told['sla']}, fallback {told['fallback']}",
            "  inputs: " + ", ".join(f"{name} {value!r}" for name, value in told["inputs"].items()),
            *(f"  not {reason}" for reason in told["asked_before"]),
            *(f"  also holds: {slug}" for slug in told["competing"]),
            *(
                f"  almost: {miss['rule']}, had {miss['attribute']} not been {miss['actual']!r} ({miss['term']})"
                for miss in told["almost"]
            ),
        ]
        for one in told["more"]:
            source = ", ".join(filter(None, (one["rule"], one["because"])))
            lines.append(f"  {one['kind']} of {one['about']}: {one['outcome']}{f' ({source})' if source else ''}")
            lines += [f"    not {reason}" for reason in one["asked_before"]]
            lines += [f"    almost: {words}" for words in one["almost"]]
        if told["undecided"]:
            lines.append("  This rule could not be decided, so its fallback owner has it.")
        lines += [f"  before: {row['owner']} by {row['rule']}, {row['at']:%Y-%m-%d %H:%M %Z}" for row in report.items]
        return "\n".join(lines)
