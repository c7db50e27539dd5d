"""Run inside a product by `manage.py shell`: a thousand exceptions whose whole ladders fall due at once, beside a hundred orders.

All the while a fifth of the tasks is answered with 500 at first, a fifth is done and not answered, of a fifth everything is told twice, and
of a fifth in the wrong order.
"""

import io
import json
import os
import sys
from datetime import datetime, timedelta
from typing import Any, LiteralString

import httpx2
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from audit import clock, tasks
from audit.access import system_actor
from audit.subject_refs import SubjectRef
from exceptions.services import CaseOpening, open_cases
from orders.fulfilment.management.demo.seeding import prepare
from rules.models import ExceptionType, Sla
from rules.services import freeze_rule_book, save_edited
from tests.faults.ends import ends

CASES, WAVES = 1_000, 10
SUBJECT = "storm.parcel"
FAULTS = ("error_once", "timeout_once", "duplicate", "reorder")
SHARE = 0.2
SEEDS = range(7, 9) if "HANDRAIL_THOROUGH" in os.environ else ()
STEPS = (
    {"to": "backup"},
    {"do": "notify", "to": "owner:logistics"},
    {"do": "page", "to": "owner:ops-team-review"},
    {"to": "owner:ops-team-review"},
)
# They come in waves a second apart; the first after those who kill have woken up.
IN_WAVES: LiteralString = """
    UPDATE exceptions_timer t SET due_at = clock_timestamp() + (2 + c.subject_id::int %% %s) * interval '1 second'
    FROM exceptions_exceptioncase c
    WHERE c.subject_type = %s AND t.subject_id = c.id::text AND t.kind IN ('case.escalate', 'case.breach')
"""


def brew() -> datetime:
    """Open them as if an hour ago, when every step of their ladders and their deadline are due; the moment they are there."""
    by = system_actor("storm", channel="command")
    client = prepare(now=clock.now())[0]["northwind"]
    kind = ExceptionType.objects.get(slug="address")
    kind.sla, kind.acknowledge_within_minutes = Sla.objects.get(slug="vendor-confirmation"), 600
    kind.route_after_minutes = kind.fallback_after_minutes = 600
    kind.ladder = [{"after_minutes": 60, **step} for step in STEPS]
    save_edited(edited=kind, by=by, now=clock.now(), seen=kind.version, reason="a storm")
    freeze_rule_book(by=by, now=clock.now(), note="a storm")
    openings = [
        CaseOpening(
            "address",
            SubjectRef(SUBJECT, str(n), client.pk),
            f"NW-S{n}",
            client.pk,
            f"Parcel {n} cannot be delivered",
            cause="The carrier's list of postcodes is gone",
        )
        for n in range(CASES)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        open_cases(openings=openings, by=by, now=clock.now() - timedelta(hours=1))
        cursor.execute(IN_WAVES, [WAVES, SUBJECT])
    return clock.now()


def play() -> None:
    """Brew a storm, say since when it is there, and send a hundred orders into it; when asked to go on, look at what is left."""
    print(brew().isoformat(), flush=True)
    fail(SHARE)
    call_command("scenario", "hundred-orders", seed=7, within=420, json=True)
    sys.stdout.flush()
    sys.stdin.readline()
    print(json.dumps(ends()), flush=True)
    for seed in SEEDS:
        print(json.dumps([_ends_with(share, seed) for share in (SHARE, 0.0)]), flush=True)
    sys.stdin.readline()
    inspect()


def _ends_with(share: float, seed: int) -> dict[str, Any]:
    fail(share)
    call_command("scenario", "hundred-orders", seed=seed, within=420, json=True, stdout=io.StringIO())
    return ends()


def fail(share: float) -> None:
    """Have so much of what the other systems are asked go wrong in each way."""
    wanted = {"rates": dict.fromkeys(FAULTS, share), "sells": False}
    httpx2.put(f"{settings.SANDBOX_URL}/control", json=wanted, trust_env=False).raise_for_status()


def inspect() -> None:
    """Seal what is not sealed yet; whoever finds anything afterwards ends the process with a status that is not zero."""
    tasks.seal()
    for name in ("check_invariants", "verify_audit", "verify_state"):
        call_command(name)
    call_command(
        "verify_timers", minutes=0
    )  # how late steps were while somebody was killed, the test of the storm says
