"""Whether the trail of orders drawn at random is whole."""

import secrets
from argparse import ArgumentParser
from typing import Any

from audit.access import system_actor
from audit.management.report import Report, ReportCommand
from orders.fulfilment.selectors.audit_sample import audit_sample


class Command(ReportCommand):
    """Draw orders at random and name the pieces of their trail that are missing: times, owner, quality checks, entries."""

    help = "Check the whole trail of orders drawn at random; exit 1 when a piece of one is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many, and which draw."""
        super().add_arguments(parser)
        parser.add_argument("--n", type=int, default=10, help="How many orders; 10 unless told.")
        parser.add_argument(
            "--seed", default="", help="The same seed draws the same orders; without one it is made up and printed."
        )

    def report(self, **options: Any) -> Report:
        """One row for each order: pass or fail, and what is missing."""
        seed = options["seed"] or secrets.token_hex(4)
        rows = audit_sample(by=system_actor("audit_sample", channel="command"), n=options["n"], seed=seed)
        items = [
            {
                "order": row.key,
                "client": row.client,
                "result": "pass" if row.passes else "fail",
                "state": row.state,
                "owner": row.owner,
                "checks": row.checks,
                "missing": list(row.missing),
            }
            for row in rows
        ]
        failed = sum(not row.passes for row in rows)
        summary = {"orders": len(rows), "passed": len(rows) - failed, "failed": failed, "seed": seed}
        return Report(ok=not failed, summary=summary, items=items)
