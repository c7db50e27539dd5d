"""Eleven and a half thousand real orders as they happened, held against an oracle; beside reading the events they made with COPY."""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import TemporaryDirectory
from time import perf_counter

from django.db import connection
from django.test import override_settings

from audit import clock
from audit.access import system_actor
from audit.selectors.verification import verify_trail
from audit.services.seals import seal_trail
from tests.benchmarks.table import Table
from tests.cast import furnish
from tests.journeys import real_orders

NOW = datetime(2016, 9, 1, tzinfo=UTC)
BY = system_actor("bench")
COPY_OUT = "COPY (SELECT * FROM sync_inboundevent) TO STDOUT"


def run(size: int = 0) -> Table:
    """All of them, or so many. Events per second; raises `RuntimeError` naming everything that is not as the oracle says."""
    if not real_orders.DATA.exists():
        return Table("real orders: not on this machine (HANDRAIL_TEST_DATA)", "none")
    with TemporaryDirectory() as data_dir, override_settings(DATA_DIR=data_dir, SIGNING_KEY=""):
        house = furnish(by=BY, now=NOW)
        store = real_orders.open_store(client=house.clients["northwind"], by=BY, now=NOW)
        orders = real_orders.chosen(size)
        arrivals = real_orders.stream(orders, store=store, by=BY)
        started = perf_counter()
        receipts = real_orders.replay(arrivals, store=store, by=BY, until=clock.now())
        per_second = len(arrivals) / (perf_counter() - started)
        seal_trail(now=clock.now())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        wrong = real_orders.differences(orders, real_orders.receipts_of(arrivals), receipts)
        if not (found := verify_trail()).whole:
            wrong.append(found.findings[0].message)
        if wrong:
            raise RuntimeError("\n".join(wrong))
        agreed = (
            f"{len(orders):,} orders, {len(arrivals):,} events: ends, moments, instants and people as the oracle says"
        )
        table = Table(f"real orders on their own clock; {agreed}", "COPY of the events kept, out of the table")
        table.add("received, applied, settled", per_second, copied_out())
    return table


def copied_out() -> float:
    """Events per second, read out of their table."""
    started, events = perf_counter(), 0
    with connection.cursor() as cursor, cursor.copy(COPY_OUT) as copy:
        events = sum(bytes(block).count(b"\n") for block in copy)
    return events / (perf_counter() - started)
