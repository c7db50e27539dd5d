"""The queue: what needs whom, soonest first, in pages that cost the same at ten thousand cases and at a million."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from audit.context import Actor
from audit.errors import FieldError, Invalid
from exceptions.models import ExceptionCase
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors.next_steps import NextStep, next_step
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules
from rules.models import ExceptionType

DUE = {"overdue": timedelta(0), "1h": timedelta(hours=1), "today": timedelta(hours=24)}
PER_PAGE = (25, 50, 100, 200)
MOST_COUNTED = 1_000


@dataclass(frozen=True)
class QueueFilters:
    """What of the queue to show; `scope` is mine, team or unowned. Unknown values are refused, never ignored."""

    scope: str = "mine"
    state: str = ""
    client: str = ""
    type: str = ""
    due: str = ""
    owner: str = ""
    q: str = ""
    after: str = ""
    per: int = 50


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
    waiting_until: datetime | None
    occurrences: int
    reopened: int
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


def queue_page(*, by: Actor, filters: QueueFilters, now: datetime) -> QueuePage:
    """The page. Raises `Invalid` naming an unknown filter value: a bad filter never widens the set."""
    refuse_unknown(filters, by=by)
    cases = filtered(visible_cases(by).live(), by=by, filters=filters, now=now)
    ordered = cases.select_related("owner", "backup", "client").order_by("due_at", "pk")
    if filters.after:
        due_at, pk = _read_after(filters.after)
        ordered = ordered.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, pk__gt=pk))
    found = list(ordered[: filters.per + 1])
    shown = found[: filters.per]
    more = len(found) > filters.per
    counted = cases.order_by()[: MOST_COUNTED + 1]
    return QueuePage(
        rows=rows_of(shown, by=by),
        next_after=_write_after(shown[-1]) if more else "",
        count=ExceptionCase.objects.filter(pk__in=counted.values("pk")).count(),
        at_risk=_money(counted),
    )


def filtered(cases: CaseQuerySet, *, by: Actor, filters: QueueFilters, now: datetime) -> CaseQuerySet:
    """The cases the filters leave."""
    if filters.scope == "mine":
        cases = cases.filter(owner__in=rules.owners_of(by).values("pk"))
    elif filters.scope == "unowned":
        cases = cases.filter(Q(owner__is_active=False) | Q(owner__valid_until__lte=now))
    if filters.state:
        cases = cases.filter(state=filters.state)
    if filters.client:
        cases = cases.filter(client__slug=filters.client)
    if filters.type:
        cases = cases.filter(type=filters.type)
    if filters.due:
        cases = cases.filter(due_at__lt=now + DUE[filters.due])
    if filters.owner:
        cases = cases.filter(owner__slug=filters.owner)
    return cases.filter(search(filters.q)) if filters.q else cases


def tabs(*, by: Actor, scope: str, now: datetime) -> list[tuple[str, str, int]]:
    """The shipped views of a queue: (title, query, count), counted in one statement."""
    cases = filtered(visible_cases(by).live(), by=by, filters=QueueFilters(scope=scope), now=now)
    counts = cases.aggregate(
        all=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        soon=Count("pk", filter=Q(due_at__lt=now + DUE["1h"])),
        untaken=Count("pk", filter=Q(state=CaseState.OPEN)),
        waiting=Count("pk", filter=Q(state=CaseState.WAITING)),
    )
    return [
        ("All open", "", counts["all"]),
        ("Late", "due=overdue", counts["overdue"]),
        ("Due within the hour", "due=1h", counts["soon"]),
        ("Not acknowledged", "state=open", counts["untaken"]),
        ("Waiting on others", "state=waiting", counts["waiting"]),
    ]


def choices(*, by: Actor) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen in the filters: value and label."""
    return {
        "state": [(state.value, str(state.label)) for state in CASE_LIVE],
        "client": list(rules.clients_of(by).values_list("slug", "name")),
        "type": list(ExceptionType.objects.filter(is_active=True).order_by("name").values_list("slug", "name")),
        "due": [("overdue", "Late"), ("1h", "Within the hour"), ("today", "Within 24 hours")],
    }


def rows_of(cases: Sequence[ExceptionCase], *, by: Actor) -> list[CaseRow]:
    """The rows of these cases."""
    mine = set(rules.owners_of(by).values_list("pk", flat=True))
    return [_row(case, mine) for case in cases]


def _row(case: ExceptionCase, mine: set[UUID]) -> CaseRow:
    return CaseRow(
        id=case.pk,
        key=case.key,
        version=case.version,
        title=case.title,
        type=case.type,
        state=case.state,
        state_label=str(CaseState(case.state).label),
        severity=case.severity,
        subject_key=case.subject_key,
        client=case.client.name if case.client else "The house",
        at_risk_minor=case.at_risk_minor,
        currency=case.currency,
        owner=case.owner.name,
        owner_kind=case.owner.kind,
        is_mine=case.owner_id in mine,
        acknowledged_at=case.acknowledged_at,
        acknowledge_by=case.acknowledge_by,
        opened_at=case.opened_at,
        due_at=case.due_at,
        waiting_until=case.waiting_until if case.state == CaseState.WAITING else None,
        occurrences=case.occurrences,
        reopened=case.reopened,
        next=next_step(case),
    )


def refuse_unknown(filters: QueueFilters, *, by: Actor) -> None:
    """Raise `Invalid` for a value no filter has; another's client is as unknown as none."""
    known: dict[str, Sequence[Any]] = {
        "scope": ("mine", "team", "unowned"),
        "state": ("", *CASE_LIVE),
        "due": ("", *DUE),
        "per": PER_PAGE,
    }
    if filters.type:
        known["type"] = list(ExceptionType.objects.values_list("slug", flat=True))
    if filters.client:
        known["client"] = list(rules.clients_of(by).values_list("slug", flat=True))
    errors = [
        FieldError(f"/{name}", "unknown", f"{name} cannot be “{getattr(filters, name)}”.")
        for name, values in known.items()
        if getattr(filters, name) not in values
    ]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def search(words: str) -> Q:
    """Cases with this key, or these words in title, subject or cause."""
    number = words.upper().removeprefix("EX-")
    found = Q(title__icontains=words) | Q(subject_key__icontains=words) | Q(cause__icontains=words)
    return found | Q(number=int(number)) if number.isascii() and number.isdigit() and len(number) < 18 else found  # noqa: PLR2004 -- bigint


def _money(cases: CaseQuerySet) -> dict[str, int]:
    sums = (
        ExceptionCase.objects.filter(pk__in=cases.values("pk")).values("currency").annotate(total=Sum("at_risk_minor"))
    )
    return {row["currency"]: row["total"] for row in sums.order_by("currency") if row["total"]}


def _write_after(case: ExceptionCase) -> str:
    return base64.urlsafe_b64encode(f"{case.due_at.isoformat()} {case.pk}".encode()).decode().rstrip("=")


def _read_after(after: str) -> tuple[datetime, UUID]:
    try:
        due_at, pk = base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)).decode().split(" ")
        return datetime.fromisoformat(due_at), UUID(pk)
    except (ValueError, binascii.Error):
        detail = "This page mark is not one of ours; start at the first page."
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from None
