"""The inbox's door: an event is written before it is acknowledged, once per (system, id), whatever comes twice, wrong or changed."""

import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import statements
from audit.arrays import bare_array, text_array
from audit.context import Actor, acting
from audit.crypto import seal_secret
from audit.identifiers import uuid7
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from audit.wakeups import wake
from audit.words import said
from exceptions.services import CaseOpening, open_cases
from orders.sync.envelopes import Envelope
from orders.sync.models import DEAD_LETTER_CASE, LANES, LONGEST_CAUSE, InboundEvent, System
from orders.sync.states import InboundState
from rules import selectors as rules
from rules.contracts import CompiledContract, Violation
from rules.models import Client

COLUMNS = (
    "id uuid, client_id uuid, event_id text, source text, type text, subject text, time timestamptz, contract_version int, "
    "change_token bigint, based_on bigint, provenance text, correlation_id text, sealed text, sha256 text, preview jsonb, state text, "
    "lane smallint, finished_at timestamptz, cause text, violations jsonb"
)
NAMES = ", ".join(column.split()[0] for column in COLUMNS.split(", "))
LOCK_SPACE = 7_302  # the subjects' advisory locks
# A number is given before its transaction commits: without the locks a subject's later event could be applied before an earlier one.
INSERT = f"""
    WITH in_turn AS MATERIALIZED (
        SELECT pg_advisory_xact_lock({LOCK_SPACE}, place)
        FROM (SELECT DISTINCT hashtext(subject) & 1023 AS place FROM unnest(%s::text[]) AS about(subject) ORDER BY place OFFSET 0) AS places
    )
    INSERT INTO sync_inboundevent ({NAMES}, system_id, received_at, due_at, fence, attempts, replays)
    SELECT {NAMES}, %s, %s, %s, 0, 0, 0
    FROM (SELECT count(*) FROM in_turn) AS locked,
        unnest({", ".join(f"%s::{column.split()[1]}[]" for column in COLUMNS.split(", "))}) AS given({NAMES})
    ON CONFLICT (system_id, event_id) DO NOTHING
    RETURNING id, number
"""  # noqa: S608 -- column names of our own table


@dataclass(frozen=True)
class Receipt:
    """What became of one event: accepted, duplicate, conflict (same id, other content) or violation (kept as dead letter `key`)."""

    status: str
    event_id: str
    key: str = ""
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True)
class _Checked:
    """An envelope held against its contract."""

    envelope: Envelope
    id: UUID
    client_id: UUID | None
    preview: Any
    violations: tuple[Violation, ...]
    cause: str

    def row(self, now: datetime) -> tuple[Any, ...]:
        one = self.envelope
        dead = bool(self.cause)
        return (
            self.id,
            self.client_id,
            one.id,
            one.source,
            one.type,
            one.subject or one.id,
            one.time.isoformat(),
            one.contract_version,
            one.change_token,
            one.based_on,
            one.provenance,
            one.correlation_id,
            seal_secret(json.dumps(one.data, ensure_ascii=False)),
            one.sha256,
            json.dumps(self.preview),
            InboundState.DEAD if dead else InboundState.NEW,
            lane_of(one.subject or one.id),
            now.isoformat() if dead else None,
            self.cause,
            json.dumps([{"pointer": violation.pointer, "detail": violation.detail} for violation in self.violations]),
        )


def lane_of(subject: str) -> int:
    """The lane of a subject: one worker at a time walks a lane, so events of one subject are applied in order."""
    return zlib.crc32(subject.encode()) % LANES


def receive(*, system: System, envelopes: Sequence[Envelope], by: Actor, now: datetime) -> list[Receipt]:
    """Write events of one system into the inbox; a receipt for each, in order. One statement for any number of good ones.

    A contract violation is kept as a dead letter with a case for the contract's owner; the same id with other content opens a case.
    """
    firsts = _first_of_each(envelopes)
    clients = _clients_named(firsts, system)
    contracts = rules.contracts({(one.type, one.contract_version) for one in firsts})
    checked = [_check(one, contracts.get((one.type, one.contract_version)), system, clients) for one in firsts]
    # What keeps its contract needs no more than its row: the one statement is a transaction by itself.
    with acting(by, at=now) if any(one.cause for one in checked) else nullcontext():
        written = _write(system, checked, now)
        known = _hashes(system, [one.envelope.id for one in checked if one.id not in written])
        by_id = {one.envelope.id: one for one in checked}
        receipts = [_receipt(envelope, by_id[envelope.id], written, known) for envelope in envelopes]
        conflicts = [one for one, receipt in zip(envelopes, receipts, strict=True) if receipt.status == "conflict"]
        _raise_cases(system, [one for one in checked if one.id in written and one.cause], conflicts, by, now)
        if any(one.id in written and not one.cause for one in checked):
            wake("sync.apply_inbox")
    return receipts


def _write(system: System, checked: Sequence[_Checked], now: datetime) -> dict[UUID, int]:
    """The numbers of those that were not there yet."""
    if not checked:
        return {}
    subjects = [one.envelope.subject or one.envelope.id for one in checked]
    rows = _arrays([one.row(now) for one in checked])
    return dict(statements.ask(INSERT, [text_array(subjects), system.pk, now, now, *rows]))


