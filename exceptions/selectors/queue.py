"""The queue: what needs whom, most urgent first, in pages that cost the same at ten thousand cases and at a million."""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_noop as noop

from audit import filtering
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.texts import whole_number
from audit.words import said
from exceptions.list_pages import NONE
from exceptions.models import CaseWords, ExceptionCase
from exceptions.models.case_words import WORD_JOINERS
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import owners
from exceptions.selectors.clocks import clock_of
from exceptions.selectors.columns import QUEUE_COLUMNS, refuse_unknown_columns
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.next_steps import NextStep, next_step, with_first_timer
from exceptions.states import CASE_LIVE, CaseState, ClockState
from rules import selectors as rules
from rules.models import ExceptionType, Owner, Team

AT_RISK = "at-risk"
HIGH_VALUE = "500.."
ORDERS = {
    "urgency": ("urgent_at", "pk"),
    "due": ("due_at", "pk"),
    "-risk": ("-at_risk_minor", "-pk"),
    "-created": ("-opened_at", "-pk"),
}
PER_PAGE = (25, 50, 100, 200)
BY_CAUSE = "cause"
GROUPED_BY = (BY_CAUSE, "client", "type", "owner")
MOST_COUNTED = 1_000
LEFT_OUT = "!"
RANGES = {
    "due": filtering.moment("due", "due_at", ahead=True),
    "risk": filtering.amount("risk", "at_risk_minor"),
}
# Of these several may be asked for, of which any will do: `state=open&state=waiting` in an address, joined by commas here.
OF_SEVERAL = frozenset({"state", "client", "type", "owner"})
# What can be left out, `state!=waiting`, of which none may be in the list.
LEAVABLE = frozenset({*OF_SEVERAL, "cause"})
# A row shows no playbook, evidence or criteria, so a page does not read and parse those of fifty cases.
ROW_COLUMNS = (
    *("number", "version", "title", "title_words", "type", "state", "severity"),
    *("subject_key", "at_risk_minor", "currency", "acknowledged_at", "route", "route_plan"),
    *("acknowledge_by", "opened_at", "due_at", "urgent_at", "waiting_until", "waiting_on"),
    *("warn_at", "occurrences", "reopened", "cause", "ladder", "ladder_step"),
    *("owner__name", "owner__kind", "backup__name", "client__name"),
)


@dataclass(frozen=True)
class QueueFilters:
    """What of the queue to show; `scope` is mine, team or unowned. Unknown values are refused, never ignored.

    `owner` also says `me` or `team:<slug>`, `cause` says `none` for those that have none, and so does `client` for those of the house where
    these exist for the reader. What is `OF_SEVERAL` may name several, joined by commas. `without` is what to leave out, name and values.
    """

    scope: str = "mine"
    state: str = ""
    client: str = ""
    type: str = ""
    cause: str = ""
    due: str = ""
    owner: str = ""
    q: str = ""
    sort: str = "urgency"
    risk: str = ""
    after: str = ""
    per: int = 50
    cols: Sequence[str] = ()
    group: str = ""
    without: Sequence[tuple[str, Sequence[str]]] = ()

    def named(self) -> dict[str, Sequence[str]]:
        """What is asked for by name, and with `!` after the name what is left out."""
        kept = {name: getattr(self, name).split(",") for name in sorted(OF_SEVERAL) if getattr(self, name)}
        cause = {"cause": [self.cause]} if self.cause else {}
        return kept | cause | {f"{name}{LEFT_OUT}": values for name, values in self.without}


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
    found = list(with_first_timer(ordered)[: filters.per + 1])
    shown = found[: filters.per]
    count, at_risk = _totals(cases)
    return QueuePage(
        rows=rows_of(shown, by=by, now=now),
        next_after=_write_after(shown[-1], filters) if len(found) > filters.per else "",
        count=count,
        at_risk=at_risk,
    )


def filtered(cases: CaseQuerySet, *, by: Actor, filters: QueueFilters, now: datetime) -> CaseQuerySet:
    """The cases the filters leave.

    Owners and clients are few and looked up first: told their ids, PostgreSQL knows how many cases to expect and walks the right index;
    left to join, it walked a million to find none.
    """
    named = _named(by=by, filters=filters, now=now)
    if filters.scope == "mine":
        cases = cases.filter(owner__in=by.owners)
    elif filters.scope == "unowned":
        cases = cases.filter(owner__in=named["unowned"])
    for name, values in filters.named().items():
        condition = _condition(name.removesuffix(LEFT_OUT), values, named[name])
        cases = cases.exclude(condition) if name.endswith(LEFT_OUT) else cases.filter(condition)
    for name in RANGES:
        cases = cases.filter(_within(name, getattr(filters, name), by=by, now=now))
    return cases.filter(search(filters.q)) if filters.q else cases


def _condition(name: str, values: Sequence[str], pks: Sequence[UUID]) -> Q:
    """What a filter says of an exception."""
    if name == "client":
        return Q(client__in=pks) | (Q(client=None) if NONE in values else Q())
    if name == "owner":
        return Q(owner__in=pks)
    return Q(**{f"{name}__in": ["" if name == "cause" and value == NONE else value for value in values]})


