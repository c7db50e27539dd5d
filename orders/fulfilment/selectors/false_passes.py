"""How far checks can be trusted: parcels that passed one and came back for what it should have found.

A check says which words of a return speak against it. Counted is a parcel, once per check, by the day on which it passed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.access import require
from audit.context import Actor
from rules.states import CheckKind

WINDOWS: Final = (90, 30, 365)
MOST_SHOWN: Final = 50
PASSED: Final = """
    SELECT c.id, c.kind, c.slug, c.name, c.order_id, c.fulfilment_id, c.settings FROM fulfilment_parcelcheck c
    WHERE c.state = 'passed' AND c.decided_at > %(since)s AND c.decided_at <= %(until)s
      AND (%(clients)s::uuid[] IS NULL OR c.client_id = ANY(%(clients)s::uuid[]))
"""
# A return is about a parcel when it names one of its lines, or none at all.
CONTRADICTED: Final = f"""
    SELECT DISTINCT ON (p.id) p.id, p.kind, p.slug, p.name, o.key, f.key AS parcel, q.reason, q.asked_at
    FROM ({PASSED}) p
    JOIN fulfilment_orderrequest q ON q.order_id = p.order_id AND q.kind = 'return'
    JOIN fulfilment_order o ON o.id = p.order_id
    JOIN fulfilment_fulfilment f ON f.id = p.fulfilment_id
    WHERE EXISTS (
        SELECT 1 FROM jsonb_array_elements_text(p.settings -> 'returns_say') AS said(words)
        WHERE position(lower(said.words) IN lower(regexp_replace(q.reason, '[_-]+', ' ', 'g'))) > 0)
      AND (q.lines = '{{}}'::jsonb OR EXISTS (
        SELECT 1 FROM fulfilment_fulfilmentline i JOIN fulfilment_orderline l ON l.id = i.line_id
        WHERE i.fulfilment_id = p.fulfilment_id AND q.lines ? l.position::text))
    ORDER BY p.id, q.asked_at
"""  # noqa: S608 -- put together from our own text
COUNTED: Final = f"""
    SELECT p.kind, count(*), count(bad.id) FROM ({PASSED}) p LEFT JOIN ({CONTRADICTED}) bad ON bad.id = p.id GROUP BY p.kind
"""  # noqa: S608 -- put together from our own text


@dataclass(frozen=True)
class Rate:
    """Of so many parcels that passed this kind of check, so many came back for what it should have found."""

    kind: str
    label: str
    passed: int
    false: int

    @property
    def percent(self) -> float:
        """The part of them, in percent."""
        return round(100 * self.false / self.passed, 2) if self.passed else 0.0


@dataclass(frozen=True)
class FalsePass:
    """One parcel that should not have passed: its order, the check, and what the return says."""

    kind: str
    check: str
    order: str
    parcel: str
    reason: str
    asked_at: datetime


@dataclass(frozen=True)
class QualityReport:
    """The rate of each kind of check, and the parcels behind the numbers, the newest return first."""

    since: datetime
    until: datetime
    rates: Sequence[Rate]
    found: Sequence[FalsePass]


def false_passes(*, by: Actor, days: int, now: datetime) -> QualityReport:
    """What was passed within so many days and contradicted by a return. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    since = now - timedelta(days=days)
    counted = passed_between(clients=by.clients, after=since, until=now)
    values = _values(by.clients, since, now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT kind, name, key, parcel, reason, asked_at FROM ({CONTRADICTED}) found ORDER BY asked_at DESC LIMIT %(most)s",  # noqa: S608 -- our own text
            values,
        )
        rows = [FalsePass(*row) for row in cursor.fetchall()]
    rates = [Rate(kind.value, kind.label, *counted.get(kind.value, (0, 0))) for kind in CheckKind]
    return QualityReport(since, now, rates, rows)


def passed_between(*, clients: Collection[UUID] | None, after: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    """By kind of check, how many parcels passed and how many of them came back for what it should have found; None is every client."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, _values(clients, after, until))
        return {kind: (passed, false) for kind, passed, false in cursor.fetchall()}


def _values(clients: Collection[UUID] | None, after: datetime, until: datetime) -> dict[str, Any]:
    theirs = None if clients is None else [str(one) for one in clients]
    return {"since": after, "until": until, "clients": theirs, "most": MOST_SHOWN}
