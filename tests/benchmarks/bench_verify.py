"""Verifying the trail: every chain, every seal; beside reading the same rows out of the table with COPY."""

from __future__ import annotations

from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from django.db import connection
from django.test import override_settings

from audit.access import system_actor
from audit.context import acting
from audit.selectors.verification import verify_trail
from audit.services.events import Entry, record_many
from audit.services.seals import seal_trail
from audit.subject_refs import SubjectRef
from tests.benchmarks.table import Table, rate

RECORDS, ROUNDS = 5_000, 20
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
COPY_OUT = "COPY (SELECT * FROM audit_event ORDER BY transaction, id) TO STDOUT"


def run() -> Table:
    """Events per second."""
    table = Table(f"verify_audit, {RECORDS * ROUNDS:,} events of {RECORDS:,} records", "COPY of the same rows")
    with TemporaryDirectory() as data_dir, override_settings(DATA_DIR=data_dir, SIGNING_KEY=""):
        written = rate(_write, rounds=1)
        seal_trail(now=NOW)
        table.add("events recorded", written, rate(_copy_out))
        table.add("chains and seals verified", rate(_verify), rate(_copy_out))
    return table


def _write() -> int:
    subjects = [SubjectRef("audit.actor", str(n)) for n in range(RECORDS)]
    for number in range(ROUNDS):
        with acting(system_actor("bench"), at=NOW):
            record_many([Entry("access.refused", subject, data={"what": f"act {number}"}) for subject in subjects])
    return RECORDS * ROUNDS


def _verify() -> int:
    found = verify_trail()
    if not found.whole:
        raise RuntimeError(found.findings[0].message)
    return found.events


def _copy_out() -> int:
    with connection.cursor() as cursor, cursor.copy(COPY_OUT) as copy:
        return sum(bytes(block).count(b"\n") for block in copy)
