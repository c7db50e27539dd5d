"""Reads of sync."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Prefetch, Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit import statements
from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.subject_refs import SubjectRef
from audit.texts import whole_number
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.states import CASE_DONE
from orders.sync import followers
from orders.sync.models import (
    DEAD_LETTER_PREFIX,
    UNREACHABLE,
    Attempt,
    Connector,
    Credential,
    Expectation,
    FlowRun,
    InboundEvent,
    OutboundMessage,
    System,
)
from orders.sync.states import InboundState, OutboundState
from rules.selectors import active_book

DELAY = "sync-delay"  # the promise in the rule book; what holds where a book makes none is what the product promises
DELAY_MINUTES = 15
MEASURED_HOURS = 24
IS_TOLD = (~Q(base_url="") | Q(wants_exports=True)) & Q(is_active=True)
MEASURE = """
    SELECT system_id, count(*), count(*) FILTER (WHERE lag > %s),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), percentile_cont(0.95) WITHIN GROUP (ORDER BY lag), max(lag)
    FROM (
        SELECT *, extract(epoch FROM sent_at - caused_at)::float8 AS lag FROM sync_outboundmessage
        WHERE state = 'sent' AND sent_at > %s AND system_id = ANY(%s)
    ) arrived
    GROUP BY system_id
"""
# A transaction that was rolled back has made a version too, but not with the number of another transaction.
STAND = """
    SELECT system.id, concat_ws(' ', system.xmin, system.version, client.xmin, client.version, (
        SELECT string_agg(concat_ws('.', secret.xmin, secret.version), ' ' ORDER BY secret.id)
        FROM sync_credential secret WHERE secret.system_id = system.id
    ))
    FROM sync_system system LEFT JOIN rules_client client ON client.id = system.client_id
    WHERE system.slug = %s AND system.is_active
"""

MEASURE_CLIENT = """
    SELECT count(*), count(*) FILTER (WHERE lag > %s),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), percentile_cont(0.95) WITHIN GROUP (ORDER BY lag), max(lag)
    FROM (
        SELECT extract(epoch FROM sent_at - caused_at)::float8 AS lag FROM sync_outboundmessage
        WHERE state = 'sent' AND sent_at >= %s AND sent_at < %s AND client_id = %s
    ) arrived
"""


def system_named(slug: str) -> System | None:
    """The active system of this slug as it is now, with its client and its secrets; not to be changed.

    Every change of a record is a next version, so what was read of these versions still stands. To ask for the versions alone is a third
    of the work, and every event that comes in asks.
    """
    found = statements.ask(STAND, [slug])
    return _as_it_stands(*found[0]) if found else None


@lru_cache(maxsize=256)
def _as_it_stands(system_id: UUID, stand: str) -> System:
    del stand
    return System.objects.select_related("client").prefetch_related("credentials").get(pk=system_id)


def connector_for(system: System, topic: str) -> Connector | None:
    """The connector for a vendor's topic, or the system's only one for all topics."""
    found = Connector.objects.filter(system=system, is_active=True, topic__in=[topic, ""])
    return found.order_by("-topic").first()


def dead_letters(by: Actor) -> QuerySet[InboundEvent]:
    """What could not be processed, newest first, as far as it exists for the actor."""
    letters = (
        InboundEvent.objects.filter(state=InboundState.DEAD).select_related("system", "client").order_by("-number")
    )
    return letters if by.clients is None else letters.filter(client_id__in=by.clients)


@dataclass(frozen=True)
class DeadStream:
    """So many dead letters of one system and kind of event."""

    system: str
    name: str
    type: str
    count: int

    @property
    def address(self) -> str:
        """The query string of the list that shows them alone."""
        return urlencode({"system": self.system, "type": self.type})


def dead_streams(by: Actor, *, most: int = 30) -> list[DeadStream]:
    """Where the actor's dead letters come from, the most first; one query."""
    grouped = dead_letters(by).order_by().values_list("system__slug", "system__name", "type").annotate(n=Count("pk"))
    return [DeadStream(*row) for row in grouped.order_by("-n", "system__slug", "type")[:most]]


@dataclass(frozen=True)
class Heard:
    """An event that came in: from whom, when, of which version of its contract, and what of it is not personal."""

    event_id: str
    type: str
    system: str
    received_at: datetime
    contract_version: int | None
    preview: Any

    @property
    def text(self) -> str:
        """The preview as people read it."""
        return json.dumps(self.preview, indent=2, ensure_ascii=False)


def heard_event(event_id: str) -> Heard | None:
    """The event of this id; None for one that is not in the inbox any more."""
    if not event_id:
        return None
    found = InboundEvent.objects.filter(event_id=event_id).select_related("system").defer("sealed").first()
    if found is None:
        return None
    about = (found.event_id, found.type, found.system.name, found.received_at, found.contract_version, found.preview)
    return Heard(*about)


