"""Sealing: a signed Merkle root over everything that happened since the seal before, kept outside the database as well."""

import hashlib
import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from audit import checkpoints, signing
from audit.canonical import canonical_json
from audit.chain import GENESIS
from audit.checkpoints import Checkpoint, DatabaseFellBehind
from audit.merkle import RootBuilder
from audit.models import Seal

FIRST = UUID(int=0)
ONE_SEALER = 0x68616E64_7365616C
AT_MOST = 500_000

logger = logging.getLogger(__name__)

LAST_SEAL = """
    SELECT number, total_count, last_transaction, last_event, statement
    FROM (SELECT pg_try_advisory_xact_lock(%s) AS mine) AS lock LEFT JOIN LATERAL (
        SELECT * FROM audit_seal ORDER BY number DESC LIMIT 1
    ) AS seal ON true
    WHERE mine
"""
BELOW_HORIZON = """
    SELECT transaction, id, hash FROM audit_event
    WHERE (transaction, id) > (%s, %s) AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, id LIMIT %s
"""


def seal_trail(*, now: datetime) -> Seal | None:
    """Seal every event of finished transactions since the last seal, and keep the seal outside; None when there was nothing new.

    Events of a transaction that is still open, or that began before one which is, wait for the next seal, so none can slip in behind it.
    Of several sealers at once one seals; the others find nothing to do.
    """
    with transaction.atomic():
        seal = _seal_next(now)
    keep_outside()
    return seal


def keep_outside() -> int:
    """Append to the checkpoint file what it does not hold yet (also what a crash kept from it); how many were new."""
    rows = (
        Seal.objects.filter(number__gte=checkpoints.last_kept()).order_by("number").values_list("number", "statement")
    )
    newest = [Checkpoint(number, statement) for number, statement in rows] or _newest()
    try:
        return checkpoints.keep(newest)
    except DatabaseFellBehind as behind:
        logger.critical("%s Run verify_audit.", behind)
        return 0


def _newest() -> list[Checkpoint]:
    seal = Seal.objects.order_by("-number").first()
    return [Checkpoint(seal.number, seal.statement)] if seal else []


def _seal_next(now: datetime) -> Seal | None:
    with connection.cursor() as cursor:
        cursor.execute(LAST_SEAL, [ONE_SEALER])
        last = cursor.fetchone()
        if last is None:
            return None
        number, total, last_transaction, last_event, statement = last if last[0] else (0, 0, 0, FIRST, "")
        cursor.execute(BELOW_HORIZON, [last_transaction, last_event, AT_MOST])
        builder = RootBuilder()
        for last_transaction, last_event, event_hash in cursor:  # noqa: B007 -- where the seal ends
            builder.add(event_hash)
    if not builder.count:
        return None
    previous = hashlib.sha256(statement.encode()).digest() if statement else GENESIS
    seal = Seal(
        number=number + 1,
        sealed_at=now,
        event_count=builder.count,
        total_count=total + builder.count,
        last_transaction=last_transaction,
        last_event=last_event,
        root=builder.root(),
        previous=previous,
    )
    seal.statement = signing.sign(canonical_json({"iss": settings.PUBLIC_URL, **seal.content()}), kind=signing.SEAL)
    seal.save(force_insert=True)
    return seal
