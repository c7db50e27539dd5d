"""Is the trail whole? One pass over every event in sealing order, each against its chain and each batch against its seal.

The pass follows (transaction, id), the order in which events were written and sealed, so it reads the table as it lies on disk. A record's
events may be a little out of their chain's order there (a transaction that began earlier may append later); those wait in `astray`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from audit import checkpoints, signing
from audit.canonical import canonical_json
from audit.chain import GENESIS
from audit.errors import Invalid
from audit.merkle import RootBuilder
from audit.models import Seal
from audit.subject_refs import SubjectRef
from audit.texts import whole_number
from audit.words import said

# One event as text: `audit.chain.spell`, said in SQL; the digest is taken here, by other hands than the database's.
LINE = r"""
    convert_to(id || E'\x1f' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\x1f' || type
    || E'\x1f' || subject_type || E'\x1f' || subject_id || E'\x1f' || coalesce(client_id::text, '')
    || E'\x1f' || actor || E'\x1f' || channel || E'\x1f' || request_id
    || E'\x1f' || body, 'UTF8')
"""
EVENTS = sql.SQL(
    "COPY (SELECT transaction, seq, hash, subject_type || E'\\x1f' || subject_id, " + LINE + " FROM audit_event"  # noqa: S608 -- constants
    " WHERE (transaction, id) > ({transaction}, {event}) ORDER BY transaction, id) TO STDOUT (FORMAT binary)"
)
EVENT_TYPES = ["int8", "int8", "bytea", "text", "bytea"]
HEADS_SINCE = """
    SELECT subject_type || E'\\x1f' || subject_id, p.seq, p.hash
    FROM (
        SELECT subject_type, subject_id, min(seq) - 1 AS seq FROM audit_event WHERE (transaction, id) > (%s, %s)
        GROUP BY subject_type, subject_id
    ) AS f JOIN audit_event p USING (subject_type, subject_id, seq)
"""
HEADS = "COPY (SELECT subject_type || E'\\x1f' || subject_id, seq, hash FROM audit_chainhead) TO STDOUT (FORMAT binary)"
START = (0, UUID(int=0))
CHAIN = "SELECT seq, hash, " + LINE + " FROM audit_event WHERE subject_type = %s AND subject_id = %s"  # noqa: S608 -- constants
CHAIN_END = "SELECT seq, hash FROM audit_chainhead WHERE subject_type = %s AND subject_id = %s"
AFTER_SEAL = (
    "SELECT count(*) FROM audit_event WHERE subject_type = %s AND subject_id = %s AND (transaction, id) > (%s, %s)"
)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was recorded: `what` is a fixed word, `message` a sentence; `seq` is the place in the record's chain."""

    what: str
    message: str
    subject: str = ""
    seq: int | None = None
    event: str = ""
    seal: int | None = None


@dataclass
class Verification:
    """What a pass saw and what was wrong, worst first: events, then chain ends, then seals and checkpoints."""

    events: int = 0
    records: int = 0
    seals: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    since_seal: int = 0
    last_seal: int = 0
    head: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing was wrong."""
        return not self.findings


class Link(NamedTuple):
    """One event as it lies in the table."""

    seq: int
    hash: bytes
    digest: bytes
    event: str


def verify_trail(*, since: Seal | None = None) -> Verification:
    """Check chains, chain ends, seals and checkpoints; `since` leaves out what that seal already covers.

    Reads one snapshot, takes no lock. Memory is one entry per record; time is that of reading the table once.
    """
    outside = checkpoints.kept()  # read before the snapshot: a seal made while this reads is in neither
    with transaction.atomic():
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        result = Verification(checkpoints=len(outside), since_seal=since.number if since else 0)
        seals = list(Seal.objects.order_by("number"))
        sealing = list(_seal_findings(seals))
        batches = _Batches(seals, since)
        ends = _walk(result, batches, since)
        result.findings += batches.findings
        result.findings += _end_findings(ends, result.findings, partial=since is not None)
        result.findings += [*sealing, *_checkpoint_findings(outside, seals)]
    result.seals, result.last_seal = len(seals), seals[-1].number if seals else 0
    result.head = hashlib.sha256(seals[-1].statement.encode()).hexdigest() if seals else ""
    return result


def verify_chain(subject: SubjectRef) -> Verification:
    """Check one record's chain and its end, now; `unsealed` are its events that no seal covers yet."""
    seal, names = Seal.objects.order_by("-number").first(), [subject.type, subject.id]
    sealed_to = (seal.last_transaction, seal.last_event) if seal else START
    with connection.cursor() as cursor:
        cursor.execute(CHAIN, names)
        links = [
            Link(seq, bytes(event_hash), hashlib.sha256(line).digest(), bytes(line[:36]).decode())
            for seq, event_hash, line in cursor
        ]
        cursor.execute(CHAIN_END, names)
        head = cursor.fetchone()
        cursor.execute(AFTER_SEAL, [*names, *sealed_to])
        (unsealed,) = cursor.fetchone()
    key = "\x1f".join(names)
    ends, astray = {key: (0, GENESIS)}, {key: links}
    _catch_up(key, ends, astray)
    end = ends[key]
    findings = [_break(key, end, left) for left in astray.values()] or list(_end_finding(key, end, head))
    return Verification(len(links), 1, unsealed=unsealed, head=end[1].hex(), findings=findings)


