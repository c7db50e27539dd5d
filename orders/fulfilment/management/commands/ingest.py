"""Take in a file of orders through a connector."""

from argparse import ArgumentParser
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError

from audit import clock
from audit.access import system_actor
from audit.management.report import USAGE, Report, ReportCommand
from orders.fulfilment.management.order_files import read_order_files, read_payloads
from orders.fulfilment.services.importing import events_of, install_connectors, left_over, take_in
from orders.fulfilment.shipped import CONNECTORS
from orders.sync.envelopes import Envelope
from orders.sync.errors import Unreadable
from orders.sync.models import System
from orders.sync.services import Receipt
from rules.models import Client

NAMED: Final = 50  # of the refused; all of them are dead letters


class Command(ReportCommand):
    """Take in a file, or a folder of files, of orders."""

    help = "Take in a file of orders: ingest FILE --system SLUG [--connector olist|shopify] [--client SLUG]."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, from whom, for whom, and read how."""
        super().add_arguments(parser)
        parser.add_argument(
            "file",
            type=Path,
            help="a folder of order files (olist) or a JSON file of payloads, a list or one a line (shopify)",
        )
        parser.add_argument("--system", required=True, help="the slug of the system that the file comes from")
        parser.add_argument("--connector", choices=sorted(CONNECTORS), default="olist")
        parser.add_argument("--client", help="the client's slug, where the system serves several")

    def report(self, **options: Any) -> Report:
        """Read, receive, apply; how many events came to which end."""
        system = System.objects.filter(slug=options["system"], is_active=True).first()
        if system is None:
            raise CommandError(
                f"There is no active system {options['system']}. Add it in the admin first.", returncode=USAGE
            )
        client = options["client"] or (system.client.slug if system.client else "")
        if not Client.objects.filter(slug=client, is_active=True).exists():
            raise CommandError(
                f"Name the client the orders are for with --client; “{client}” is none.", returncode=USAGE
            )
        try:
            counts, refused = self._take_in(options["file"], system, client, options["connector"])
        except (OSError, KeyError, ValueError, Unreadable) as unreadable:
            raise CommandError(
                f"{options['file']} cannot be read as {options['connector']}: {unreadable}", returncode=USAGE
            ) from None
        for one in refused:
            self.say(f"{one['dead_letter'] or one['event']}: {one['cause']}")
        return Report(ok=not refused, summary=dict(counts), items=refused, is_partial=bool(counts["accepted"]))

    def as_text(self, report: Report) -> str:
        """How many came to which end."""
        return ", ".join(f"{n} {status}" for status, n in sorted(report.summary.items())) or "nothing to take in"

    def _take_in(
        self, file: Path, system: System, client: str, connector: str
    ) -> tuple[Counter[str], list[dict[str, str]]]:
        by, now = system_actor("ingest", channel="command"), clock.now()
        shipped, source = CONNECTORS[connector], f"/files/{file.name}"
        installed = install_connectors(system=system, shipped=shipped, by=by, now=now)
        read = read_order_files if file.is_dir() else read_payloads

        def events(place: int) -> Iterator[Envelope]:
            records = read(file, client=client)
            if place == len(shipped):
                return left_over(records, shipped, client=client, source=source, now=now)
            return events_of(records, installed[place], when=shipped[place].when, source=source, now=now)

        parts = [*(one.event_type for one in shipped), "not readable"]
        for place in range(len(parts)):  # to the end once: of a file that cannot be read whole, nothing is taken in
            deque(events(place), maxlen=0)
        counts: Counter[str] = Counter()
        refused: list[dict[str, str]] = []
        for place, what in enumerate(parts):
            done = 0
            for receipts in take_in(system=system, events=events(place), by=by, now=now):
                counts.update(receipt.status for receipt in receipts)
                refused += [_refusal(receipt) for receipt in receipts if receipt.status in {"violation", "conflict"}]
                del refused[NAMED:]
                done += len(receipts)
                self.say(f"{what}: {done:,} events")
        return counts, refused


def _refusal(receipt: Receipt) -> dict[str, str]:
    """Where it is kept, and why it was not taken in."""
    first = receipt.violations[0] if receipt.violations else None
    cause = f"{first.pointer}: {first.detail}".removeprefix(": ") if first else "It was sent before with other content."
    return {"event": receipt.event_id, "dead_letter": receipt.key, "cause": cause}
