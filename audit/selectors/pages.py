"""The trail in pages of rows, one event in full, and everything that happened to one record."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Q

from audit import verbs
from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid, NotFound
from audit.models import Accountable, ChainHead, Event, User
from audit.selectors.naming import keys_of
from audit.selectors.trail import events_for
from audit.texts import page_mark
from audit.words import said, said_again

HIDDEN_FIELDS = frozenset({"sealed", "digest", "emails"})
EVENTS_OF_RECORD = 200
RELATED = 20
NOISE = frozenset({"version", "created_at", "updated_at"})


@dataclass(frozen=True)
class EventRow:
    """One event as people read it; `changes` maps a field to (before, after), `key` is what its record is called, where that was asked."""

    id: UUID
    at: datetime
    who: str
    is_person: bool
    sentence: str
    type: str
    subject_type: str
    subject_id: str
    channel: str
    request_id: str
    reason: str
    changes: Mapping[str, Sequence[Any]]
    data: Mapping[str, Any]
    seq: int
    hash: str
    key: str = ""

    @property
    def has_history(self) -> bool:
        """Whether its record is one people answer for, with every version kept."""
        return _model(self.subject_type) is not None


@dataclass(frozen=True)
class HistoryRow:
    """One version of a record: who made it when and why, field by field before → after."""

    version: int
    at: datetime
    who: str
    reason: str
    changes: Sequence[tuple[str, Any, Any]]


@dataclass(frozen=True)
class TrailFilters:
    """What of the trail to show."""

    actor: str = ""
    type: str = ""
    subject: str = ""
    request: str = ""
    after: str = ""
    per: int = 50


def trail_page(*, by: Actor, filters: TrailFilters) -> tuple[list[EventRow], str]:
    """A page of events, newest first, and the mark of the next one. Raises `Invalid` for a mark that is not ours."""
    events = events_for(by)
    for name, column in (("actor", "actor"), ("type", "type"), ("subject", "subject_id"), ("request", "request_id")):
        if value := getattr(filters, name):
            events = events.filter(**{column: value})
    if filters.after:
        at, pk = _read_mark(filters.after)
        events = events.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    found = list(events.order_by("-at", "-pk")[: filters.per + 1])
    shown = found[: filters.per]
    return _named(rows_of(shown)), _mark(shown[-1]) if len(found) > filters.per else ""


def event_page(*, by: Actor, event_id: UUID) -> tuple[EventRow, list[EventRow], int, int]:
    """One event, what else the same request did, how much of that is not shown, and how long its record's chain is. Raises `NotFound`."""
    event = events_for(by).filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event, or it is not yours to see.")
    same = (
        events_for(by).filter(request_id=event.request_id).exclude(pk=event.pk)
        if event.request_id
        else Event.objects.none()
    )
    head = ChainHead.objects.filter(subject_type=event.subject_type, subject_id=event.subject_id).first()
    related = rows_of(same.order_by("at", "pk")[:RELATED])
    unshown = same.count() - RELATED if len(related) == RELATED else 0
    (row, *named) = _named([*rows_of([event]), *related])
    return row, named, unshown, head.seq if head else 0


@dataclass(frozen=True)
class HistoryPage:
    """A record by name, its versions, and a page of its events: `total` there are, older ones than those shown after `next_after`."""

    name: str
    versions: Sequence[HistoryRow]
    events: Sequence[EventRow]
    total: int
    next_after: str


def history_page(*, by: Actor, subject_type: str, subject_id: str, after: str = "") -> HistoryPage:
    """Everything of a record, newest first. Raises `NotFound` for another client's, `Invalid` for a page mark that is none."""
    require(by, "audit.view_trail")
    record = _record(subject_type, subject_id)
    require(by, "audit.view_trail", record)
    about = Event.objects.filter(subject_type=subject_type, subject_id=subject_id)
    events = about.filter(seq__lt=page_mark(after)) if after else about
    found = list(events.order_by("-seq")[: EVENTS_OF_RECORD + 1])
    shown = found[:EVENTS_OF_RECORD]
    head = ChainHead.objects.filter(subject_type=subject_type, subject_id=subject_id).first()
    return HistoryPage(
        name=str(record),
        versions=versions_of(record),
        events=rows_of(shown),
        total=head.seq if head else 0,
        next_after=str(shown[-1].seq) if len(found) > len(shown) else "",
    )


