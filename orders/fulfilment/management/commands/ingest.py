"""Take in a file of orders through a connector."""

import json
import sys
from argparse import ArgumentParser
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import clock
from audit.access import system_actor
from orders.fulfilment.management.order_files import read_order_files, read_payloads
from orders.fulfilment.services.importing import events_of, install_connectors, take_in
from orders.fulfilment.shipped import CONNECTORS
from orders.sync.envelopes import Envelope
from orders.sync.errors import Unreadable
from orders.sync.models import System
from rules.models import Client


class Command(BaseCommand):
    """Take in a file, or a folder of files, of orders."""

    help = "Take in a file of orders: ingest FILE --system SLUG [--connector olist|shopify] [--client SLUG]."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, from whom, for whom, and read how."""
        parser.add_argument(
            "file",
            type=Path,
            help="a folder of order files (olist) or a JSON file of payloads, a list or one a line (shopify)",
        )
        parser.add_argument("--system", required=True, help="the slug of the system that the file comes from")
        parser.add_argument("--connector", choices=sorted(CONNECTORS), default="olist")
        parser.add_argument("--client", help="the client's slug, where the system serves several")
        parser.add_argument("--json", action="store_true", help="one JSON document on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, receive, apply; exit 1 when something was refused, 4 when only a part was taken in."""
        del args
        system = System.objects.filter(slug=options["system"], is_active=True).first()
        if system is None:
            raise CommandError(
                f"There is no active system {options['system']}. Add it in the admin first.", returncode=2
            )
        client = options["client"] or (system.client.slug if system.client else "")
        if not Client.objects.filter(slug=client, is_active=True).exists():
            raise CommandError(f"Name the client the orders are for with --client; “{client}” is none.", returncode=2)
        try:
            counts = self._take_in(options["file"], system, client, options["connector"])
        except (OSError, KeyError, ValueError, Unreadable) as unreadable:
            raise CommandError(
                f"{options['file']} cannot be read as {options['connector']}: {unreadable}", returncode=2
            ) from None
        self._report(counts, as_json=options["json"])

    def _take_in(self, file: Path, system: System, client: str, connector: str) -> Counter[str]:
        by, now = system_actor("ingest", channel="command"), clock.now()
        shipped = CONNECTORS[connector]
        installed = install_connectors(system=system, shipped=shipped, by=by, now=now)

        def events(place: int) -> Iterator[Envelope]:
            read = read_order_files if file.is_dir() else read_payloads
            records, when = read(file, client=client), shipped[place].when
            return events_of(records, installed[place], when=when, source=f"/files/{file.name}", now=now)

        for place in range(len(shipped)):  # to the end once: of a file that cannot be read whole, nothing is taken in
            deque(events(place), maxlen=0)
        counts: Counter[str] = Counter()
        for place, one in enumerate(shipped):
            done = 0
            for batch in take_in(system=system, events=events(place), by=by, now=now):
                counts += batch
                done += batch.total()
                self.stderr.write(f"{one.event_type}: {done:,} events")
        return counts

    def _report(self, counts: Counter[str], *, as_json: bool) -> None:
        refused = counts["violation"] + counts["conflict"]
        if as_json:
            document = {
                "schema": "ops.ingest/1",
                "ok": not refused,
                "generated_at": clock.now().isoformat(),
                "summary": dict(counts),
                "items": [],
            }
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self.stdout.write(
                ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "nothing to take in"
            )
        if refused:
            sys.exit(4 if counts["accepted"] else 1)