def heard_as(event_ids: Collection[str]) -> dict[str, str]:
    """Who told of these events and when, in words, by the events' own ids; nothing of one that is not in the inbox any more."""
    found = InboundEvent.objects.filter(event_id__in=set(event_ids) - {""}).select_related("system")
    return {
        event.event_id: f"{event.type} from {event.system.name}, {event.time:%d %b %H:%M:%S} UTC ({event.event_id})"
        for event in found.only("event_id", "type", "time", "system__name")
    }


@dataclass(frozen=True)
class SyncLag:
    """How long the oldest thing a system was not told has waited, and whether that is longer than promised."""

    system: System
    since: datetime
    messages: int
    is_late: bool


def sync_lags(now: datetime) -> list[SyncLag]:
    """Every active system that has not got, or has not read, what it should; the longest wait first."""
    waiting = undelivered().filter(system__is_active=True).order_by().values_list("system")
    rows = [*waiting.annotate(Min("caused_at"), Count("pk")), *followers.unread()]
    if not rows:
        return []
    allowed = allowed_delay()
    systems = System.objects.select_related("owner").in_bulk({system for system, *_ in rows})
    lags = [SyncLag(systems[system], since, count, now - since > allowed) for system, since, count in rows]
    return sorted(lags, key=lambda lag: lag.since)


def undelivered() -> QuerySet[OutboundMessage]:
    """What was promised and has not arrived.

    What was given up is among it until it is sent again, something newer about the same record has arrived, or somebody has resolved
    the exception about it.
    """
    newer = OutboundMessage.objects.filter(
        system=OuterRef("system"),
        subject_type=OuterRef("subject_type"),
        subject_id=OuterRef("subject_id"),
        type=OuterRef("type"),
        change_token__gt=OuterRef("change_token"),
        state=OutboundState.SENT,
    )
    is_given_up = Q(state=OutboundState.DEAD) & ~Exists(newer) & ~Exists(_settled())
    return OutboundMessage.objects.filter(Q(state__in=[OutboundState.PENDING, OutboundState.SENDING]) | is_given_up)


def put_away(systems: Collection[UUID], *, since: datetime) -> set[UUID]:
    """Those of these systems that are never told something, because somebody has resolved the exception about that since then."""
    settled = Exists(_settled().filter(resolved_at__gte=since))
    given_up = OutboundMessage.objects.filter(settled, system__in=systems, state=OutboundState.DEAD)
    return set(given_up.order_by().values_list("system", flat=True).distinct())


def _settled() -> QuerySet[ExceptionCase]:
    """The exceptions somebody has resolved about a message that had been given up by then."""
    return ExceptionCase.objects.filter(
        type=UNREACHABLE,
        subject_type="sync.system",
        subject_id=Cast(OuterRef("system"), TextField()),
        state__in=CASE_DONE,
        resolved_at__gte=OuterRef("given_up_at"),
    )


def allowed_delay() -> timedelta:
    """How long it may take from an event until every system that is told of it has it."""
    return timedelta(minutes=next((sla.minutes for sla in active_book().slas() if sla.slug == DELAY), DELAY_MINUTES))


@dataclass(frozen=True)
class MeasuredLag:
    """How long it took to tell a system, from the event to the system's word that it has it, in seconds; and what it waits for still.

    `told` messages arrived in the time asked about, `late` of them later than promised; no figures where nothing arrived.
    """

    system: System
    told: int
    late: int
    p50: float | None
    p95: float | None
    longest: float | None
    waiting: SyncLag | None

    @property
    def is_late(self) -> bool:
        """Whether anything arrived too late, or waits for too long."""
        return self.late > 0 or (self.waiting is not None and self.waiting.is_late)


def measured_lags(systems: Iterable[System], *, now: datetime, hours: int = MEASURED_HOURS) -> list[MeasuredLag]:
    """How these systems were told in the last hours; the same few queries for any number."""
    wanted = list(systems)
    waiting = {lag.system.pk: lag for lag in sync_lags(now)}
    with connection.cursor() as cursor:
        cursor.execute(
            MEASURE, [allowed_delay().total_seconds(), now - timedelta(hours=hours), [system.pk for system in wanted]]
        )
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    lags = []
    for system in wanted:
        told, late, p50, p95, longest = found.get(system.pk, (0, 0, None, None, None))
        lags.append(MeasuredLag(system, told, late, p50, p95, longest, waiting.get(system.pk)))
    return lags


def measured_lags_for(by: Actor, now: datetime) -> list[MeasuredLag]:
    """As `measured_lags`, of the systems that exist for the actor; none for one who may not look at systems."""
    return measured_lags(systems_for(by).filter(IS_TOLD), now=now) if by.may("sync.view_system") else []


