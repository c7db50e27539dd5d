"""How one event is spelled and chained (format "hr1"; described for strangers in docs/audit-trail.md).

line   = U+001F-joined texts of COLUMNS; absent values are empty; `at` is RFC 3339 UTC with microseconds
digest = SHA-256(UTF-8(line))
hash   = SHA-256(hash of the record's previous event ‖ digest), the first one after 32 zero bytes
"""

import hashlib
from datetime import datetime
from uuid import UUID

from audit.canonical import timestamp

COLUMNS = ("id", "at", "type", "subject_type", "subject_id", "client_id", "actor", "channel", "request_id", "body")
SEPARATOR = "\x1f"
GENESIS = bytes(32)


def spell(
    *,
    event_id: UUID | str,
    at: datetime,
    type: str,  # noqa: A002 -- the column's name
    subject_type: str,
    subject_id: str,
    client_id: UUID | str | None,
    actor: str,
    channel: str,
    request_id: str,
    body: str,
) -> str:
    """The event's line."""
    client = "" if client_id is None else str(client_id)
    return SEPARATOR.join(
        (str(event_id), timestamp(at), type, subject_type, subject_id, client, actor, channel, request_id, body)
    )


def digest_of(line: str) -> bytes:
    """The digest of an event's line."""
    return hashlib.sha256(line.encode()).digest()


def link(previous: bytes, digest: bytes) -> bytes:
    """The hash that binds an event to all before it."""
    return hashlib.sha256(previous + digest).digest()
