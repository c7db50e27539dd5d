"""Checking the trail on request, and keeping in the trail itself that it was checked and what was found."""

import logging
from datetime import datetime
from time import perf_counter

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Invalid
from audit.models import Seal
from audit.selectors.proof import BROKEN, TRAIL, WHOLE, runs
from audit.selectors.verification import Verification, verify_trail
from audit.services.events import record
from audit.words import said

MOST_WHILE_SOMEBODY_WAITS = 1_000_000
FINDINGS_KEPT = 20

logger = logging.getLogger(__name__)


def verify_now(*, by: Actor, now: datetime, from_start: bool = False) -> Verification:
    """Check what came since the last sound check, or everything, and record the result.

    Raises `Refused`, and `Invalid` when there is more to read than somebody can wait for.
    """
    require(by, "audit.verify")
    since = None if from_start else _last_sound_seal(by)
    _refuse_too_much(since)
    begun = perf_counter()
    found = verify_trail(since=since)
    milliseconds = round((perf_counter() - begun) * 1_000)
    if not found.whole:
        logger.critical("The audit trail is broken: %s", found.findings[0].message)
    with acting(by, at=now):
        record(
            WHOLE if found.whole else BROKEN,
            subject=TRAIL,
            events=found.events,
            records=found.records,
            checkpoints=found.checkpoints,
            unsealed=found.unsealed,
            from_seal=found.since_seal,
            to_seal=found.last_seal,
            findings=len(found.findings),
            first=[finding.message for finding in found.findings[:FINDINGS_KEPT]],
            head=found.head,
            milliseconds=milliseconds,
        )
    return found


def _last_sound_seal(by: Actor) -> Seal | None:
    last = next(iter(runs(by=by, most=1)), None)
    return Seal.objects.filter(number=last.to_seal).first() if last and last.whole else None


def _refuse_too_much(since: Seal | None) -> None:
    newest = Seal.objects.order_by("-number").first()
    waiting = (newest.total_count if newest else 0) - (since.total_count if since else 0)
    if waiting > MOST_WHILE_SOMEBODY_WAITS:
        raise Invalid(
            said(
                "%(waiting)s events are too many to wait for here. Run manage.py verify_audit on the server.",
                waiting=f"{waiting:,}",
            )
        )
