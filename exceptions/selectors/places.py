"""Where an exception stands in the list somebody came from: found by its place in the order, however long the list is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, Value

from audit.context import Actor
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX, CaseQuerySet
from exceptions.selectors import queue, queue_filters
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.queue_filters import ORDERS, QueueFilters

BEFORE, AFTER = "before", "after"
OPPOSITE: Final = {"gt": "lt", "lt": "gt"}


@dataclass(frozen=True)
class Neighbours:
    """The keys of the exceptions before and after one in a list, "" at its ends."""

    previous: str = ""
    next: str = ""


@dataclass(frozen=True)
class Place:
    """The neighbours, and which of how many it is; 0 when it is not in the list any more. Both stop at `MOST_COUNTED`, as all counts do."""

    neighbours: Neighbours
    number: int
    count: int


def neighbours(case: ExceptionCase, *, by: Actor, filters: QueueFilters, now: datetime) -> Neighbours:
    """What comes before and after the case, also when it has left the list, in one statement. Raises `Invalid` as the list does."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    return _neighbours(case, cases, filters.sort)


def place_of(case: ExceptionCase, *, by: Actor, filters: QueueFilters, now: datetime) -> Place:
    """Where the case stands in the list. Raises `Invalid` as the list does."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    ahead = cases.filter(_beside(case, filters.sort, BEFORE)).order_by(*ORDERS[filters.sort])
    found = [cases.filter(pk=case.pk), ahead, queue.by_urgency(cases)]
    here, before, count = capped_counts(found, most=queue.MOST_COUNTED)
    return Place(_neighbours(case, cases, filters.sort), before + 1 if here else 0, count)


def _neighbours(case: ExceptionCase, cases: CaseQuerySet, sort: str) -> Neighbours:
    following = cases.filter(_beside(case, sort, AFTER)).order_by(*ORDERS[sort])
    leading = cases.filter(_beside(case, sort, BEFORE)).order_by(*ORDERS[sort]).reverse()
    nearest = [rows.values_list(Value(side), "number")[:1] for side, rows in ((AFTER, following), (BEFORE, leading))]
    keys = {side: f"{KEY_PREFIX}{number}" for side, number in nearest[0].union(nearest[1], all=True)}
    return Neighbours(keys.get(BEFORE, ""), keys.get(AFTER, ""))


def _beside(case: ExceptionCase, sort: str, side: str) -> Q:
    """The cases on one side of this one in the order."""
    first = ORDERS[sort][0]
    name, step = first.removeprefix("-"), "lt" if first.startswith("-") else "gt"
    if side == BEFORE:
        step = OPPOSITE[step]
    value: Any = getattr(case, name)
    return Q(**{f"{name}__{step}e": value}) & (Q(**{f"{name}__{step}": value}) | Q(**{f"pk__{step}": case.pk}))
