"""Setting, cancelling and firing timers: one row each, many in one statement."""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import F

from audit.access import require, system_actor
from audit.arrays import bare_array, text_array
from audit.context import Actor, acting
from audit.errors import DomainError
from audit.identifiers import uuid7_text
from audit.services.events import record
from audit.services.heartbeats import beat
from audit.subject_refs import SubjectRef
from audit.wakeups import wake_at_once
from exceptions import timer_kinds
from exceptions.models import Timer
from exceptions.models.timers import LIVE
from exceptions.services.pausing import hold_back
from exceptions.timer_kinds import Due

logger = logging.getLogger(__name__)

BATCH = 2_000
LONGEST_PAUSE = timedelta(hours=1)
MOST_SWEEPS = 10_000
# What one record can do to the handler of an app above: it is put off and shown, and the others fire.
FAILURES = (
    DatabaseError,
    DomainError,
    ObjectDoesNotExist,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

SET = """
    INSERT INTO exceptions_timer (id, subject_type, subject_id, kind, generation, due_at, payload, attempts, last_error)
    SELECT id, subject_type, subject_id, kind, 1, due_at, payload, 0, ''
    FROM (
        SELECT id, subject_type, subject_id, kind, due_at, payload::jsonb
        FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[])
            AS g(id, subject_type, subject_id, kind, due_at, payload)
    ) AS given
    ORDER BY subject_type, subject_id, kind
    ON CONFLICT (subject_type, subject_id, kind) WHERE fired_at IS NULL AND cancelled_at IS NULL
    DO UPDATE SET due_at = excluded.due_at, payload = excluded.payload, generation = exceptions_timer.generation + 1,
        attempts = 0, last_error = ''
    WHERE (exceptions_timer.due_at, exceptions_timer.payload, exceptions_timer.attempts)
        IS DISTINCT FROM (excluded.due_at, excluded.payload, 0)
"""
CANCEL = """
    UPDATE exceptions_timer SET cancelled_at = %s
    WHERE fired_at IS NULL AND cancelled_at IS NULL AND (subject_type, subject_id, kind) IN (
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
    )
"""
CANCEL_KINDS = """
    UPDATE exceptions_timer SET cancelled_at = %s
    WHERE fired_at IS NULL AND cancelled_at IS NULL AND kind = ANY(%s::text[]) AND (subject_type, subject_id) IN (
        SELECT * FROM unnest(%s::text[], %s::text[])
    )
"""
# In the order of the index: bare names would be the texts that are selected, and all that is due at one moment be sorted for each batch.
DUE = """
    SELECT t.id::text, kind, subject_id, due_at::text FROM exceptions_timer t
    WHERE fired_at IS NULL AND cancelled_at IS NULL AND due_at <= %s AND (due_at, t.id) > (%s::timestamptz, %s::uuid)
    ORDER BY t.due_at, t.id LIMIT %s
"""
BEGINNING = ("-infinity", "00000000-0000-0000-0000-000000000000")
# What was set and due before it about the same record may be with another worker, or with somebody else: then this one waits. What that
# sets in turn is not waited for, or a deadline among the steps of a ladder would wait for sweep after sweep.
CLAIM = """
    UPDATE exceptions_timer SET fired_at = %s WHERE id IN (
        SELECT id FROM exceptions_timer t
        WHERE id = ANY(%s::uuid[]) AND fired_at IS NULL AND cancelled_at IS NULL AND due_at <= %s AND NOT EXISTS (
            SELECT FROM exceptions_timer before
            WHERE (before.subject_type, before.subject_id) = (t.subject_type, t.subject_id)
                AND before.fired_at IS NULL AND before.cancelled_at IS NULL AND before.due_at < t.due_at
                AND before.id < t.id
        )
        ORDER BY id FOR UPDATE SKIP LOCKED
    ) RETURNING id::text, subject_id
"""


@dataclass(frozen=True)
class TimerSetting:
    """One timer to set."""

    subject: SubjectRef
    kind: str
    due_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)


def set_timer(*, subject: SubjectRef, kind: str, due_at: datetime, payload: Mapping[str, Any] | None = None) -> None:
    """Set the subject's timer of this kind, or move it when it is already running."""
    set_timers(settings=[TimerSetting(subject, kind, due_at, payload or {})])


def set_timers(*, settings: Sequence[TimerSetting]) -> None:
    """As `set_timer`, for many in one statement; the last of several for one subject and kind counts.

    One that runs already as it is to be set stays as it is.
    """
    unique = {(one.subject.type, one.subject.id, one.kind): one for one in settings}
    if unique:
        types, ids, kinds = zip(*unique, strict=True)
        columns = [
            bare_array([uuid7_text() for _ in unique]),
            text_array(types),
            text_array(ids),
            text_array(kinds),
            bare_array([one.due_at.isoformat() for one in unique.values()]),
            text_array([json.dumps(dict(one.payload)) if one.payload else "{}" for one in unique.values()]),
        ]
        with connection.cursor() as cursor:
            cursor.execute(SET, columns)


def cancel_timer(*, subject: SubjectRef, kind: str, now: datetime) -> None:
    """Cancel the subject's timer of this kind, if one is running."""
    cancel_timers(timers=[(subject, kind)], now=now)


def cancel_timers(*, timers: Sequence[tuple[SubjectRef, str]], now: datetime) -> None:
    """As `cancel_timer`, for many in one statement."""
    rows = [(subject.type, subject.id, kind) for subject, kind in timers]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(CANCEL, [now, *(text_array(column) for column in zip(*rows, strict=True))])


