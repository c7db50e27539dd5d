"""The queue: what needs whom, most urgent first, in pages that cost the same at ten thousand cases and at a million."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from exceptions.models import ExceptionCase
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors.clocks import clock_of
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.next_steps import NextStep, next_step, with_first_timer
from exceptions.selectors.queue_filters import HIGH_VALUE, ORDERS, QueueFilters, filtered, refuse_unknown, within
from exceptions.selectors.shared_causes import name_of_cause
from exceptions.states import CaseState, ClockState

MOST_COUNTED = 1_000
# A row shows no playbook, evidence or criteria, so a page does not read and parse those of fifty cases.
ROW_COLUMNS = (
    *("number", "version", "title", "title_words", "type", "state", "severity"),
    *("subject_key", "at_risk_minor", "currency", "acknowledged_at", "route", "route_plan"),
    *("acknowledge_by", "opened_at", "due_at", "urgent_at", "waiting_until", "waiting_on"),
    *("warn_at", "occurrences", "reopened", "cause", "ladder", "ladder_step"),
    *("owner__name", "owner__kind", "backup__name", "client__name"),
)


@dataclass(frozen=True)
class CaseRow:
    """One exception in a list."""

    id: UUID
    key: str
    version: int
    title: str
    type: str
    state: str
    state_label: str
    severity: str
    subject_key: str
    client: str
    at_risk_minor: int
    currency: str
    owner: str
    owner_kind: str
    is_mine: bool
    acknowledged_at: datetime | None
    acknowledge_by: datetime
    opened_at: datetime
    due_at: datetime
    urgent_at: datetime
    waiting_until: datetime | None
    warn_at: datetime | None
    clock: ClockState
    occurrences: int
    reopened: int
    cause: str
    cause_name: str
    backup: str
    next: NextStep | None


@dataclass(frozen=True)
class QueuePage:
    """A page of the queue, with the counts and money of the whole view (counts stop at `MOST_COUNTED`)."""

    rows: Sequence[CaseRow]
    next_after: str
    count: int
    at_risk: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > MOST_COUNTED


def visible_cases(by: Actor) -> CaseQuerySet:
    """The exceptions that exist for the actor."""
    cases: CaseQuerySet = ExceptionCase.objects.all()
    return cases.of_clients(by.clients)


def by_urgency(cases: CaseQuerySet) -> CaseQuerySet:
    """The most urgent first: the order of the indexes that counts are read from."""
    return cases.order_by(*ORDERS["urgency"])


def queue_page(*, by: Actor, filters: QueueFilters, now: datetime) -> QueuePage:
    """The page. Raises `Invalid` naming an unknown filter value: a bad filter never widens the set."""
    refuse_unknown(filters, by=by)
    cases = filtered(visible_cases(by).live(), by=by, filters=filters, now=now)
    ordered = cases.select_related("owner", "backup", "client").only(*ROW_COLUMNS).order_by(*ORDERS[filters.sort])
    if filters.after:
        ordered = ordered.filter(_beyond(filters))
    if "cause" in filters.cols:
        ordered = ordered.annotate(called=name_of_cause())
    found = list(with_first_timer(ordered)[: filters.per + 1])
    shown = found[: filters.per]
    count, at_risk = _totals(cases)
    return QueuePage(
        rows=rows_of(shown, by=by, now=now),
        next_after=_write_after(shown[-1], filters) if len(found) > filters.per else "",
        count=count,
        at_risk=at_risk,
    )


def tabs(*, by: Actor, scope: str, now: datetime) -> list[tuple[str, str, int]]:
    """The shipped views of a queue: (title, query, count), counted in one statement."""
    cases = by_urgency(filtered(visible_cases(by).live(), by=by, filters=QueueFilters(scope=scope), now=now))
    shipped = [
        (noop("All open"), "", cases),
        (noop("Late"), "due=overdue", cases.filter(due_at__lt=now)),
        (noop("Due within the hour"), "due=1h", cases.filter(within("due", "1h", by=by, now=now))),
        (noop("Not acknowledged"), "state=open", cases.filter(state=CaseState.OPEN)),
        (noop("Waiting on others"), "state=waiting", cases.filter(state=CaseState.WAITING)),
        (noop("High value"), f"risk={HIGH_VALUE}", cases.filter(within("risk", HIGH_VALUE, by=by, now=now))),
    ]
    counts = capped_counts([found for _, _, found in shipped], most=MOST_COUNTED)
    return [(title, query, count) for (title, query, _), count in zip(shipped, counts, strict=True)]


def waiting_count(*, by: Actor) -> int:
    """How many of all the actor may see nobody has taken yet."""
    waiting = by_urgency(visible_cases(by).filter(state=CaseState.OPEN))
    return capped_counts([waiting], most=MOST_COUNTED)[0]


def rows_of(cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> list[CaseRow]:
    """The rows of these cases."""
    return [_row(case, by.owners, now) for case in cases]


def _row(case: ExceptionCase, mine: frozenset[UUID], now: datetime) -> CaseRow:
    return CaseRow(
        id=case.pk,
        key=case.key,
        version=case.version,
        title=case.headline,
        type=case.type,
        state=case.state,
        state_label=str(CaseState(case.state).label),
        severity=case.severity,
        subject_key=case.subject_key,
        client=case.client.name if case.client else noop("The house"),
        at_risk_minor=case.at_risk_minor,
        currency=case.currency,
        owner=case.owner.name,
        owner_kind=case.owner.kind,
        is_mine=case.owner_id in mine,
        acknowledged_at=case.acknowledged_at,
        acknowledge_by=case.acknowledge_by,
        opened_at=case.opened_at,
        due_at=case.due_at,
        urgent_at=case.urgent_at,
        waiting_until=case.waiting_until if case.state == CaseState.WAITING else None,
        warn_at=case.warn_at,
        clock=clock_of(case, now=now),
        occurrences=case.occurrences,
        reopened=case.reopened,
        cause=case.cause,
        cause_name=getattr(case, "called", ""),
        backup=case.backup.name,
        next=next_step(case),
    )


def _totals(cases: CaseQuerySet) -> tuple[int, dict[str, int]]:
    """How many there are and what they put at risk, from the most urgent on, no further than the page says."""
    try:
        sql, values = by_urgency(cases).values("currency", "at_risk_minor")[: MOST_COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:  # nobody to own any: Django asks no such question
        return 0, {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT currency, count(*), sum(at_risk_minor)::bigint FROM ({sql}) AS counted GROUP BY currency ORDER BY currency",  # noqa: S608 -- compiled by Django
            values,
        )
        found = cursor.fetchall()
    return sum(row[1] for row in found), {currency: amount for currency, _count, amount in found if amount}


def _beyond(filters: QueueFilters) -> Q:
    """What comes after the mark in this order."""
    first = ORDERS[filters.sort][0]
    name = first.removeprefix("-")
    value, pk = _read_after(filters.after, int if name == "at_risk_minor" else datetime.fromisoformat)
    step = "lt" if first.startswith("-") else "gt"
    return Q(**{f"{name}__{step}e": value}) & (Q(**{f"{name}__{step}": value}) | Q(**{f"pk__{step}": pk}))


def _write_after(case: ExceptionCase, filters: QueueFilters) -> str:
    value = getattr(case, ORDERS[filters.sort][0].removeprefix("-"))
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return base64.urlsafe_b64encode(f"{text} {case.pk}".encode()).decode().rstrip("=")


def _read_after(after: str, read: Callable[[str], Any]) -> tuple[Any, UUID]:
    try:
        value, pk = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode().split(" ")
        return read(value), UUID(pk)
    except ValueError:
        detail = said("This page mark is not one of ours; start at the first page.")
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from None
