"""A call that tests the connection to a system: one signed message that asks for nothing, sent at once, and what came back.

It goes where every message goes, with the same signature, through the same guard; a paused system is called too, for that is when somebody
wants to know. It is told before it is sent and again once it is answered, so that a call nobody heard the end of is in the trail.
"""

import json
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final

from django.conf import settings

from audit.access import require
from audit.canonical import timestamp
from audit.context import Actor, acting
from audit.errors import Conflict
from audit.identifiers import uuid7
from audit.models import Event
from audit.services.events import record
from audit.words import said
from orders.sync import selectors
from orders.sync.models import CONNECTION_TEST, System
from orders.sync.services import exchanging
from orders.sync.services.exchanging import Answer
from orders.sync.services.stopping import PERMISSION
from orders.sync.services.systems import secrets_in_force
from orders.sync.states import CredentialKind

SECONDS_BETWEEN: Final = 30


def call_system(*, slug: str, by: Actor, now: datetime) -> Answer:
    """Call a system, and say what it answered.

    Raises `Refused`, `NotFound`, and `Conflict` for one that has no address or was called less than 30 seconds ago.
    """
    with acting(by, at=now):
        found = selectors.system_called(by, slug)
        require(by, PERMISSION, found)
        system = System.objects.select_for_update(of=("self",)).get(pk=found.pk)
        _refuse_unless_callable(system, now)
        record("system.called", subject=system)
        secrets = secrets_in_force(system=system, kind=CredentialKind.OUTBOUND, now=now)
    answer = _call(system, secrets, now)
    with acting(by, at=answer.at):
        record(
            "system.answered",
            subject=system,
            status=answer.status,
            error=answer.error,
            milliseconds=answer.duration_ms,
            signed=bool(secrets),
        )
    return answer


def _refuse_unless_callable(system: System, now: datetime) -> None:
    if not (system.base_url and system.is_active):
        raise Conflict(said("%(system)s has no address it could be called at, or is switched off.", system=system.name))
    calls = Event.objects.filter(subject_type="sync.system", subject_id=str(system.pk), type="system.called")
    last = calls.order_by("-seq").first()
    if last is not None and now - last.at < timedelta(seconds=SECONDS_BETWEEN):
        raise Conflict(
            said("It was called a moment ago. Wait %(seconds)s seconds between two calls.", seconds=SECONDS_BETWEEN),
            code="too-soon",
        )


def _call(system: System, secrets: list[str], now: datetime) -> Answer:
    key = f"connection-test/{uuid7()}"
    document = {
        "id": key,
        "provenance": settings.PUBLIC_URL,
        "type": CONNECTION_TEST,
        "timestamp": timestamp(now),
        "data": {"says": "Handrail tests the connection. There is nothing to do."},
    }
    body = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    headers = {"Accept-Encoding": "identity", "Content-Type": "application/json", "Idempotency-Key": key}
    sent = perf_counter()
    with exchanging.client() as client:
        status, error, head = exchanging.exchange(
            client, system.base_url, body, headers | exchanging.signed(secrets, key, now, body)
        )
    took = perf_counter() - sent
    return Answer(status, error, head, round(took * 1000), now + timedelta(seconds=took))
