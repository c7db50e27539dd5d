"""A queue by what its exceptions share: their cause, client, type or owner."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model

from audit.context import Actor
from audit.words import said_again
from exceptions.list_pages import NONE
from exceptions.models.cases import MINOR_PER_MINUTE, MOST_MINUTES, CaseQuerySet
from exceptions.selectors import queue, queue_filters
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.selectors.shared_causes import NAME_OF_URGENT
from rules.models import Client, Owner

MOST_GROUPS: Final = 200
GROUPED: Final = """
    SELECT {keys}, currency, count(*), sum(at_risk_minor)::bigint, min(due_at), min(opened_at),
        (array_agg(title ORDER BY urgent_at))[1], (array_agg(title_words ORDER BY urgent_at))[1], {name}
    FROM ({cases}) AS urgent GROUP BY {keys}, currency
"""
ADDED: Final = ("currency", "at_risk_minor", "due_at", "opened_at", "urgent_at", "title", "title_words")


@dataclass(frozen=True)
class Grouping:
    """One way to group: the columns members share, the filters that leave one group, and the records these columns point to.

    `called` is SQL for how people call a group that has no such record.
    """

    columns: tuple[str, ...]
    filters: tuple[str, ...]
    records: type[Model] | None = None
    called: str = "''"


GROUPINGS: Final[Mapping[str, Grouping]] = {
    "cause": Grouping(("type", "cause"), ("type", "cause"), called=NAME_OF_URGENT),
    "client": Grouping(("client_id",), ("client",), Client),
    "type": Grouping(("type",), ("type",)),
    "owner": Grouping(("owner_id",), ("owner",), Owner),
}


@dataclass
class Group:
    """Exceptions of a queue that share something: how many, the worst deadline, since when, the money at risk, the most urgent one's title.

    `members` are the columns they share, `narrowed` what a query string says to leave only these, `name` what a shared record or
    a cause is called by people.
    """

    members: Mapping[str, Any]
    count: int
    due_at: datetime
    opened_at: datetime
    title: str
    at_risk: dict[str, int] = field(default_factory=dict)
    narrowed: str = ""
    name: str = ""

    @property
    def type(self) -> str:
        """The type all of them have, "" for several."""
        return str(self.members.get("type", ""))

    @property
    def cause(self) -> str:
        """The cause all of them have, "" for none and for several."""
        return str(self.members.get("cause", ""))

    @property
    def risk_minor(self) -> int:
        """All amounts together, whatever their currency: only to put groups in order."""
        return sum(self.at_risk.values())

    @property
    def urgent_at(self) -> datetime:
        """The worst deadline, brought forward by what is at risk in all of them together, as that of one is."""
        return self.due_at - timedelta(minutes=min(self.risk_minor // MINOR_PER_MINUTE, MOST_MINUTES))


@dataclass(frozen=True)
class GroupPage:
    """A queue by group. Of more than `MOST_COUNTED` exceptions the groups of the most urgent are shown, with how many each has in all."""

    groups: Sequence[Group]
    count: int
    at_risk: Mapping[str, int]
    unshown: int
    next_after: str = ""
    rows: Sequence[queue.CaseRow] = ()

    @property
    def is_capped(self) -> bool:
        """Whether there are more exceptions than were looked at."""
        return self.count > queue.MOST_COUNTED


GROUP_ORDERS: Final[Mapping[str, Callable[[Group], Any]]] = {
    "urgency": lambda group: (group.urgent_at, group.narrowed),
    "due": lambda group: (group.due_at, group.narrowed),
    "-risk": lambda group: (-group.risk_minor, group.narrowed),
    "-created": lambda group: (-group.opened_at.timestamp(), group.narrowed),
}


def group_page(*, by: Actor, filters: QueueFilters, now: datetime) -> GroupPage:
    """The queue with one row per group, in the order asked for. Raises `Invalid` naming an unknown filter value."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    grouping = GROUPINGS[filters.group or queue_filters.BY_CAUSE]
    groups = _groups(cases, grouping)
    _name(groups, grouping)
    count, at_risk = sum(group.count for group in groups), Counter[str]()
    for group in groups:
        at_risk.update(group.at_risk)
    groups.sort(key=GROUP_ORDERS[filters.sort])
    shown = groups[:MOST_GROUPS]
    if count > queue.MOST_COUNTED:
        members = [queue.by_urgency(cases.filter(**group.members)) for group in shown]
        for group, members_count in zip(shown, capped_counts(members, most=queue.MOST_COUNTED), strict=True):
            group.count = members_count
    return GroupPage(shown, count, {name: at_risk[name] for name in sorted(at_risk)}, len(groups) - len(shown))


def _groups(cases: CaseQuerySet, grouping: Grouping) -> list[Group]:
    """The groups of the most urgent cases, in no order."""
    columns = dict.fromkeys((*grouping.columns, *ADDED))
    try:
        sql, values = queue.by_urgency(cases).values(*columns)[: queue.MOST_COUNTED + 1].query.sql_with_params()
    except EmptyResultSet:  # nobody to own any: Django asks no such question
        return []
    with connection.cursor() as cursor:
        cursor.execute(GROUPED.format(keys=", ".join(grouping.columns), cases=sql, name=grouping.called), values)
        rows = cursor.fetchall()
    found: dict[tuple[Any, ...], Group] = {}
    for row in rows:
        shared = row[: len(grouping.columns)]
        currency, count, minor, due_at, opened_at, title, words, name = row[len(shared) :]
        members = dict(zip(grouping.columns, shared, strict=True))
        headline = said_again(title, json.loads(words))
        group = found.setdefault(shared, Group(members, 0, due_at, opened_at, headline, name=name))
        group.count += count
        group.due_at, group.opened_at = min(group.due_at, due_at), min(group.opened_at, opened_at)
        if minor:
            group.at_risk[currency] = minor
    return list(found.values())


def _name(groups: Sequence[Group], grouping: Grouping) -> None:
    """Say what each is called and by which filters it is found: records are looked up in one statement."""
    named = _named(grouping.records, [key for group in groups for key in group.members.values() if key])
    for group in groups:
        shared = [named.get(key, (key, "")) for key in group.members.values()]
        group.name = group.name or shared[0][1]
        group.narrowed = urlencode(
            {name: slug or NONE for name, (slug, _) in zip(grouping.filters, shared, strict=True)}
        )


def _named(records: type[Model] | None, keys: Iterable[UUID]) -> Mapping[UUID, tuple[str, str]]:
    if records is None:
        return {}
    found = records._default_manager.filter(pk__in=keys).values_list("pk", "slug", "name")
    return {pk: (slug, name) for pk, slug, name in found}