def _within(name: str, value: str, *, by: Actor, now: datetime) -> Q:
    """The exceptions of this time or amount: one that is offered, or any range. Raises `Invalid` for what is none."""
    if not value:
        return Q()
    if (name, value) == ("due", AT_RISK):
        return Q(warn_at__lte=now, due_at__gt=now)
    try:
        return RANGES[name].read(value, filtering.Question(by, now, timezone.get_current_timezone()))
    except filtering.UnknownValueError:
        error = _cannot_be(name, value)
        raise Invalid(error.detail, errors=[error]) from None


def _cannot_be(name: str, value: str) -> FieldError:
    return FieldError(f"/{name}", "unknown", said("%(name)s cannot be “%(name_2)s”.", name=name, name_2=value))


def _named(*, by: Actor, filters: QueueFilters, now: datetime) -> Mapping[str, list[UUID]]:
    """The ids of what the filters name, in one statement for all of them."""
    records: dict[str, QuerySet[Any]] = {}
    if filters.scope == "unowned":
        records["unowned"] = Owner.objects.filter(Q(is_active=False) | Q(valid_until__lte=now))
    for name, values in filters.named().items():
        if name.startswith("owner"):
            records[name] = Owner.objects.filter(owners.named_any(values, by))
        elif name.startswith("client"):
            records[name] = rules.clients_of(by).filter(slug__in=values)
    found = defaultdict(list)
    for name, pk in as_one([rows.values_list(Value(name), "pk") for name, rows in records.items()]):
        found[name].append(pk)
    return found


def as_one(querysets: Sequence[QuerySet[Any, tuple[Any, ...]]]) -> Iterable[tuple[Any, ...]]:
    """The rows of all of them, in one statement and in no order."""
    if not querysets:
        return []
    first, *others = [rows.order_by() for rows in querysets]
    return first.union(*others, all=True) if others else first


def tabs(*, by: Actor, scope: str, now: datetime) -> list[tuple[str, str, int]]:
    """The shipped views of a queue: (title, query, count), counted in one statement."""
    cases = by_urgency(filtered(visible_cases(by).live(), by=by, filters=QueueFilters(scope=scope), now=now))
    shipped = [
        (noop("All open"), "", cases),
        (noop("Late"), "due=overdue", cases.filter(due_at__lt=now)),
        (noop("Due within the hour"), "due=1h", cases.filter(_within("due", "1h", by=by, now=now))),
        (noop("Not acknowledged"), "state=open", cases.filter(state=CaseState.OPEN)),
        (noop("Waiting on others"), "state=waiting", cases.filter(state=CaseState.WAITING)),
        (noop("High value"), f"risk={HIGH_VALUE}", cases.filter(_within("risk", HIGH_VALUE, by=by, now=now))),
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
        backup=case.backup.name,
        next=next_step(case),
    )


def refuse_unknown(filters: QueueFilters, *, by: Actor) -> None:
    """Raise `Invalid` for a value no filter has, or a column there is not; another's client is as unknown as none."""
    refuse_unknown_columns(filters.cols, QUEUE_COLUMNS)
    given = filters.named()
    fixed: dict[str, Sequence[Any]] = {
        "scope": ("mine", "team", "unowned"),
        "per": PER_PAGE,
        "sort": tuple(ORDERS),
        "group": ("", *GROUPED_BY),
    }
    known = fixed | _known(given, by)
    asked: dict[str, Sequence[Any]] = {name: [getattr(filters, name)] for name in fixed} | given
    errors = [_cannot_be(name, value) for name, values in known.items() for value in asked[name] if value not in values]
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)


def _known(given: Mapping[str, Sequence[str]], by: Actor) -> dict[str, list[str]]:
    """Which of the given names there are, in one statement. An owner that is not there has no exceptions, but cannot be left out."""
    found: dict[str, list[str]] = {}
    asked: list[QuerySet[Any, tuple[Any, ...]]] = []
    for name, values in given.items():
        records: dict[str, QuerySet[Any]] = {
            "type": ExceptionType.objects.all(),
            "client": rules.clients_of(by),
            f"owner{LEFT_OUT}": Owner.objects.all(),
        }
        source = records.get(name, records.get(name.removesuffix(LEFT_OUT)))
        if source is not None:
            found[name] = [NONE] if name.startswith("client") and by.clients is None else []
            asked.append(source.filter(slug__in=values).values_list(Value(name), "slug"))
        elif name.removesuffix(LEFT_OUT) == "state":
            found[name] = list(CASE_LIVE)
    if f"owner{LEFT_OUT}" in given:
        found[f"owner{LEFT_OUT}"].append(owners.ME)
        teams = Team.objects.annotate(address=Concat(Value(owners.TEAM), "slug", output_field=CharField()))
        named = teams.filter(address__in=given[f"owner{LEFT_OUT}"])
        asked.append(named.values_list(Value(f"owner{LEFT_OUT}"), "address"))
    for name, slug in as_one(asked):
        found[name].append(slug)
    return found


def search(words: str) -> Q:
    """Cases with this key, or these words in title, subject or cause."""
    number = whole_number(words.upper().removeprefix("EX-"))
    asked = "".join(" " if letter in WORD_JOINERS or letter in "'\\" else letter for letter in words).split()
    prefixes = SearchQuery(" & ".join(f"'{word}':*" for word in asked), config="simple", search_type="raw")
    found = (CaseWords.objects.filter(words=prefixes) if asked else CaseWords.objects.none()).values("pk")
    if number is not None:
        found = found.union(ExceptionCase.objects.filter(number=number).values("pk"), all=True)
    return Q(pk__in=found)


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
