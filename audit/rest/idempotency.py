"""One effect per key: the answer is kept in the transaction of the effect, so both exist or neither does."""

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any, Final

from django.db import connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from audit import clock
from audit.context import Actor
from audit.models import IdempotencyRecord
from audit.rest.parsing import read_body
from audit.rest.problems import Demand

SHORTEST: Final = 16
LONGEST: Final = 128
KEPT_HEADERS: Final = ("ETag", "Location")


def once(request: Request, by: Actor, effect: Callable[[], Response], *, shown_once: Collection[str] = ()) -> Response:
    """The answer of `effect`, or of the request that had this key before; `shown_once` names secrets in it that are not kept.

    Raises `Demand` for a missing key, one whose first request is still running, and one that belongs to another request. A refused
    request leaves nothing, so the corrected one may carry the same key.
    """
    key = _key(request)
    fingerprint = _fingerprint(request)
    with transaction.atomic():
        _take(by, key)
        kept = IdempotencyRecord.objects.filter(caller=by.id, key=key).first()
        if kept is None:
            return _keep(effect(), by=by, key=key, fingerprint=fingerprint, shown_once=shown_once)
    if kept.request_hash != fingerprint:
        raise Demand(
            "This Idempotency-Key belongs to another request. Use a new key for a new act.",
            code="idempotency-key-reused",
        )
    return Response(json.loads(kept.body), status=kept.status, headers={**kept.headers, "Idempotency-Replayed": "true"})


def _key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip().strip('"')
    if not (SHORTEST <= len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise Demand(
            f"Send an Idempotency-Key header of {SHORTEST} to {LONGEST} printable characters.",
            code="idempotency-key-missing",
        )
    return key


def _fingerprint(request: Request) -> str:
    told = "\n".join([request.method or "", request.path, request.headers.get("If-Match", ""), ""])
    return hashlib.sha256(told.encode() + read_body(request)).hexdigest()


def _take(by: Actor, key: str) -> None:
    """Hold the key until the transaction ends; whoever comes meanwhile is told to wait, not made to."""
    name = hashlib.sha256(f"{by.id}\n{key}".encode()).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
        (taken,) = cursor.fetchone()
    if not taken:
        raise Demand("A request with this Idempotency-Key is still being worked on.", code="still-running")


def _keep(response: Response, *, by: Actor, key: str, fingerprint: str, shown_once: Collection[str]) -> Response:
    told = {**response.data, **dict.fromkeys(shown_once)} if shown_once else response.data
    body: Any = json.dumps(told, cls=JSONEncoder, separators=(",", ":"), ensure_ascii=False)
    IdempotencyRecord.objects.create(
        caller=by.id,
        key=key,
        request_hash=fingerprint,
        status=response.status_code,
        headers={name: response[name] for name in KEPT_HEADERS if name in response},
        body=body,
        at=clock.now(),
    )
    return response
