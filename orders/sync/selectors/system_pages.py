"""One connected system: whether it is told, what waits for it, what went wrong lately, and which secrets prove what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, Min, Q

from audit.context import Actor
from audit.models import Event
from audit.selectors.pages import EventRow, rows_of
from exceptions.models import ExceptionCase
from exceptions.selectors.visible import cases_for
from orders.sync import selectors
from orders.sync.models import Attempt, Connector, Credential, System
from orders.sync.selectors.landscape import LATELY, SystemRow, system_row
from orders.sync.states import OutboundState

ERRORS_SHOWN: Final = 10


@dataclass(frozen=True)
class InLine:
    """What a system is still to be told: not tried yet, being sent, waiting to be tried again, and given up."""

    new: int
    sending: int
    again: int
    given_up: int
    next_at: datetime | None
    since: datetime | None

    @property
    def waiting(self) -> int:
        """How many messages it has not got and will be sent."""
        return self.new + self.sending + self.again


@dataclass(frozen=True)
class Secret:
    """A secret, how old it is and whether it proves anything now."""

    credential: Credential
    age: timedelta
    is_in_force: bool


@dataclass(frozen=True)
class SystemPage:
    """A system as its own page shows it. `paused` and `answered` are what the trail says of the last time."""

    row: SystemRow
    line: InLine
    failures: Sequence[Attempt]
    secrets: Sequence[Secret]
    connectors: Sequence[Connector]
    cases: Sequence[ExceptionCase]
    paused: EventRow | None
    answered: EventRow | None

    @property
    def system(self) -> System:
        """The system itself."""
        return self.row.system

    @property
    def is_told(self) -> bool:
        """Whether messages are sent to it at all."""
        return bool(self.system.base_url) and self.system.is_active


def system_page(by: Actor, slug: str, *, now: datetime) -> SystemPage:
    """Everything about the system of this slug that exists for the actor. Raises `Refused` and `NotFound`."""
    system = selectors.system_called(by, slug)
    row = system_row(by, system, now=now)
    events = _last_said(system, ["system.answered", *(["system.paused"] if row.is_paused else [])])
    about = {"subject_type": "sync.system", "subject_id": str(system.pk)}
    may_see = by.may("exceptions.view_case")
    return SystemPage(
        row=row,
        line=_line(by, system),
        failures=_failures(by, system),
        secrets=[
            Secret(one, now - one.not_before, one.is_in_force(now))
            for one in selectors.credentials_for(by).filter(system=system)
        ],
        connectors=list(selectors.connectors_for(by).filter(system=system)),
        cases=list(cases_for(by).live().filter(**about).order_by("due_at", "pk")) if may_see else [],  # type: ignore[attr-defined]
        paused=events.get("system.paused"),
        answered=events.get("system.answered"),
    )


def _line(by: Actor, system: System) -> InLine:
    mine = selectors.messages_for(by).filter(system=system).prefetch_related(None).order_by()
    tried = Q(state=OutboundState.PENDING, attempts__gt=0)
    open_ones = mine.filter(state__in=[OutboundState.PENDING, OutboundState.SENDING])
    counted: dict[str, Any] = open_ones.aggregate(
        new=Count("pk", filter=Q(state=OutboundState.PENDING, attempts=0)),
        sending=Count("pk", filter=Q(state=OutboundState.SENDING)),
        again=Count("pk", filter=tried),
        next_at=Min("due_at", filter=tried),
        since=Min("caused_at"),
    )
    return InLine(**counted, given_up=mine.filter(state=OutboundState.DEAD).count())


def _failures(by: Actor, system: System) -> list[Attempt]:
    """The newest tries that failed, looked for among the last ones only: what is further back says nothing about today."""
    newest = Attempt.objects.aggregate(newest=Max("pk"))["newest"] or 0
    failed = Attempt.objects.filter(pk__gt=newest - LATELY, message__system=system).exclude(error="")
    if by.clients is not None:
        failed = failed.filter(message__client_id__in=by.clients)
    found = failed.select_related("message").defer("message__sealed", "message__preview")
    return list(found.order_by("-pk")[:ERRORS_SHOWN])


def _last_said(system: System, types: Sequence[str]) -> dict[str, EventRow]:
    told = Event.objects.filter(subject_type="sync.system", subject_id=str(system.pk), type__in=types)
    newest = list(told.order_by("type", "-seq").distinct("type"))
    return {row.type: row for row in rows_of(newest)}
