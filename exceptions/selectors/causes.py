"""Many exceptions at once: a queue by what they share, and all of a queue."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import connection

from audit.context import Actor
from audit.words import said_again
from exceptions.models import ExceptionCase
from exceptions.models.cases import MINOR_PER_MINUTE, MOST_MINUTES, CaseQuerySet
from exceptions.selectors import queue
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.queue import ORDERS, QueueFilters

MOST_GROUPS: Final = 200
MOST_NEAREST: Final = 3
CHUNK: Final = 2_000
GROUPED: Final = """
    SELECT type, cause, currency, count(*), sum(at_risk_minor)::bigint, min(due_at), min(opened_at),
        (array_agg(title ORDER BY urgent_at))[1], (array_agg(title_words ORDER BY urgent_at))[1]
    FROM ({cases}) AS urgent GROUP BY type, cause, currency
"""


@dataclass
class CauseGroup:
    """The exceptions of a queue that share a cause (none for `cause` ""): how many, the worst deadline, since when, the money at risk."""

    type: str
    cause: str
    count: int
    due_at: datetime
    opened_at: datetime
    title: str
    at_risk: dict[str, int] = field(default_factory=dict)

    @property
    def risk_minor(self) -> int:
        """All amounts together, whatever their currency: only to put causes in order."""
        return sum(self.at_risk.values())

    @property
    def urgent_at(self) -> datetime:
        """The worst deadline, brought forward by what is at risk in all of them together, as that of one is."""
        return self.due_at - timedelta(minutes=min(self.risk_minor // MINOR_PER_MINUTE, MOST_MINUTES))

    @property
    def narrowed(self) -> str:
        """What a query string says to leave only these."""
        return urlencode({"type": self.type, "cause": self.cause or queue.NO_CAUSE})


@dataclass(frozen=True)
class GroupPage:
    """A queue by cause. Of more than `MOST_COUNTED` exceptions the causes of the most urgent are shown, with how many each has in all."""

    groups: Sequence[CauseGroup]
    count: int
    at_risk: Mapping[str, int]
    unshown: int
    next_after: str = ""
    rows: Sequence[queue.CaseRow] = ()

    @property
    def is_capped(self) -> bool:
        """Whether there are more exceptions than were looked at."""
        return self.count > queue.MOST_COUNTED


GROUP_ORDERS: Final[Mapping[str, Callable[[CauseGroup], Any]]] = {
    "urgency": lambda group: (group.urgent_at, group.type, group.cause),
    "due": lambda group: (group.due_at, group.type, group.cause),
    "-risk": lambda group: (-group.risk_minor, group.type, group.cause),
    "-created": lambda group: (-group.opened_at.timestamp(), group.type, group.cause),
}


@dataclass(frozen=True)
class SharedCause:
    """The open exceptions that share one's cause: how many others, and the most urgent of them. Counts stop at `MOST_COUNTED`."""

    count: int
    nearest: Sequence[ExceptionCase]
    query: str

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > queue.MOST_COUNTED


def sharing_cause(case: ExceptionCase, *, by: Actor) -> SharedCause | None:
    """The others of its type and cause that the actor may see; None where it names no cause, is over, or is the only one."""
    if not (case.cause and case.is_live):
        return None
    alike = queue.visible_cases(by).live().filter(type=case.type, cause=case.cause).exclude(pk=case.pk)
    others = queue.by_urgency(alike)
    nearest = list(others.only("number", "title", "title_words", "state", "due_at", "opened_at")[: MOST_NEAREST + 1])
    if not nearest:
        return None
    count = len(nearest)
    if count > MOST_NEAREST:
        (count,) = capped_counts([others], most=queue.MOST_COUNTED)
    return SharedCause(count, nearest[:MOST_NEAREST], urlencode({"type": case.type, "cause": case.cause}))


def group_page(*, by: Actor, filters: QueueFilters, now: datetime) -> GroupPage:
    """The queue with one row per cause, in the order asked for. Raises `Invalid` naming an unknown filter value."""
    queue.refuse_unknown(filters, by=by)
    cases = queue.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    groups = _groups(cases)
    count, at_risk = sum(group.count for group in groups), Counter[str]()
    for group in groups:
        at_risk.update(group.at_risk)
    groups.sort(key=GROUP_ORDERS[filters.sort])
    shown = groups[:MOST_GROUPS]
    if count > queue.MOST_COUNTED:
        members = [queue.by_urgency(cases.filter(type=group.type, cause=group.cause)) for group in shown]
        for group, members_count in zip(shown, capped_counts(members, most=queue.MOST_COUNTED), strict=True):
            group.count = members_count
    return GroupPage(shown, count, {name: at_risk[name] for name in sorted(at_risk)}, len(groups) - len(shown))


def _groups(cases: CaseQuerySet) -> list[CauseGroup]:
    """The causes of the most urgent cases, in no order."""
    columns = ("type", "cause", "currency", "at_risk_minor", "due_at", "opened_at", "urgent_at", "title", "title_words")
    try:
        sql, values = queue.by_urgency(cases).values(*columns)[: queue.MOST_COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:  # nobody to own any: Django asks no such question
        return []
    with connection.cursor() as cursor:
        cursor.execute(GROUPED.format(cases=sql), values)
        rows = cursor.fetchall()
    found: dict[tuple[str, str], CauseGroup] = {}
    for kind, cause, currency, count, minor, due_at, opened_at, title, words in rows:
        headline = said_again(title, json.loads(words))
        group = found.setdefault((kind, cause), CauseGroup(kind, cause, 0, due_at, opened_at, headline))
        group.count += count
        group.due_at, group.opened_at = min(group.due_at, due_at), min(group.opened_at, opened_at)
        if minor:
            group.at_risk[currency] = minor
    return list(found.values())


def exported_cases(*, by: Actor, filters: QueueFilters, now: datetime) -> Iterator[ExceptionCase]:
    """Every exception the filters leave, in their order, read as it is asked for. Raises `Invalid` for an unknown filter."""
    queue.refuse_unknown(filters, by=by)
    cases = queue.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    return cases.select_related("owner", "backup", "client").order_by(*ORDERS[filters.sort]).iterator(chunk_size=CHUNK)