def _walk(result: Verification, batches: "_Batches", since: Seal | None) -> dict[str, tuple[int, bytes]]:
    """The pass itself; the end of every record's chain as far as it is sound."""
    start = (since.last_transaction, since.last_event) if since else START
    ends: dict[str, tuple[int, bytes]] = _ends_before(start) if since else {}
    astray: dict[str, list[Link]] = {}
    sha256, beginning = hashlib.sha256, (0, GENESIS)
    for transaction_id, seq, event_hash, key, line in _events_after(start):
        result.events += 1
        if transaction_id >= batches.boundary:
            batches.pass_boundary(transaction_id, line)
        batches.add(event_hash)
        end = ends.get(key, beginning)
        digest = sha256(line).digest()
        if seq == end[0] + 1 and sha256(end[1] + digest).digest() == event_hash:
            ends[key] = (seq, event_hash)
            if astray and key in astray:
                _catch_up(key, ends, astray)
        else:
            astray.setdefault(key, []).append(Link(seq, event_hash, digest, line[:36].decode()))
    batches.finish()
    result.unsealed = batches.open
    result.records = len(ends.keys() | astray.keys())
    result.findings += [_break(key, ends.get(key, beginning), links) for key, links in astray.items()]
    return ends


def _events_after(start: tuple[int, UUID]) -> Iterator[Any]:
    statement = EVENTS.format(transaction=sql.Literal(start[0]), event=sql.Literal(start[1]))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(EVENT_TYPES)
        yield from copy.rows()