def delays_of_client(
    client_id: UUID, *, start: datetime, end: datetime
) -> tuple[int, int, float | None, float | None, float | None]:
    """How soon systems were told of what is a client's: messages, those later than allowed, and seconds: half, 95 of 100, the longest."""
    with connection.cursor() as cursor:
        cursor.execute(MEASURE_CLIENT, [allowed_delay().total_seconds(), start, end, client_id])
        told, late, middle, most, longest = cursor.fetchone() or (0, 0, None, None, None)
    return told, late, middle, most, longest


def systems_for(by: Actor) -> QuerySet[System]:
    """Systems that serve everybody, and those of the actor's clients. Raises `Refused` without the permission, as all of these do."""
    require(by, "sync.view_system")
    systems = System.objects.select_related("client", "owner").order_by("slug")
    return systems if by.clients is None else systems.filter(Q(client=None) | Q(client_id__in=by.clients))


def system_called(by: Actor, slug: str) -> System:
    """The system of this slug. Raises `NotFound` for none, and for another client's alike."""
    found = systems_for(by).filter(slug=slug).first()
    if found is None:
        raise NotFound(said("There is no system %(slug)s, or it is not yours to see.", slug=slug[:40]))
    return found


def connectors_for(by: Actor) -> QuerySet[Connector]:
    """How payloads of the actor's systems are read."""
    return Connector.objects.filter(system__in=systems_for(by)).select_related("system").order_by("slug")


def credentials_for(by: Actor) -> QuerySet[Credential]:
    """Secrets shared with the actor's systems, newest first; what is sealed stays in the table."""
    found = Credential.objects.filter(system__in=systems_for(by)).select_related("system").defer("sealed")
    return found.order_by("-not_before", "-pk")


def newest_credential(system: System, kind: str) -> Credential:
    """The secret that was added last."""
    return Credential.objects.filter(system=system, kind=kind).defer("sealed").order_by("-not_before", "-pk")[0]


def events_for(by: Actor) -> QuerySet[InboundEvent]:
    """What came in for the actor's clients; what belongs to none only for who sees every client."""
    require(by, "sync.view_system")
    events = InboundEvent.objects.select_related("system", "client").defer("sealed")
    return events if by.clients is None else events.filter(client_id__in=by.clients)


def events_called(*, by: Actor, words: str, most: int = 5) -> list[InboundEvent]:
    """What came in under this id, or as this dead letter, and exists for the actor; none for one who may not look at systems."""
    if not by.may("sync.view_system"):
        return []
    number = whole_number(words.upper().removeprefix(DEAD_LETTER_PREFIX))
    is_key = words.upper().startswith(DEAD_LETTER_PREFIX) and number is not None
    named = Q(number=number) if is_key else Q(event_id=words, system__in=System.objects.values("pk"))
    return list(events_for(by).filter(named).order_by("-number")[:most])


def letters_for(by: Actor) -> QuerySet[InboundEvent]:
    """Events that are dead letters, or once were."""
    return events_for(by).filter(Q(state__in=[InboundState.DEAD, InboundState.DISCARDED]) | Q(replays__gt=0))


def messages_for(by: Actor) -> QuerySet[OutboundMessage]:
    """What was promised to other systems for the actor's clients, with the attempts to keep it."""
    require(by, "sync.view_system")
    tries = Prefetch("tries", Attempt.objects.order_by("number"))
    messages = OutboundMessage.objects.select_related("system", "client").defer("sealed").prefetch_related(tries)
    return messages if by.clients is None else messages.filter(client_id__in=by.clients)


def messages_about(subject: SubjectRef, *, of_type: str) -> list[OutboundMessage]:
    """What systems were promised about a subject, oldest first, without the contents."""
    messages = OutboundMessage.objects.filter(subject_type=subject.type, subject_id=subject.id, type=of_type)
    return list(messages.select_related("system").defer("sealed", "preview").order_by("number"))


def runs_about(subjects: Collection[SubjectRef]) -> list[FlowRun]:
    """The runs of these subjects, oldest first, with what they expect."""
    expectations = Prefetch("expectations", Expectation.objects.order_by("due_at", "pk"))
    runs = FlowRun.objects.filter(
        subject_type__in={one.type for one in subjects}, subject_id__in={one.id for one in subjects}
    )
    return list(runs.select_related("flow", "owner").prefetch_related(expectations).order_by("pk"))


def runs_for(by: Actor) -> QuerySet[FlowRun]:
    """Flow runs of the actor's clients, with what they expect."""
    require(by, "orders.view_order")
    expectations = Prefetch("expectations", Expectation.objects.order_by("due_at", "pk"))
    runs = FlowRun.objects.select_related("flow", "client", "owner").prefetch_related(expectations)
    return runs if by.clients is None else runs.filter(client_id__in=by.clients)
