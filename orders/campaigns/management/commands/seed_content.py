"""Make the content of the demo. A second run changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

from audit import clock
from orders.campaigns.management import demo


class Command(BaseCommand):
    """Make the content of the demo."""

    help = "Make the content of the demo, after seed_demo: a page that should say something else, a review, a draft."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, and say how much there is."""
        del args, options
        self.stdout.write(f"{demo.seed(now=clock.now())} pieces of content.")
