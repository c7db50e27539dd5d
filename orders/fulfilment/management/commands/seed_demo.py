"""Make the demo: three clients, their people and one day of orders. A second run changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

from audit import clock
from orders.fulfilment.management import demo


class Command(BaseCommand):
    """Make the demo."""

    help = "Make the demo: three clients, people for every role, and a day of orders."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, and say who can sign in."""
        del args, options
        made = demo.seed(now=clock.now())
        self.stdout.write(
            f"{made['orders']} orders, {made['cases']} open exceptions. Sign in as (password {demo.DEMO_PASSWORD}):"
        )
        for account in demo.DEMO_ACCOUNTS:
            self.stdout.write(f"  {account.username:<8} {account.what}")