def cancel_kinds(*, subjects: Sequence[SubjectRef], kinds: Collection[str], now: datetime) -> None:
    """Cancel the timers of these kinds of all these subjects: one look for each subject, however many the kinds."""
    if subjects and kinds:
        columns = [
            text_array(kinds),
            text_array([one.type for one in subjects]),
            text_array([one.id for one in subjects]),
        ]
        with connection.cursor() as cursor:
            cursor.execute(CANCEL_KINDS, [now, *columns])


def sweep_timers(*, now: datetime, limit: int = BATCH) -> int:
    """Fire what is due, at most `limit` timers, each exactly once with its effect; the number fired.

    Looks without locking, then per kind locks subjects (where the kind says how) and timers, skipping what others hold; where others hold
    all of it, looks behind that. A full batch calls another worker as soon as it has locked its own. A timer whose effect fails is put off,
    with its attempts counted, and does not stop the others; that its kind fails is told once.
    """
    oldest = Timer.objects.filter(LIVE, due_at__lte=now).order_by("due_at").values_list("due_at", flat=True).first()
    sweep = _Sweep(now)
    due = _look(now, limit) if oldest else []
    while due and not sweep.fired:
        sweep.is_full = len(due) == limit
        for rows in _rounds(due):
            sweep.fire(rows[0].kind, rows)
        due = _look(now, limit, after=due[-1]) if sweep.is_full and not sweep.fired else []
    for kind, failure in sweep.failures.items():
        timer_kinds.failed(kind, failure, now)
    if ran := sweep.kinds - sweep.failures.keys():
        timer_kinds.ran(ran, now)
    if sweep.fired or sweep.failures or not oldest:
        beat(loop="timers", at=now, oldest_due=oldest, worked=sweep.fired)  # who left all to others has not swept
    return sweep.fired


def escalate_overdue(*, by: Actor, now: datetime, most: int = MOST_SWEEPS) -> int:
    """Fire everything that is overdue now, in at most so many batches, as the sweep would; the number fired, kept in the trail.

    Raises `Refused` without the permission.
    """
    require(by, "exceptions.fire_timers")
    fired = 0
    for _ in range(most):
        swept = sweep_timers(now=now)
        fired += swept
        if not swept:
            break
    with acting(by, at=now):
        record("timers.escalated", subject=SubjectRef("audit.actor", by.id), fired=fired)
    return fired


class _Seen(NamedTuple):
    """A timer that was due when somebody looked."""

    id: str
    kind: str
    subject_id: str
    due_at: str


def _look(now: datetime, limit: int, *, after: _Seen | None = None) -> list[_Seen]:
    last = (after.due_at, after.id) if after else BEGINNING
    with connection.cursor() as cursor:
        cursor.execute(DUE, [now, *last, limit])
        return [_Seen(*row) for row in cursor.fetchall()]


def _rounds(due: Sequence[_Seen]) -> list[list[_Seen]]:
    """Groups of one kind in which no subject occurs twice, such that the groups in order keep the order of each subject."""
    place: dict[str, int] = defaultdict(int)
    groups: dict[tuple[int, str], list[_Seen]] = defaultdict(list)
    for one in due:
        groups[place[one.subject_id], one.kind].append(one)
        place[one.subject_id] += 1
    return [groups[key] for key in sorted(groups, key=itemgetter(0))]


@dataclass
class _Sweep:
    """One worker's look at what is due."""

    now: datetime
    is_full: bool = False
    fired: int = 0
    kinds: set[str] = field(default_factory=set)
    failures: dict[str, Exception] = field(default_factory=dict)

    def fire(self, kind: str, rows: Sequence[_Seen]) -> None:
        """Fire these timers of one kind in one transaction; when that fails, halves by themselves, down to the one that fails.

        Two who got into each other's way are no failure: the one that was ended simply tries again.
        """
        self.kinds.add(kind)
        try:
            with acting(system_actor("timers"), at=self.now):
                timers = self._claim(kind, rows)
                if timers:
                    timer_kinds.kind(kind).handler(timers, now=self.now)
            self.fired += len(timers)
        except FAILURES as failure:
            if len(rows) > 1:
                middle = len(rows) // 2
                self.fire(kind, rows[:middle])
                self.fire(kind, rows[middle:])
                return
            logger.exception("timer %s of kind %s failed", rows[0].id, kind)
            tried = _put_off(rows[0].id, failure, self.now)
            if tried or not isinstance(failure, OperationalError):
                self.failures[kind] = failure

    def _claim(self, kind: str, rows: Sequence[_Seen]) -> list[Due]:
        """Mark as fired what is still due and nobody else holds; of a full batch the rest is for who has nothing to do."""
        of_kind = timer_kinds.kind(kind)
        held = of_kind.lock(sorted({one.subject_id for one in rows})) if of_kind.lock else None
        safe = [(one.id, one.subject_id) for one in rows if held is None or one.subject_id in held]
        ids = [timer_id for timer_id, _ in hold_back(of_kind, safe, self.now)]
        with connection.cursor() as cursor:
            cursor.execute(CLAIM, [self.now, bare_array(ids), self.now])
            timers = [Due(*row) for row in cursor.fetchall()]
        if timers and self.is_full:
            self.is_full = False
            wake_at_once("exceptions.sweep_timers")
        return timers


def _put_off(timer_id: str, failure: Exception, now: datetime) -> int:
    """Try again later; how often it had failed before."""
    with transaction.atomic():
        timer = Timer.objects.select_for_update().filter(LIVE, pk=timer_id, due_at__lte=now).first()
        if timer is None:  # moved or cancelled meanwhile: that counts
            return 0
        pause = min(timedelta(seconds=30) * 2**timer.attempts, LONGEST_PAUSE)
        Timer.objects.filter(pk=timer_id).update(
            attempts=F("attempts") + 1, due_at=now + pause, last_error=f"{type(failure).__name__}: {failure}"[:200]
        )
        return timer.attempts
