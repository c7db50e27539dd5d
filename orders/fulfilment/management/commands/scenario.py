"""Send a crowd of orders through the real doors and tell what became of each."""

import json
import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from audit import clock
from orders.fulfilment.management import demo
from orders.fulfilment.management.scenarios import SCENARIOS
from orders.fulfilment.management.scenarios.running import run
from orders.fulfilment.management.scenarios.stacks import stack
from orders.fulfilment.management.scenarios.stories import STORIES
from orders.fulfilment.management.scenarios.telling import tell_stories


class Command(BaseCommand):
    """Run a scenario against the running stack, or one started for it."""

    help = "Run a scenario end to end: hundred-orders, weekend-preorder, returns, splits, reroutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, with which seed, how long, and how to tell."""
        parser.add_argument("name", choices=sorted([*SCENARIOS, *STORIES]))
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same orders (default 1)")
        parser.add_argument("--within", type=int, default=300, help="seconds to wait at most (default 300)")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, report, and exit 1 where it did not go as it has to."""
        del args
        now = clock.now()
        demo.prepare(now=now)
        name, seed, within = options["name"], options["seed"], timedelta(seconds=options["within"])
        with stack() as running:
            if name in STORIES:
                report = tell_stories(STORIES[name](seed, now), running, within=within, say=self.stderr.write)
            else:
                report = run(SCENARIOS[name](seed, now), running, within=within, say=self.stderr.write)
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._print(report)
        if not report["ok"]:
            sys.exit(1)

    def _print(self, report: dict[str, Any]) -> None:
        summary = report["summary"]
        if "over" in summary:
            self._print_stories(report)
            return
        self.stdout.write(
            f"{summary['scenario']}: {summary['orders']} orders in, {summary['delivered']} delivered, "
            f"{summary['exceptions']} exceptions, {summary['human_events']} human events, {summary['seconds']} s"
        )
        for item in report["items"]:
            if "exception" in item:
                self.stdout.write(
                    f"  {item['exception']:<9} {item['order']:<11} {item['title'][:60]:<60} {item['owner']:<20} "
                    f"due {item['due_at'][:16]}  {item['route']}"
                )
            else:
                self.stdout.write(f"  {item['order']} {item['sku']}: {item['flow']} instead of {item['expected_flow']}")

    def _print_stories(self, report: dict[str, Any]) -> None:
        summary = report["summary"]
        self.stdout.write(
            f"{summary['scenario']}: {summary['orders']} orders in, {summary['over']} where they have to be, "
            f"{summary['without_owner']} without an owner, {summary['seconds']} s"
        )
        for item in report["items"]:
            end = item["state"] if item["is_over"] else f"{item['state']} instead of {item['ends']}"
            self.stdout.write(f"  {item['order']} {item['story']}: {end}, {item['owner']}")
            for line in (*item["happened"], *item["exceptions"]):
                self.stdout.write(f"    {line}")