def _ends_before(start: tuple[int, UUID]) -> dict[str, tuple[int, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(HEADS_SINCE, start)
        return {key: (seq, bytes(event_hash)) for key, seq, event_hash in cursor}


def _catch_up(key: str, ends: dict[str, tuple[int, bytes]], astray: dict[str, list[Link]]) -> None:
    """Append what waited for the event that has just come."""
    waiting = sorted(astray.pop(key))
    while waiting and _follows(waiting[0], ends[key]):
        link = waiting.pop(0)
        ends[key] = (link.seq, link.hash)
    if waiting:
        astray[key] = waiting


def _follows(link: Link, end: tuple[int, bytes]) -> bool:
    return link.seq == end[0] + 1 and _links_from(link, end)


def _links_from(link: Link, end: tuple[int, bytes]) -> bool:
    return hashlib.sha256(end[1] + link.digest).digest() == link.hash


def _break(key: str, end: tuple[int, bytes], links: list[Link]) -> Finding:
    """What is wrong at the first place where a record's chain does not go on."""
    subject, expected = _readable(key), end[0] + 1
    first = min(links)
    if first.seq > expected:
        gone = f"event {expected} is" if first.seq == expected + 1 else f"events {expected} to {first.seq - 1} are"
        return Finding("missing event", f"{subject}: {gone} missing.", subject, expected, first.event)
    if first.seq < expected:
        text = f"{subject}: an event was inserted as number {first.seq}."
        return Finding("inserted event", text, subject, first.seq, first.event)
    if any(_links_from(link, end) for link in links):
        if not any(_links_from(first, (link.seq, link.hash)) for link in links):
            text = f"{subject}: an event was inserted as number {expected}."
            return Finding("inserted event", text, subject, expected, first.event)
        text = f"{subject}: events stand in another order than recorded, from number {expected} on."
        return Finding("wrong order", text, subject, expected, first.event)
    text = f"{subject}: event {expected} is not what was recorded."
    return Finding("changed event", text, subject, expected, first.event)


def _end_findings(ends: dict[str, tuple[int, bytes]], known: Iterable[Finding], *, partial: bool) -> Iterator[Finding]:
    """Where the record of a chain's end disagrees with its last event; a record already named is not named twice."""
    named = {finding.subject for finding in known}
    seen = set()
    with connection.cursor() as cursor, cursor.copy(HEADS) as copy:
        copy.set_types(["text", "int8", "bytea"])
        for key, seq, head_hash in copy.rows():
            seen.add(key)
            end = ends.get(key)
            if not (partial and end is None) and _readable(key) not in named:
                yield from _end_finding(key, end or (0, b""), (seq, head_hash))
    for key in ends.keys() - seen:
        yield from _end_finding(key, ends[key], None)


def _end_finding(key: str, end: tuple[int, bytes], head: tuple[int, bytes] | None) -> Iterator[Finding]:
    """Whether what is kept as the chain's end fits its last sound event."""
    subject, last = _readable(key), end[0]
    if head is None and last:
        yield Finding("missing chain end", f"{subject}: the chain's end was removed.", subject)
    elif head and head[0] > last:
        yield Finding("truncated tail", f"{subject}: the events after number {last} are missing.", subject, last + 1)
    elif head and (head[0], bytes(head[1])) != end:
        yield Finding("changed chain end", f"{subject}: the chain's end does not fit event {last}.", subject, last)


def _readable(key: str) -> str:
    return key.replace("\x1f", " ")


class _Batches:
    """Closes one Merkle tree after the other as the pass goes by the ends of seals."""

    def __init__(self, seals: list[Seal], since: Seal | None) -> None:
        self._numbers = {seal.number for seal in seals}
        self._coming = iter([seal for seal in seals if since is None or seal.number > since.number])
        self.findings: list[Finding] = []
        self._next()

    @property
    def open(self) -> int:
        """Events after the last seal."""
        return self._tree.count if self._seal is None else 0

    def add(self, event_hash: bytes) -> None:
        """One more event of the batch under way."""
        if self._seal is not None:
            self._tree.add(event_hash)
        else:
            self._tree.count += 1

    def pass_boundary(self, transaction_id: int, line: bytes) -> None:
        """Close every seal that ends before this event."""
        while self._seal and (transaction_id, UUID(line[:36].decode())) > (
            self._seal.last_transaction,
            self._seal.last_event,
        ):
            self._close(self._seal)

    def finish(self) -> None:
        """Close what the events ended within."""
        while self._seal:
            self._close(self._seal)

    def _next(self) -> None:
        self._tree = RootBuilder()
        self._seal = next(self._coming, None)
        self.boundary = self._seal.last_transaction if self._seal else 2**63

    def _close(self, seal: Seal) -> None:
        found, expected, number = self._tree.count, seal.event_count, seal.number
        after_gap = number > 1 and number - 1 not in self._numbers
        if not after_gap and (found != expected or self._tree.root() != bytes(seal.root)):
            what = "broken seal"
            if found == expected:
                text = f"Seal {number}: one of its {expected} events is not the one that was sealed."
            else:
                count = abs(found - expected)
                text = (
                    f"Seal {number}: {count} of {expected} events {'are missing' if found < expected else 'too many'}."
                )
            self.findings.append(Finding(what, text, seal=number, event=str(seal.last_event)))
        self._next()


def _seal_findings(seals: list[Seal]) -> Iterator[Finding]:
    """Gaps, statements that do not fit their row, signatures that are not ours."""
    expected, previous = 1, GENESIS
    for seal in seals:
        if seal.number != expected:
            gone = (
                f"Seal {expected} is" if seal.number == expected + 1 else f"Seals {expected} to {seal.number - 1} are"
            )
            yield Finding("missing seal", f"{gone} missing.", seal=expected)
        elif bytes(seal.previous) != previous:
            yield Finding("broken seal", f"Seal {seal.number} does not follow the seal before it.", seal=seal.number)
        try:
            stated = signing.opened(seal.statement, kind=signing.SEAL)
        except signing.BadSignature:
            yield Finding("broken seal", f"Seal {seal.number} is not signed with one of our keys.", seal=seal.number)
        else:
            if not _fits(stated, seal):
                yield Finding(
                    "broken seal", f"Seal {seal.number} says something else than was signed.", seal=seal.number
                )
        expected, previous = seal.number + 1, hashlib.sha256(seal.statement.encode()).digest()


def _fits(stated: dict[str, Any], seal: Seal) -> bool:
    content = json.loads(canonical_json(seal.content()))
    return bool({name: stated.get(name) for name in content} == content)


def _checkpoint_findings(outside: list[checkpoints.Checkpoint], seals: list[Seal]) -> Iterator[Finding]:
    """Seals that left the database and are no longer in it, or no longer the same."""
    statements = {seal.number: seal.statement for seal in seals}
    last = seals[-1].number if seals else 0
    for checkpoint in outside:
        number = checkpoint.seal
        if number > last:
            text = f"Seal {number} is kept outside but not in the database: its tail was cut or an old backup restored."
            yield Finding("checkpoint beyond database", text, seal=number)
        elif number in statements and statements[number] != checkpoint.statement:
            yield Finding("broken seal", f"Seal {number} is not the one that was kept outside.", seal=number)


def seal_before(since: str) -> Seal | None:
    """The seal of this number, or the last one up to an ISO date or time; None means from the beginning. Raises `Invalid`."""
    number = whole_number(since)
    seal = Seal.objects.filter(number=number).first() if number else None
    if number == 0 or seal:
        return seal
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise Invalid(said("“%(since)s” is neither a seal's number nor a date like 2026-11-20.", since=since)) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Seal.objects.filter(sealed_at__lte=moment).order_by("-number").first()
