"""The one door to the trail."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models

from audit import chain, verbs
from audit.canonical import canonical_json
from audit.context import Actor, acting, current_act
from audit.errors import DomainError, Refused
from audit.identifiers import uuid7
from audit.models import Accountable
from audit.subject_refs import SubjectRef, subject_ref

PERSONAL_KEYS = frozenset(
    {"email", "phone", "name", "first_name", "last_name", "street", "address", "password", "secret"}
)

APPEND = """
    WITH given AS (
        SELECT * FROM unnest(
            %s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::bytea[]
        ) AS g(id, at, type, subject_type, subject_id, client_id, actor, channel, request_id, body, digest)
    ), head AS (
        INSERT INTO audit_chainhead AS h (subject_type, subject_id, seq, digest, hash)
        SELECT subject_type, subject_id, 1, digest, sha256(%s || digest) FROM given ORDER BY subject_type, subject_id
        ON CONFLICT (subject_type, subject_id)
        DO UPDATE SET seq = h.seq + 1, digest = excluded.digest, hash = sha256(h.hash || excluded.digest)
        RETURNING subject_type, subject_id, seq, hash
    )
    INSERT INTO audit_event (id, at, type, subject_type, subject_id, client_id, actor, channel, request_id, body, seq, hash)
    SELECT id, at, type, g.subject_type, g.subject_id, client_id, actor, channel, request_id, body, head.seq, head.hash
    FROM given g JOIN head ON (head.subject_type, head.subject_id) = (g.subject_type, g.subject_id)
"""


@dataclass(frozen=True)
class Entry:
    """One event to record: `changes` maps a field to (before, after)."""

    type: str
    subject: models.Model | SubjectRef
    reason: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def record(
    type: str,  # noqa: A002 -- the event's type
    *,
    subject: models.Model | SubjectRef,
    reason: str = "",
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    **data: Any,
) -> UUID:
    """Append one event to the subject's chain, in the transaction of the change it tells of.

    `changes` defaults to what the subject's last `save()` changed; `data` must be PII-free and exactly JSON (see `audit.canonical`).
    Raises `LookupError` outside `acting()`, `ValueError` for an unregistered type or a personal key, `TypeError` for inexact data.
    """
    if changes is None:
        changes = subject.last_changes() if isinstance(subject, Accountable) else {}
    return record_many([Entry(type, subject, reason, data, changes)])[0]


def record_many(entries: Sequence[Entry]) -> list[UUID]:
    """Append many events in as few statements as the deepest chain among them needs (one, when each subject occurs once)."""
    act = current_act()
    ids = [uuid7() for _ in entries]
    rounds: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    depth: dict[SubjectRef, int] = defaultdict(int)
    for event_id, entry in zip(ids, entries, strict=True):
        subject = subject_ref(entry.subject)
        rounds[depth[subject]].append(_row(event_id, entry, subject, act.by, act.at, entry.reason or act.reason))
        depth[subject] += 1
    with connection.cursor() as cursor:
        for _, rows in sorted(rounds.items()):
            cursor.execute(APPEND, [*(list(column) for column in zip(*rows, strict=True)), chain.GENESIS])
    return ids


def _row(event_id: UUID, entry: Entry, subject: SubjectRef, by: Actor, at: datetime, reason: str) -> tuple[Any, ...]:
    if not verbs.is_registered(entry.type):
        raise ValueError(f"Event type {entry.type!r} has no sentence: register it with audit.verbs.")
    if personal := PERSONAL_KEYS & {*entry.data, *entry.changes}:
        raise ValueError(f"Event {entry.type}: {', '.join(sorted(personal))} would put personal data into the trail.")
    changes = {name: list(pair) for name, pair in entry.changes.items()}
    body = canonical_json({"changes": changes, "data": dict(entry.data), "reason": reason})
    columns: dict[str, Any] = {
        "at": at,
        "type": entry.type,
        "subject_type": subject.type,
        "subject_id": subject.id,
        "client_id": subject.client_id,
        "actor": by.id,
        "channel": by.channel,
        "request_id": by.request_id,
        "body": body,
    }
    digest = chain.digest_of(chain.spell(event_id=event_id, **columns))
    return (event_id, *columns.values(), digest)


def record_refusal(by: Actor, *, error: DomainError, what: str, now: datetime) -> UUID:
    """Keep that something was refused, to whom and why, in a transaction of its own (the refused one is rolled back).

    `what` names the act ("POST /exceptions/EX-7/resolve/"); edges call this for every refusal of permission or scope.
    """
    permission = error.permission if isinstance(error, Refused) else ""
    with acting(by, at=now):
        return record(
            "access.refused",
            subject=SubjectRef("audit.actor", by.id),
            what=what,
            code=error.code,
            permission=permission,
        )
