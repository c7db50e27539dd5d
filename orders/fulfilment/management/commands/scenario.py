"""Send a crowd of orders through the real doors and tell what became of each."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from audit import clock
from audit.management.report import Report, ReportCommand, whole
from orders.fulfilment.management import demo
from orders.fulfilment.management.scenarios import SCENARIOS
from orders.fulfilment.management.scenarios.running import run
from orders.fulfilment.management.scenarios.stacks import stack
from orders.fulfilment.management.scenarios.stories import STORIES
from orders.fulfilment.management.scenarios.telling import tell_stories


class Command(ReportCommand):
    """Run a scenario against the running stack, or one started for it."""

    help = "Run a scenario end to end: hundred-orders, weekend-preorder, returns, splits, reroutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, with which seed, and how long."""
        super().add_arguments(parser)
        parser.add_argument("name", choices=sorted([*SCENARIOS, *STORIES]))
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same orders (default 1)")
        parser.add_argument("--within", type=whole(1, 3600), default=300, help="seconds to wait at most (default 300)")

    def report(self, **options: Any) -> Report:
        """Run it; not well where something did not go as it has to."""
        now = clock.now()
        demo.prepare(now=now)
        name, seed, within = options["name"], options["seed"], timedelta(seconds=options["within"])
        with stack() as running:
            if name in STORIES:
                return Report(**tell_stories(STORIES[name](seed, now), running, within=within, say=self.say))
            return Report(**run(SCENARIOS[name](seed, now), running, within=within, say=self.say))

    def as_text(self, report: Report) -> str:
        """Counts, and a line for each order that people should look at."""
        return "\n".join(_stories(report) if "over" in report.summary else _crowd(report))


def _crowd(report: Report) -> Iterator[str]:
    told = report.summary
    yield (
        f"{told['scenario']}: {told['orders']} orders in, {told['delivered']} delivered, "
        f"{told['exceptions']} exceptions, {told['human_events']} human events, {told['seconds']} s"
    )
    for item in report.items:
        if "exception" in item:
            yield (
                f"  {item['exception']:<9} {item['order']:<11} {item['title'][:60]:<60} {item['owner']:<20} "
                f"due {item['due_at']:%Y-%m-%dT%H:%M}  {item['route']}"
            )
        else:
            yield f"  {item['order']} {item['sku']}: {item['flow']} instead of {item['expected_flow']}"


def _stories(report: Report) -> Iterator[str]:
    told = report.summary
    yield (
        f"{told['scenario']}: {told['orders']} orders in, {told['over']} where they have to be, "
        f"{told['without_owner']} without an owner, {told['seconds']} s"
    )
    for item in report.items:
        end = item["state"] if item["is_over"] else f"{item['state']} instead of {item['ends']}"
        yield f"  {item['order']} {item['story']}: {end}, {item['owner']}"
        yield from (f"    {line}" for line in (*item["happened"], *item["exceptions"]))
