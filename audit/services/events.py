"""The one door to the trail."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models

from audit import chain, verbs
from audit.arrays import bare_array, text_array
from audit.canonical import canonical_json
from audit.context import Act, Actor, acting, current_act
from audit.errors import DomainError, Refused
from audit.identifiers import uuid7_text
from audit.models import Accountable
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import kept

PERSONAL_KEYS = frozenset(
    {"email", "phone", "name", "first_name", "last_name", "street", "address", "password", "secret"}
)

APPEND = """
    WITH given AS (
        SELECT id, type, subject_type, subject_id, client_id, body, decode(digest, 'hex') AS digest
        FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::text[])
            AS g(id, type, subject_type, subject_id, client_id, body, digest)
    ), head AS (
        INSERT INTO audit_chainhead AS h (subject_type, subject_id, seq, digest, hash)
        SELECT subject_type, subject_id, 1, digest, sha256(%s || digest) FROM given ORDER BY subject_type, subject_id
        ON CONFLICT (subject_type, subject_id)
        DO UPDATE SET seq = h.seq + 1, digest = excluded.digest, hash = sha256(h.hash || excluded.digest)
        RETURNING subject_type, subject_id, seq, hash
    )
    INSERT INTO audit_event (id, at, type, subject_type, subject_id, client_id, actor, channel, request_id, body, seq, hash)
    SELECT id, %s, type, g.subject_type, g.subject_id, client_id, %s, %s, %s, body, head.seq, head.hash
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
    return UUID(record_many([Entry(type, subject, reason, data, changes)])[0])


def record_many(entries: Sequence[Entry]) -> list[str]:
    """Append many events in as few statements as the deepest chain among them needs (one, when each subject occurs once); their ids."""
    act = current_act()
    rounds: dict[int, list[_Row]] = defaultdict(list)
    depth: dict[tuple[str, str], int] = defaultdict(int)
    bodies = _Bodies(act.reason)
    ids = []
    for entry in entries:
        subject = subject_ref(entry.subject)
        event_id = uuid7_text()
        ids.append(event_id)
        record_key = (subject.type, subject.id)
        rounds[depth[record_key]].append(_row(event_id, entry.type, subject, bodies.of(entry), act))
        depth[record_key] += 1
    by = act.by
    with connection.cursor() as cursor:
        for _, rows in sorted(rounds.items()):
            cursor.execute(APPEND, [*_columns(rows), chain.GENESIS, act.at, by.id, by.channel, by.request_id])
    return ids


# What differs between the events of one act: id, type, subject (type, id, client), body and digest.
_Row = tuple[str, str, str, str, str | None, str, str]


class _Bodies:
    """Spells what entries say; what many of them share (the same objects) is checked and spelled once."""

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._spelled: dict[tuple[str, str, int, int], str] = {}

    def of(self, entry: Entry) -> str:
        """The body. Raises as `record` does."""
        key = (entry.type, entry.reason, id(entry.data), id(entry.changes))
        if (body := self._spelled.get(key)) is None:
            body = self._spelled[key] = self._spell(entry)
        return body

    def _spell(self, entry: Entry) -> str:
        if not verbs.is_registered(entry.type):
            raise ValueError(f"Event type {entry.type!r} has no sentence: register it with audit.verbs.")
        if personal := PERSONAL_KEYS & {*entry.data, *entry.changes}:
            raise ValueError(
                f"Event {entry.type}: {', '.join(sorted(personal))} would put personal data into the trail."
            )
        changes = {name: list(pair) for name, pair in entry.changes.items()}
        reason = entry.reason or self._reason
        body = {"changes": changes, "data": dict(entry.data), "reason": reason}
        return canonical_json({**body, "words": words} if (words := kept(reason)) else body)


def _row(event_id: str, type: str, subject: SubjectRef, body: str, act: Act) -> _Row:  # noqa: A002 -- the event's type
    client_id = None if subject.client_id is None else str(subject.client_id)
    line = chain.spell(
        event_id=event_id,
        at=act.at,
        type=type,
        subject_type=subject.type,
        subject_id=subject.id,
        client_id=client_id,
        actor=act.by.id,
        channel=act.by.channel,
        request_id=act.by.request_id,
        body=body,
    )
    return (event_id, type, subject.type, subject.id, client_id, body, chain.digest_of(line).hex())


def _columns(rows: Sequence[_Row]) -> list[str]:
    ids, types, subject_types, subject_ids, clients, bodies, digests = zip(*rows, strict=True)
    return [
        bare_array(ids),
        text_array(types),
        text_array(subject_types),
        text_array(subject_ids),
        bare_array(clients),
        text_array(bodies),
        bare_array(digests),
    ]


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
