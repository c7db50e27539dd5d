"""Applying what came in: in order per subject, in batches, each with its effect in one transaction; what fails is set aside alone."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Count, F, Max, Min
from psycopg.errors import DeadlockDetected

from audit.access import system_actor
from audit.arrays import bare_array
from audit.context import Actor, acting
from audit.errors import DomainError
from audit.services.events import Entry, record_many
from audit.services.heartbeats import beat
from audit.subject_refs import SubjectRef
from audit.wakeups import wake_at_once
from audit.words import said
from exceptions.services import CaseOpening, open_cases
from orders.sync.errors import Unprocessable
from orders.sync.handlers import handler_for, replaces
from orders.sync.models import DEAD_LETTER_CASE, LANES, LONGEST_CAUSE, ChangeToken, InboundEvent, System
from orders.sync.states import InboundState

logger = logging.getLogger(__name__)

BATCH = 500
MOST_ATTEMPTS = 5
FEWER = {1: 8, 2: 2}  # after so many workers that ended, so many events are tried at once
LOCK_SPACE = 7_301  # the lanes' advisory locks
LOCK = "SELECT lane FROM unnest(%(lanes)s::int[]) lane WHERE pg_try_advisory_xact_lock(%(space)s, lane %% %(most)s)"
FINISH = """
    UPDATE sync_inboundevent SET state = %s, finished_at = %s, cause = %s, attempts = 0
    WHERE id = ANY(%s::uuid[]) AND state = 'new'
"""
COUNT = "UPDATE sync_inboundevent SET attempts = attempts + 1 WHERE id = ANY(%s::uuid[])"
STILL_NEW = "SELECT id FROM sync_inboundevent WHERE id = ANY(%s::uuid[]) AND state = 'new'"


class _Lane(NamedTuple):
    """How many events wait in a lane, how often one of them was tried, and since when the oldest waits."""

    number: int
    waiting: int
    tried: int
    since: datetime


def apply_due(*, now: datetime, limit: int = BATCH) -> int:
    """Apply what waits, lane by lane, at most `limit` per lane; the number of events that found their end."""
    waiting = _waiting_lanes()
    oldest = min((lane.since for lane in waiting), default=None)
    done = 0
    walks = _walks(waiting, limit)
    for lanes in walks:
        done += _walk(lanes, now, limit, calls=not done and lanes is not walks[-1])
    beat(loop="intake", at=now, oldest_due=oldest, worked=done)
    return done


def _waiting_lanes() -> list[_Lane]:
    """Lanes in which something waits."""
    lanes = InboundEvent.objects.filter(state=InboundState.NEW).values("lane").order_by("lane")
    found = lanes.annotate(waiting=Count("pk"), tried=Max("attempts"), since=Min("received_at"))
    return list(starmap(_Lane, found.values_list("lane", "waiting", "tried", "since")))


def _walks(lanes: Iterable[_Lane], limit: int) -> list[list[int]]:
    """Lanes to walk together: an event by itself costs nearly what a batch does, so short lanes are one walk.

    A lane with an event that ended its worker is walked alone.
    """
    alone: list[list[int]] = []
    together: list[list[int]] = []
    taken = limit
    for lane in lanes:
        if lane.tried:
            alone.append([lane.number])
        elif taken + lane.waiting <= limit:
            together[-1].append(lane.number)
            taken += lane.waiting
        else:
            together.append([lane.number])
            taken = lane.waiting
    return alone + together


def _walk(lanes: Sequence[int], now: datetime, limit: int, *, calls: bool) -> int:
    """Everything due in these lanes, but for those another worker walks. Where there is more, it calls who is idle to other lanes."""
    with acting(system_actor("intake"), at=now) as by:
        waiting = InboundEvent.objects.filter(lane__in=_lock(lanes), state=InboundState.NEW).prefetch_related("system")
        # As the index of what waits has them; asked for by number alone, the database may read all that ever came in.
        events = sorted(waiting.order_by("lane", "number")[:limit], key=attrgetter("number"))
        heads = {event.lane: event for event in reversed(events)}
        if to_blame := next((head for head in heads.values() if head.attempts), None):
            events = _suspects([event for event in events if event.lane == to_blame.lane])
        exhausted = [event for event in events if event.attempts >= MOST_ATTEMPTS]
        _bury(dict.fromkeys(exhausted, "It ended the worker every time it was tried."), by, now)
        # Counted and committed before the work: an event that kills its worker is not tried for ever.
        _count_try(events)
    remaining = [event for event in events if event not in exhausted]
    with acting(system_actor("intake"), at=now) as by:
        free = _lock(sorted({event.lane for event in remaining}))
        if free and calls:
            wake_at_once("sync.apply_inbox")
        still_new = _still_new([event for event in remaining if event.lane in free])
        ended = _apply_in_turn([event for event in remaining if event.pk in still_new], by, now)
        left = still_new - ended
    _take_back([event.pk for event in remaining if event.lane not in free or event.pk in left], now)
    return len(exhausted) + len(ended)


def _apply_in_turn(events: Sequence[InboundEvent], by: Actor, now: datetime) -> set[UUID]:
    """Apply them group by group; those that found their end.

    Two workers who got into each other's way are no failure: what the one that was ended has done already is kept, so that the other can go
    on, and the rest is for the next walk.
    """
    ended: set[UUID] = set()
    for group in rounds(events):
        try:
            with transaction.atomic():
                _apply(group, by, now)
        except OperationalError as failure:
            if not _is_deadlock(failure):
                raise
            break
        ended |= {event.pk for event in group}
    return ended


def _is_deadlock(failure: Exception) -> bool:
    return isinstance(failure.__cause__, DeadlockDetected)


def _count_try(events: Sequence[InboundEvent]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [bare_array(event.pk for event in events)])


def _still_new(events: Sequence[InboundEvent]) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(STILL_NEW, [bare_array(event.pk for event in events)])
        return {pk for (pk,) in cursor.fetchall()}


def _suspects(events: Sequence[InboundEvent]) -> list[InboundEvent]:
    """One of them ended its worker: fewer with every worker, at last one alone, so that only the one to blame is counted out."""
    return list(events[: FEWER.get(max(event.attempts for event in events), 1)])


def _take_back(ids: Sequence[UUID], now: datetime) -> None:
    """Another worker took their lanes before we could begin: that was no try."""
    if ids:
        with acting(system_actor("intake"), at=now):
            counted = InboundEvent.objects.filter(pk__in=ids, state=InboundState.NEW, attempts__gt=0)
            counted.update(attempts=F("attempts") - 1)


def _lock(lanes: Sequence[int]) -> list[int]:
    """Those of the lanes that are ours until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"space": LOCK_SPACE, "lanes": list(lanes), "most": LANES})
        return [lane for (lane,) in cursor.fetchall()]


