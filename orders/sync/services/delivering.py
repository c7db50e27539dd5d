"""Keeping promises: claimed under a lease, sent without holding a transaction, finished only by whoever still holds the claim."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import perf_counter
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from audit.access import system_actor
from audit.canonical import timestamp
from audit.context import acting
from audit.services.events import Entry, record_many
from audit.services.heartbeats import beat
from audit.subject_refs import subject_ref
from audit.traces import Fact, traceparent
from audit.tracing import span
from audit.words import said
from exceptions.services import CaseOpening, open_cases
from orders.sync.models import UNREACHABLE, Attempt, OutboundMessage
from orders.sync.redaction import personal_values
from orders.sync.services import exchanging
from orders.sync.services.exchanging import Answer
from orders.sync.services.retrying import withdraw_delivered
from orders.sync.services.stopping import stop_gone
from orders.sync.services.systems import secrets_in_force
from orders.sync.states import CredentialKind, OutboundState

BATCH = 64
PARALLEL = 8
LEASE = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=10)

SUSPECTS_SECONDS = 20  # how long a run follows up what ended a worker, one by one, before it goes on with the rest
KILLED = "It ended the worker every time it was sent."

# A claim that outlived its worker and every try it had is given up; so is what a lowered limit has overtaken.
EXHAUST = """
    UPDATE sync_outboundmessage m
    SET state = 'dead', given_up_at = %(now)s, lease_until = NULL, fence = m.fence + 1,
        last_error = CASE WHEN m.state = 'sending' OR m.last_error = '' THEN %(killed)s ELSE m.last_error END
    FROM sync_system s
    WHERE s.id = m.system_id AND m.state IN ('pending', 'sending') AND m.attempts >= s.max_attempts + m.more_attempts
      AND (m.lease_until IS NULL OR m.lease_until < %(now)s)
    RETURNING m.id
"""
# What a paused system was being told goes back in line; nothing is held by a worker that is gone.
RELEASE = """
    UPDATE sync_outboundmessage m SET state = 'pending', lease_until = NULL, fence = m.fence + 1
    FROM sync_system s
    WHERE s.id = m.system_id AND m.state = 'sending' AND m.lease_until < %(now)s
      AND NOT (s.is_active AND (s.paused_until IS NULL OR s.paused_until <= %(now)s))
"""
CLAIM = """
    WITH due AS (
        SELECT m.id FROM sync_outboundmessage m JOIN sync_system s ON s.id = m.system_id
        WHERE m.state = %(state)s AND m.due_at <= %(now)s AND (m.lease_until IS NULL OR m.lease_until < %(now)s)
          AND s.is_active AND (s.paused_until IS NULL OR s.paused_until <= %(now)s)
          AND NOT EXISTS (
            SELECT 1 FROM sync_outboundmessage earlier
            WHERE earlier.system_id = m.system_id AND earlier.ordering_key = m.ordering_key
              AND earlier.state IN ('pending', 'sending') AND earlier.number < m.number)
        ORDER BY m.due_at, m.number LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED
    )
    UPDATE sync_outboundmessage m
    SET state = 'sending', lease_until = %(lease)s, fence = m.fence + 1, attempts = m.attempts + 1
    FROM due WHERE m.id = due.id RETURNING m.id
"""
FINISH = """
    UPDATE sync_outboundmessage SET state = %s, sent_at = %s, given_up_at = %s, due_at = %s, last_error = %s, lease_until = NULL
    WHERE id = %s AND fence = %s AND state = 'sending'
