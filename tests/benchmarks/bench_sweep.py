"""The sweep of due timers: overdue cases move to their backups among a million timers; beside an UPDATE … SKIP LOCKED of as many."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from tempfile import TemporaryDirectory
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.test import override_settings

from audit.access import system_actor
from audit.context import acting
from audit.selectors.verification import verify_trail
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from config.management.commands.up import WORKER_PROCESSES
from exceptions.models import ExceptionCase
from exceptions.services import open_case, sweep_timers
from exceptions.services.openings import CASE_TYPE
from exceptions.services.timers import BATCH
from tests.benchmarks.table import ROUNDS, Table
from tests.benchmarks.team import Team
from tests.cast import furnish

DUE = int(os.environ.get("HANDRAIL_BENCH_DUE", "100000"))
TIMERS = int(os.environ.get("HANDRAIL_BENCH_TIMERS", "1000000"))
OPENED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ACKNOWLEDGE_BY = OPENED + timedelta(minutes=30)
NOW = OPENED + timedelta(minutes=31)
FLOOR_AT = OPENED + timedelta(days=1)
LATER = OPENED + timedelta(days=2)

# Identifiers in the order of creation, as `uuid7` gives them.
ORDERED_ID = "('01900000-0000-7{series}-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
OWN_VALUES = {
    "id": ORDERED_ID.format(series="000"),
    "number": "nextval('exceptions_case_number')",
    "subject_id": "n::text",
    "subject_key": "'NW-' || n",
    "acknowledge_by": "%s::timestamptz",
}
SET_TIMERS = """
    INSERT INTO exceptions_timer (id, subject_type, subject_id, kind, generation, due_at, payload, attempts, last_error)
    SELECT {id}, %s, coalesce(c.id::text, n::text), %s, 1, %s, '{{}}', 0, ''
    FROM generate_series(1, %s) AS n LEFT JOIN exceptions_exceptioncase c
    ON (c.subject_type, c.subject_id, %s) = ('bench.parcel', n::text, 'exceptions.exceptioncase')
"""
BARE_UPDATE = """
    UPDATE exceptions_timer SET fired_at = %s WHERE id IN (
        SELECT id FROM exceptions_timer WHERE fired_at IS NULL AND cancelled_at IS NULL AND due_at = %s
        ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""
TIMERS_SET = [
    (CASE_TYPE, "case.acknowledge", ACKNOWLEDGE_BY, DUE),
    (CASE_TYPE, "case.escalate", OPENED + timedelta(hours=1), DUE),
    (CASE_TYPE, "case.overrun", LATER, DUE),
    ("bench.parcel", "bench.floor", FLOOR_AT, DUE),
    ("bench.parcel", "bench.later", LATER, max(TIMERS - 4 * DUE, 0)),
]


def run() -> Table:
    """Timers per second, each with its case moved, the case's history, event, next timer and notifications."""
    table = Table(f"escalation sweep, {DUE:,} due of {TIMERS:,} timers", f"UPDATE … SKIP LOCKED, {BATCH:,} at once")
    with TemporaryDirectory() as data_dir, override_settings(DATA_DIR=data_dir, SIGNING_KEY=""):
        _seed()
        share = DUE // (2 * ROUNDS + 2)  # a batch is never cut
        floors = [_measure(table, share, processes) for processes in (1, WORKER_PROCESSES)]
        table.rows.append(replace(table.rows[-1], what="the same, beside one session", floor=floors[0]))
        if not (found := verify_trail()).whole:
            raise RuntimeError(found.findings[0].message)
    return table


def _measure(table: Table, share: int, processes: int) -> float:
    """Add the figure of so many processes beside a floor of as many sessions, which is returned."""
    bare, sweep = partial(_bare, share // 2 // processes), partial(_sweep, share // processes)
    with Team(processes) as team:
        before, swept, after = team.rate(bare), team.rate(sweep), team.rate(bare)
    floor = (before + after) / 2
    table.add(f"escalated, chained, kept, processes: {processes}", swept, floor)
    return floor


def _seed() -> None:
    by = system_actor("benchmark")
    client = furnish(by=by, now=OPENED).clients["northwind"]
    subject = SubjectRef("bench.parcel", "0", client.pk)
    with acting(by, at=OPENED):
        case = open_case(
            type="address",
            subject=subject,
            subject_key="NW-0",
            client_id=client.pk,
            title="The parcel cannot be delivered",
            by=by,
            now=OPENED,
        )
        with connection.cursor() as cursor:
            _copy_case(case, cursor)
            for series, (about, kind, due_at, count) in enumerate(TIMERS_SET, start=1):
                statement = SET_TIMERS.format(id=ORDERED_ID.format(series=f"{series:03}"))
                cursor.execute(statement, [about, kind, due_at, count, about])
        _record_openings(client.pk)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE exceptions_timer, exceptions_exceptioncase, audit_chainhead, audit_event")


def _copy_case(case: ExceptionCase, cursor: CursorWrapper) -> None:
    """The case again and again, each about another parcel."""
    names = [str(field.column) for field in ExceptionCase._meta.concrete_fields if not field.generated]
    values = [OWN_VALUES.get(name, f'"{name}"') for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(
        f"INSERT INTO exceptions_exceptioncase ({columns}) SELECT {', '.join(values)} "  # noqa: S608 -- our own columns
        "FROM exceptions_exceptioncase, generate_series(1, %s) AS n WHERE id = %s",
        [ACKNOWLEDGE_BY, DUE, case.pk],
    )


def _record_openings(client_id: UUID) -> None:
    copies = ExceptionCase.objects.filter(subject_type="bench.parcel").exclude(subject_id="0")
    refs = [SubjectRef(CASE_TYPE, str(case_id), client_id) for case_id in copies.values_list("pk", flat=True)]
    for start in range(0, len(refs), BATCH):
        record_many([Entry("case.opened", ref) for ref in refs[start : start + BATCH]])


def _bare(count: int) -> int:
    """The least that firing can cost: mark them, a batch a transaction."""
    done = 0
    with connection.cursor() as cursor:
        while done < count:
            cursor.execute(BARE_UPDATE, [NOW, FLOOR_AT, min(BATCH, count - done)])
            done += cursor.rowcount
    return done


def _sweep(count: int) -> int:
    done = 0
    while done < count and (fired := sweep_timers(now=NOW)):
        done += fired
    return done
