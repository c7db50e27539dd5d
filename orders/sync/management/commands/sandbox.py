"""Run the sandbox systems."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from audit.management.report import whole
from orders.sync.sandbox import Sandbox


class Command(BaseCommand):
    """A warehouse, vendors, carriers, a CRM and billing that answer, confirm and fail on demand; no database."""

    help = "Run the sandbox systems in the foreground."
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--port", type=whole(1, 65535), default=8001)

    def handle(self, *_: Any, **options: Any) -> None:
        """Until told to stop."""
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        sandbox = Sandbox(
            port=options["port"],
            key=settings.SECRET_KEY,
            reply_to=f"{settings.PUBLIC_URL}/api/v1/events",
            journal=settings.DATA_DIR / "sandbox" / "journal.db",
            sells=settings.DEMO,
        )
        sandbox.start()
        self.stdout.write(f"sandbox systems at {sandbox.url}")
        ended.wait()
        sandbox.stop()