def rows_of(events: Iterable[Event]) -> list[EventRow]:
    """The rows of these events; people's names in one query."""
    listed = list(events)
    names = names_of(event.actor for event in listed)
    return [_row(event, names) for event in listed]


def _named(rows: Sequence[EventRow]) -> list[EventRow]:
    """With what their records are called; one query."""
    keys = keys_of((row.subject_type, row.subject_id) for row in rows)
    return [replace(row, key=keys.get((row.subject_type, row.subject_id), "")) for row in rows]


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """The readable names of actor ids, in one query."""
    ids = set(actors)
    people = {int(one.removeprefix("user:")) for one in ids if one.startswith("user:")}
    users = {f"user:{user.pk}": user.display_name for user in User.objects.filter(pk__in=people)} if people else {}
    return {one: users.get(one) or _name_of(one) for one in ids}


def _name_of(actor: str) -> str:
    if actor.startswith("system:"):
        return "Handrail"
    return said("The client") if actor.startswith("client-link:") else actor.split(":", 1)[-1]


def reason_of(body: Mapping[str, Any]) -> str:
    """Why, as an event's body has it; what the product gave as its reason can be said in another language."""
    return said_again(body["reason"], body.get("words", {}))


def _row(event: Event, names: Mapping[str, str]) -> EventRow:
    body = json.loads(event.body)
    return EventRow(
        id=event.pk,
        at=event.at,
        who=names[event.actor],
        is_person=event.actor.startswith("user:"),
        sentence=verbs.sentence(event.type, actor=""),
        type=event.type,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        channel=event.channel,
        request_id=event.request_id,
        reason=reason_of(body),
        changes=body["changes"],
        data=body["data"],
        seq=event.seq,
        hash=bytes(event.hash).hex(),
    )


def _model(subject_type: str) -> type[Accountable] | None:
    try:
        model = apps.get_model(subject_type)
    except (LookupError, ValueError):
        return None
    return model if issubclass(model, Accountable) else None


def _record(subject_type: str, subject_id: str) -> Accountable:
    model = _model(subject_type)
    try:
        record = model._default_manager.filter(pk=UUID(subject_id)).first() if model else None
    except ValueError:
        record = None
    if record is None:
        raise NotFound("There is no such record, or it is not yours to see.")
    return record


def versions_of(record: Accountable) -> list[HistoryRow]:
    """Every version of a record, the newest first, with what each changed."""
    rows = list(record.history.order_by("history_id"))
    names = names_of(row.history_actor for row in rows)
    fields = [field.attname for field in record.history.model.tracked_fields if field.attname not in NOISE]
    found, before = [], None
    for row in rows:
        changes = [
            (
                name,
                "hidden" if name in HIDDEN_FIELDS else getattr(before, name, None),
                "hidden" if name in HIDDEN_FIELDS else getattr(row, name),
            )
            for name in fields
            if before is None or getattr(before, name) != getattr(row, name)
        ]
        found.append(HistoryRow(row.version, row.history_date, names[row.history_actor], _why(row), changes))
        before = row
    return list(reversed(found))


def _why(row: Any) -> str:
    """What the product gave as its reason is a text of the catalogue, what a person gave is theirs."""
    reason = row.history_change_reason or ""
    return said(reason) if row.history_actor.startswith("system:") else reason


def _mark(event: Event) -> str:
    return base64.urlsafe_b64encode(f"{event.at.isoformat()} {event.pk}".encode()).decode().rstrip("=")


def _read_mark(mark: str) -> tuple[datetime, UUID]:
    try:
        at, pk = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(pk)
    except (ValueError, binascii.Error):
        detail = said("This page mark is not one of ours; start at the first page.")
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from None