def _arrays(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    return [
        text_array(values) if column.endswith((" text", " jsonb")) else bare_array(values)
        for column, values in zip(COLUMNS.split(", "), zip(*rows, strict=True), strict=True)
    ]


def _first_of_each(envelopes: Sequence[Envelope]) -> list[Envelope]:
    firsts: dict[str, Envelope] = {}
    for envelope in envelopes:
        firsts.setdefault(envelope.id, envelope)
    return list(firsts.values())


def _clients_named(envelopes: Sequence[Envelope], system: System) -> dict[str, UUID]:
    """The active clients that the events name, by slug; that of the system itself needs no look."""
    own = {} if system.client is None else {system.client.slug: system.client.pk}
    named = {_name_in(one.data) for one in envelopes} - {"", *own}
    return own | (
        dict(Client.objects.filter(slug__in=named, is_active=True).values_list("slug", "pk")) if named else {}
    )


def _name_in(data: Any) -> str:
    named = data.get("client") if isinstance(data, dict) else None
    return named if isinstance(named, str) else ""


def _check(
    envelope: Envelope, contract: CompiledContract | None, system: System, clients: Mapping[str, UUID]
) -> _Checked:
    violations = tuple(contract.violations(envelope.data)) if contract else ()
    cause = "" if contract else envelope.unread or rules.not_in_force(envelope.type, envelope.contract_version)
    if violations:
        cause = f"{violations[0].pointer or '/'}: {violations[0].detail}"
    client_id, misnamed = client_named(system, envelope.data, clients)
    cause = cause or misnamed
    preview = contract.redact(envelope.data) if contract else {}
    return _Checked(envelope, uuid7(), client_id, preview, violations, cause[:LONGEST_CAUSE])


def client_named(system: System, data: Any, clients: Mapping[str, UUID]) -> tuple[UUID | None, str]:
    """Whose an event is, and why it can be nobody's: a system of one client speaks for no other."""
    named = _name_in(data)
    client_id = clients.get(named, system.client_id)
    if named and named not in clients:
        return client_id, f"/client: there is no active client “{named}”."
    if system.client_id is not None and client_id != system.client_id:
        return client_id, f"{system.slug} speaks for another client than “{named}”."
    if client_id is None:
        return None, "/client: name a client, since this system serves several."
    return client_id, ""


def _hashes(system: System, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    if not ids:
        return {}
    rows = InboundEvent.objects.filter(system=system, event_id__in=ids)
    return {event_id: (sha256, state) for event_id, sha256, state in rows.values_list("event_id", "sha256", "state")}


def _receipt(
    envelope: Envelope, first: _Checked, written: dict[UUID, int], known: dict[str, tuple[str, str]]
) -> Receipt:
    if first.id in written and envelope is first.envelope:
        if first.cause:
            return Receipt(
                "violation", envelope.id, f"DL-{written[first.id]}", first.violations or (Violation("", first.cause),)
            )
        return Receipt("accepted", envelope.id)
    sha256 = known[envelope.id][0] if envelope.id in known else first.envelope.sha256
    return Receipt("duplicate" if sha256 == envelope.sha256 else "conflict", envelope.id)


def _what_is_wrong(system: System, one: _Checked) -> str:
    if one.envelope.unread:
        return said("%(system)s sent something that cannot be read: %(cause)s", system=system.name, cause=one.cause)
    return said(
        "%(system)s breaks the contract %(contract)s: %(cause)s",
        system=system.name,
        contract=one.envelope.type,
        cause=one.cause,
    )


def _raise_cases(
    system: System, dead: Sequence[_Checked], conflicts: Sequence[Envelope], by: Actor, now: datetime
) -> None:
    """One case per cause: a contract that one system breaks, an id that one system uses twice (the contract's business owner decides)."""
    if not dead and not conflicts:
        return
    openings = [
        CaseOpening(
            DEAD_LETTER_CASE,
            SubjectRef("sync.stream", f"{system.slug}/{one.envelope.type}", one.client_id),
            f"{system.slug} {one.envelope.type}",
            one.client_id,
            _what_is_wrong(system, one),
            cause=f"{system.slug}/{one.envelope.type}",
            evidence={
                "system": system.slug,
                "contract": one.envelope.type,
                "event": one.envelope.id,
                "cause": one.cause,
            },
        )
        for one in dead
    ]
    deciders = rules.business_owners({one.type for one in conflicts}) if conflicts else {}
    openings += [
        CaseOpening(
            "id-conflict",
            SubjectRef("sync.event", f"{system.slug}/{one.id}"[:80], system.client_id),
            f"{system.slug} {one.id}"[:120],
            system.client_id,
            said("%(system)s sent %(event)s again with other content", system=system.name, event=one.id),
            cause=f"{system.slug}/id-conflict",
            evidence={"system": system.slug, "event": one.id},
            owner=deciders.get(one.type, ""),
        )
        for one in conflicts
    ]
    with acting(by, at=now):
        open_cases(openings=openings, by=by, now=now)
        record_many(
            [
                Entry(
                    "event.refused",
                    SubjectRef("sync.inboundevent", str(one.id), one.client_id),
                    data={"cause": one.cause},
                )
                for one in dead
            ]
        )