def rounds(events: Iterable[InboundEvent]) -> list[list[InboundEvent]]:
    """Groups of one type in which no subject occurs twice, such that the groups in order keep each subject's order."""
    place: dict[tuple[UUID | None, str], int] = defaultdict(int)
    groups: dict[tuple[int, str], list[InboundEvent]] = defaultdict(list)
    for event in events:
        subject = (event.client_id, event.subject)
        groups[place[subject], event.type].append(event)
        place[subject] += 1
    return [groups[key] for key in sorted(groups)]


def _apply(events: Sequence[InboundEvent], by: Actor, now: datetime) -> None:
    fresh = _without_outranked(_without_overtaken(_without_echoes(events, now), now), now)
    failed = _handle(fresh, by, now)
    applied = [event for event in fresh if event not in failed]
    _finish(applied, InboundState.APPLIED, "", now)
    _remember_tokens(applied)
    _bury(failed, by, now)


def _handle(events: Sequence[InboundEvent], by: Actor, now: datetime) -> dict[InboundEvent, str]:
    """Apply a batch; when that fails, halves by themselves, down to those that fail, with why."""
    if not events:
        return {}
    handler = handler_for(events[0].type)
    if handler is None:
        return dict.fromkeys(events, f"Nothing here applies events of type {events[0].type}.")
    try:
        with transaction.atomic(), acting(by, at=now, heard_at=_heard_at(events)):
            handler(events, by=by, now=now)
    except Unprocessable as named:
        bad = {event: named.causes[event.pk] for event in events if event.pk in named.causes}
        return (
            {**bad, **_handle([event for event in events if event not in bad], by, now)}
            if bad
            else _halve(events, str(named), by, now)
        )
    except (DomainError, DatabaseError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as failure:
        if _is_deadlock(failure):
            raise
        return _halve(events, _words(failure), by, now)
    return {}


def _heard_at(events: Sequence[InboundEvent]) -> datetime | None:
    """When the first of them came in; what lay aside until somebody replayed it begins with the replay."""
    return min((event.received_at for event in events if not event.replays), default=None)


def _halve(events: Sequence[InboundEvent], cause: str, by: Actor, now: datetime) -> dict[InboundEvent, str]:
    if len(events) == 1:
        return {events[0]: cause}
    middle = len(events) // 2
    return {**_handle(events[:middle], by, now), **_handle(events[middle:], by, now)}


def _words(failure: Exception) -> str:
    """Why, without the values a database or a parser may have put into its message."""
    if isinstance(failure, DomainError):
        return failure.message
    logger.error("an event could not be applied", exc_info=failure)
    return f"{type(failure).__name__} while applying it; the log of this moment says more."


def _without_echoes(events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """Those that are news; what only repeats what was told from here ends the loop it would begin."""
    echoes = [event for event in events if event.provenance == settings.PUBLIC_URL]
    return _left_aside(events, echoes, "event.echoed", "It only repeats what was told from here.", now)


def _left_aside(
    events: Sequence[InboundEvent], some: Sequence[InboundEvent], verb: str, cause: str, now: datetime
) -> list[InboundEvent]:
    """The events without some of them, which end here for a cause, each with an entry that says so."""
    _finish(some, InboundState.SUPERSEDED, cause, now)
    record_many(
        [
            Entry(
                verb,
                SubjectRef("sync.inboundevent", str(event.pk), event.client_id),
                data={"type": event.type, "system": event.system.slug},
            )
            for event in some
        ]
    )
    return [event for event in events if event not in some]


def _without_overtaken(events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """Those that are newer than what the same system already told about the same subject; the others end as overtaken."""
    counted = [event for event in events if event.change_token is not None]
    if not counted:
        return list(events)
    rows = ChangeToken.objects.filter(
        system__in={event.system_id for event in counted}, subject__in={event.subject for event in counted}
    )
    newest = {(row.system_id, row.subject, row.type): row.token for row in rows.select_for_update().order_by("pk")}
    stale = [
        event
        for event in counted
        if (event.change_token or 0) <= newest.get((event.system_id, event.subject, event.type), -1)
    ]
    _finish(stale, InboundState.SUPERSEDED, "The same system told something newer before.", now)
    return [event for event in events if event not in stale]


def _without_outranked(events: Sequence[InboundEvent], now: datetime) -> list[InboundEvent]:
    """Of events that replace what was told before: those that no system of higher authority told about; of the others it is said."""
    if not events or not replaces(events[0].type):
        return list(events)
    highest = System.objects.filter(is_active=True).aggregate(highest=Max("authority"))["highest"] or 0
    lesser = [event for event in events if event.system.authority < highest]
    if not lesser:
        return list(events)
    told = InboundEvent.objects.filter(
        system__in=System.objects.filter(is_active=True, authority__gt=min(one.system.authority for one in lesser)),
        subject__in={event.subject for event in lesser},
        type=events[0].type,
        state=InboundState.APPLIED,
    )
    by_whom = told.values_list("client_id", "subject").annotate(Max("system__authority"))
    authority = {(client_id, subject): highest for client_id, subject, highest in by_whom}
    outranked = [one for one in lesser if authority.get((one.client_id, one.subject), 0) > one.system.authority]
    cause = "A system of higher authority has told the same thing."
    return _left_aside(events, outranked, "event.outranked", cause, now)


def _remember_tokens(applied: Sequence[InboundEvent]) -> None:
    """What was applied is the newest now; what failed is not, so that its replay still counts."""
    ChangeToken.objects.bulk_create(
        [
            ChangeToken(system_id=event.system_id, subject=event.subject, type=event.type, token=event.change_token)
            for event in applied
            if event.change_token is not None
        ],
        update_conflicts=True,
        unique_fields=["system", "subject", "type"],
        update_fields=["token"],
    )


def _finish(events: Sequence[InboundEvent], state: InboundState, cause: str, now: datetime) -> None:
    if events:
        with connection.cursor() as cursor:
            cursor.execute(FINISH, [state, now, cause, bare_array(event.pk for event in events)])


def _bury(failed: dict[InboundEvent, str], by: Actor, now: datetime) -> None:
    """Dead letters: kept with their cause, an owner through a case, and a replay."""
    alike: dict[str, list[InboundEvent]] = {}
    for event, cause in failed.items():
        alike.setdefault(cause[:LONGEST_CAUSE], []).append(event)
    for cause, events in alike.items():
        _finish(events, InboundState.DEAD, cause, now)
    record_many(
        [
            Entry(
                "event.died", SubjectRef("sync.inboundevent", str(event.pk), event.client_id), data={"type": event.type}
            )
            for event in failed
        ]
    )
    open_cases(
        openings=[
            CaseOpening(
                DEAD_LETTER_CASE,
                SubjectRef("sync.stream", f"{event.system.slug}/{event.type}", event.client_id),
                f"{event.system.slug} {event.type}",
                event.client_id,
                said(
                    "%(event)s from %(system)s cannot be applied: %(cause)s",
                    event=event.type,
                    system=event.system.name,
                    cause=cause,
                ),
                cause=f"{event.system.slug}/{event.type}",
                evidence={
                    "system": event.system.slug,
                    "dead_letter": event.key,
                    "event": event.event_id,
                    "cause": cause,
                },
            )
            for event, cause in failed.items()
        ],
        by=by,
        now=now,
    )
