"""Real orders through the command `ingest`, their tally held against an oracle: five hundred, or `make bench BENCH=ingest:2000`."""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from time import perf_counter

from django.test import override_settings

from audit import clock
from audit.access import system_actor
from audit.selectors.verification import verify_trail
from audit.services.seals import seal_trail
from tests.benchmarks.bench_orders import copied_out
from tests.benchmarks.table import Table
from tests.cast import furnish
from tests.journeys import real_orders

NOW = datetime(2016, 9, 1, tzinfo=UTC)
BY = system_actor("bench")


def run(size: int = 500) -> Table:
    """Events per second; raises `RuntimeError` naming everything that is not as the oracle says."""
    if not real_orders.DATA.exists():
        return Table("real orders: not on this machine (HANDRAIL_TEST_DATA)", "none")
    with TemporaryDirectory() as data_dir, override_settings(DATA_DIR=data_dir, SIGNING_KEY=""):
        house = furnish(by=BY, now=NOW)
        store = real_orders.open_store(client=house.clients["northwind"], by=BY, now=NOW)
        orders = real_orders.chosen(size)
        started = perf_counter()
        receipts = real_orders.ingest(orders, store=store)
        per_second = receipts.total() / (perf_counter() - started)
        seal_trail(now=clock.now())
        wrong = real_orders.differences(orders, real_orders.receipts_of_files(orders), receipts)
        if not (found := verify_trail()).whole:
            wrong.append(found.findings[0].message)
        if wrong:
            raise RuntimeError("\n".join(wrong))
        agreed = [f"  {what:44} {said:>12,} {here:>14,}" for what, said, here in real_orders.tally(orders)]
        title = f"{len(orders):,} real orders, {receipts.total():,} events through `ingest`"
        heads = f"  {'orders of each kind':44} {'oracle':>12} {'here':>14}"
        table = Table("\n".join([title, heads, *agreed]), "COPY of the events kept, out of the table")
        table.add("read, received, applied, settled", per_second, copied_out())
    return table
