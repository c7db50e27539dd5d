"""Follow the feed of exports as a system downstream does, and say where each order belongs."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from urllib.parse import urljoin

import httpx2
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orders.sync.sandbox.downstream import Downstream


class Command(BaseCommand):
    """One JSON line for each order, decided from the feed alone: this command asks over HTTP and touches no database."""

    help = "Read the feed of exports over HTTP, with the API token given as input; print where each order belongs."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to ask."""
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="where the product is")

    def handle(self, *args: Any, **options: Any) -> None:
        """To the end of the feed, with the API token from the standard input, where no list of processes shows it.

        Exit 1 when the feed cannot be read, or an export had to be refused.
        """
        del args
        headers = {"Authorization": f"Bearer {sys.stdin.readline().strip()}"}
        with httpx2.Client(headers=headers, timeout=30) as client:

            def ask(address: str) -> Any:
                return client.get(urljoin(options["url"], address)).raise_for_status().json()

            downstream = Downstream(ask)
            try:
                downstream.follow()
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as failure:
                raise CommandError(f"The feed cannot be read: {failure}", returncode=3) from failure
        for routing in downstream.routes.values():
            self.stdout.write(json.dumps(asdict(routing), ensure_ascii=False))
        if downstream.refused:
            raise CommandError("; ".join(f"{export}: {why}" for export, why in downstream.refused))