"""


def deliver_due(*, now: datetime, limit: int = BATCH, chance: random.Random | None = None) -> int:
    """Send what is due, at most `limit` messages; the number delivered. `chance` is the source of jitter.

    Attempts are counted at the claim, so a message that ends its worker is given up like any other; it is sent alone, so that only it is
    counted out.
    """
    begun = perf_counter()
    _sweep(now)
    delivered = 0
    due = []
    for claimed in _claims(now, limit):
        due += [message.due_at for message in claimed]
        delivered += _deliver(claimed, now, begun, chance or random.Random())  # noqa: S311 -- jitter, not secrecy
    beat(loop="delivery", at=now, oldest_due=min(due, default=None), worked=delivered)
    return delivered


def _sweep(now: datetime) -> None:
    """Put away what was tried often enough by workers that are gone, and free what a paused system holds."""
    with acting(system_actor("delivery"), at=now), connection.cursor() as cursor:
        cursor.execute(RELEASE, {"now": now})
        cursor.execute(EXHAUST, {"now": now, "killed": KILLED})
        ids = [row[0] for row in cursor.fetchall()]
        exhausted = OutboundMessage.objects.filter(pk__in=ids).select_related("system").order_by("number")
        _give_up([(message, message.last_error) for message in exhausted], now)


def _claims(now: datetime, limit: int) -> Iterator[list[OutboundMessage]]:
    """What ended its worker, one at a time and not for long; then the rest at once. Leases count from the claim."""
    begun = perf_counter()
    while perf_counter() - begun < SUSPECTS_SECONDS and (suspect := _claim(now, begun, OutboundState.SENDING, 1)):
        yield suspect
    if waiting := _claim(now, begun, OutboundState.PENDING, limit):
        yield waiting


def _claim(now: datetime, begun: float, state: OutboundState, limit: int) -> list[OutboundMessage]:
    lease = now + timedelta(seconds=perf_counter() - begun) + LEASE
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "lease": lease, "limit": limit, "state": state})
        ids = [row[0] for row in cursor.fetchall()]
    return list(OutboundMessage.objects.filter(pk__in=ids).select_related("system").order_by("number"))


def _deliver(claimed: Sequence[OutboundMessage], now: datetime, begun: float, chance: random.Random) -> int:
    systems = {message.system_id: message.system for message in claimed}
    keys = {
        system_id: secrets_in_force(system=system, kind=CredentialKind.OUTBOUND, now=now)
        for system_id, system in systems.items()
    }
    with exchanging.client() as client, ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(lambda message: _send(client, message, keys[message.system_id], now, begun), claimed))
    return _finish(list(zip(claimed, answers, strict=True)), now, chance)


def _send(
    client: exchanging.Client, message: OutboundMessage, secrets: Sequence[str], now: datetime, begun: float
) -> Answer:
    """Try once, signed with every secret in force (the receiver may still lack the newest), as part of the trace of what it is about."""
    correlation = message.correlation_id or message.key
    facts: dict[str, Fact] = {
        "handrail.system": message.system.slug,
        "handrail.message": message.key,
        "handrail.attempt": message.attempts,
    }
    with span(f"deliver {message.type}", "client", continues=correlation, facts=facts) as attempt:
        body = _body(message)
        headers = {
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "Idempotency-Key": message.key,
            "X-Correlation-Id": correlation,
            "traceparent": attempt.traceparent
            or traceparent(trace=correlation, span=f"{message.key}/{message.attempts}"),
        }
        headers |= exchanging.signed(secrets, message.key, now, body)
        personal = personal_values(message.payload, message.preview)
        sent = perf_counter()
        status, error, head_of = exchanging.exchange(client, message.system.base_url, body, headers, personal)
        answered = perf_counter()
        attempt.note({"http.response.status_code": status} if status else {}, failed=error)
    return Answer(status, error, head_of, round((answered - sent) * 1000), now + timedelta(seconds=answered - begun))


def _body(message: OutboundMessage) -> bytes:
    document = {
        "changetoken": message.number if message.change_token is None else message.change_token,
        "id": message.key,
        "provenance": settings.PUBLIC_URL,
        "type": message.type,
        "timestamp": timestamp(message.created_at),
        "data": message.payload,
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _finish(results: Sequence[tuple[OutboundMessage, Answer]], now: datetime, chance: random.Random) -> int:
    """Write down what came of it; a claim that was taken over meanwhile changes nothing."""
    dead, arrived = [], []
    with acting(system_actor("delivery"), at=now) as by:
        for message, answer in results:
            given_up = not answer.accepted and message.attempts >= message.system.max_attempts + message.more_attempts
            state = OutboundState.SENT if answer.accepted else OutboundState.DEAD if given_up else OutboundState.PENDING
            next_at = now + pause_after(message.attempts, chance)
            with connection.cursor() as cursor:
                sent_at, given_up_at = answer.at if answer.accepted else None, now if given_up else None
                cursor.execute(FINISH, [state, sent_at, given_up_at, next_at, answer.error, message.pk, message.fence])
                if cursor.rowcount == 0:
                    continue
            _write_attempt(message, answer, now, next_at if state == OutboundState.PENDING else None)
            if answer.accepted:
                arrived.append(message)
            if given_up:
                dead.append((message, answer.error))
        stop_gone(system_ids={message.system_id for message, answer in results if answer.is_gone}, now=now)
        _give_up(dead, now)
        withdraw_delivered(arrived, by=by, now=now)
    return len(arrived)


def pause_after(attempts: int, chance: random.Random) -> timedelta:
    """Exponential with full jitter: 5 s, 10 s, 20 s … 10 h, each somewhere in its upper half."""
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return longest * (0.5 + chance.random() / 2)


def _write_attempt(message: OutboundMessage, answer: Answer, now: datetime, next_at: datetime | None) -> None:
    Attempt.objects.create(
        message=message,
        number=message.attempts,
        at=now,
        endpoint=f"POST {urlsplit(message.system.base_url).path or '/'}"[:200],
        status=answer.status,
        duration_ms=answer.duration_ms,
        error=answer.error[:200],
        response_head=answer.head,
        next_at=next_at,
    )


def _give_up(dead: Sequence[tuple[OutboundMessage, str]], now: datetime) -> None:
    record_many(
        [
            Entry("message.given_up", subject_ref(message), data={"key": message.key, "error": error})
            for message, error in dead
        ]
    )
    open_cases(
        openings=[
            CaseOpening(
                UNREACHABLE,
                subject_ref(message.system),
                message.system.slug,
                message.client_id,
                said("%(system)s cannot be reached: %(error)s", system=message.system.name, error=error),
                cause=f"{message.system.slug}/delivery",
                evidence={
                    "system": message.system.slug,
                    "message": message.key,
                    "error": error,
                    "attempts": message.attempts,
                },
            )
            for message, error in dead
        ],
        by=system_actor("delivery"),
        now=now,
    )
