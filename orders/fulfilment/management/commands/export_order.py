"""Print the ownership-friendly export of an order, with its audit token."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import clock
from audit.access import system_actor
from audit.errors import DomainError
from orders.fulfilment import selectors
from orders.fulfilment.services.exports import export_order


class Command(BaseCommand):
    """Export one order as JSON."""

    help = "Print the export of an order: owner, flow, rule, SLA, fallback and audit token."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which order."""
        parser.add_argument("key", help="the order's key, such as NW-104233")

    def handle(self, *args: Any, **options: Any) -> None:
        """One JSON document on stdout."""
        del args
        by = system_actor("export", channel="command")
        try:
            order = selectors.order_for(by, options["key"])
            export = export_order(order_id=order.pk, by=by, now=clock.now())
        except DomainError as refused:
            raise CommandError(refused.message, returncode=2) from None
        self.stdout.write(export.text)
