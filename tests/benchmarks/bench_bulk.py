"""Acts on many exceptions: a thousand resolved and a thousand reassigned by a job; beside an UPDATE of as many rows of the same table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

from django.db import connection, transaction
from django.test import override_settings

from audit.access import system_actor
from audit.context import Actor
from audit.selectors.verification import verify_trail
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase, Job
from exceptions.services import CaseOpening, open_cases, plan_chosen, resolve_case, start_job, work_jobs
from exceptions.services.job_work import BATCH
from exceptions.states import JobState
from tests.benchmarks.table import ROUNDS, Table, rate
from tests.cast import House, furnish

CASES = int(os.environ.get("HANDRAIL_BENCH_BULK", "1000"))
SINGLES = max(CASES // 10, 1)
OPENED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOW = OPENED + timedelta(minutes=5)
RESOLVED = {"outcome": "resolved", "root_cause": "carrier"}
REASSIGNED = {"to": "ops-team-review", "reason": "The carrier desk has it"}

# The same rows and indexes without what makes them accountable: no trigger, no history, no event, no timer.
BARE = """
    CREATE TABLE bench_case (LIKE exceptions_exceptioncase INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES);
    INSERT INTO bench_case ({columns}) SELECT {columns} FROM exceptions_exceptioncase
"""
BARE_RESOLVE = """
    UPDATE bench_case SET state = 'resolved', outcome = 'resolved', root_cause = 'carrier', resolved_at = %s, version = version + 1
    WHERE id IN (SELECT id FROM bench_case WHERE state = 'open' LIMIT %s)
"""


def run() -> Table:
    """Exceptions per second, each with version checked, history, event, timers and who has to be told."""
    floor = f"UPDATE of the same rows, {BATCH} a transaction"
    table = Table(f"acts on {CASES:,} exceptions at once, {BATCH} a transaction", floor)
    with TemporaryDirectory() as data_dir, override_settings(DATA_DIR=data_dir, SIGNING_KEY=""):
        house, cases = _seed()
        lee = house.actor("lee")
        parts = [cases[start : start + CASES] for start in range(0, len(cases), CASES)]
        resolved, reassigned, singly = iter(parts[:ROUNDS]), iter(parts[ROUNDS : 2 * ROUNDS]), iter(parts[2 * ROUNDS :])
        before = rate(_bare)
        together = rate(lambda: _job("resolve", next(resolved), RESOLVED, lee))
        moved = rate(lambda: _job("reassign", next(reassigned), REASSIGNED, lee))
        alone = rate(lambda: _singly(next(singly)[:SINGLES], lee), rounds=1)
        floor_rate = (before + rate(_bare)) / 2
        table.add("resolved by a job", together, floor_rate)
        table.add("reassigned by a job", moved, floor_rate)
        table.add(f"resolved one by one ({SINGLES:,})", alone, floor_rate)
        if not (found := verify_trail()).whole:
            raise RuntimeError(found.findings[0].message)
    return table


def _seed() -> tuple[House, list[ExceptionCase]]:
    by = system_actor("benchmark")
    house = furnish(by=by, now=OPENED)
    client = house.clients["northwind"].pk
    openings = [
        CaseOpening(
            "carrier-rejection", SubjectRef("bench.parcel", str(n), client), f"NW-{n}", client, "The carrier said no"
        )
        for n in range(CASES * (2 * ROUNDS + 1))
    ]
    cases = open_cases(openings=openings, by=by, now=OPENED)
    columns = ", ".join(f'"{one.column}"' for one in ExceptionCase._meta.concrete_fields if not one.generated)
    with connection.cursor() as cursor:
        cursor.execute(BARE.format(columns=columns))
        cursor.execute("ANALYZE")
    return house, cases


def _bare() -> int:
    """The least it can cost."""
    done = 0
    while done < CASES:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BARE_RESOLVE, [NOW, min(BATCH, CASES - done)])
            done += cursor.rowcount
    return done


def _job(action: str, cases: Sequence[ExceptionCase], given: dict[str, str], by: Actor) -> int:
    """From the plan to the last record."""
    plan = plan_chosen(action=action, numbers=[case.number for case in cases], by=by, now=NOW)
    job = start_job(plan_id=plan.pk, given=given, by=by, now=NOW)
    while work_jobs(now=NOW):
        continue
    ended = Job.objects.select_related("work").get(pk=job.pk)
    if (ended.state, ended.work.done) != (JobState.DONE, len(cases)):
        raise RuntimeError(f"{ended.key} is {ended.state} with {ended.work.done} of {len(cases)} done")
    return len(cases)


def _singly(cases: Sequence[ExceptionCase], by: Actor) -> int:
    for case in cases:
        resolve_case(case_id=case.pk, outcome=RESOLVED["outcome"], root_cause=RESOLVED["root_cause"], by=by, now=NOW)
    return len(cases)
