"""Many exceptions at once: what they share, those somebody chose, and all of a queue."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.context import Actor
from exceptions.models import ExceptionCase
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import queue
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.next_steps import with_first_timer
from exceptions.selectors.queue import ORDERS, QueueFilters

MOST_CAUSES: Final = 50
CHUNK: Final = 2_000


@dataclass(frozen=True)
class CauseRow:
    """A cause several open exceptions of one type share; `count` stops at `MOST_COUNTED`, as every count does."""

    type: str
    cause: str
    count: int


def shared_causes(*, by: Actor, now: datetime) -> list[CauseRow]:
    """The causes that several of the most urgent exceptions share, the most common first."""
    cases = queue.filtered(queue.visible_cases(by).live(), by=by, filters=QueueFilters(scope="team"), now=now)
    urgent = cases.exclude(cause="").order_by(*ORDERS["urgency"]).values_list("type", "cause")[: queue.MOST_COUNTED]
    common = [pair for pair, times in Counter(urgent).most_common(MOST_CAUSES) if times > 1]
    members = [queue.by_urgency(cases.filter(type=kind, cause=cause)) for kind, cause in common]
    counts = capped_counts(members, most=queue.MOST_COUNTED)
    rows = [CauseRow(kind, cause, count) for (kind, cause), count in zip(common, counts, strict=True)]
    return sorted(rows, key=lambda row: (-row.count, row.type, row.cause))


def chosen_cases(*, by: Actor, numbers: Sequence[int]) -> list[ExceptionCase]:
    """The exceptions with these numbers, as far as they exist for the actor, the most urgent first."""
    return _whole(queue.visible_cases(by).filter(number__in=numbers))


def cases_of_cause(*, by: Actor, kind: str, cause: str, most: int) -> list[ExceptionCase]:
    """The open exceptions of this type that share the cause, the most urgent first."""
    return _whole(queue.visible_cases(by).live().filter(type=kind, cause=cause))[:most]


def _whole(cases: CaseQuerySet) -> list[ExceptionCase]:
    whole = cases.select_related("owner", "backup", "client").order_by(*ORDERS["urgency"])
    return list(with_first_timer(whole))


def exported_cases(*, by: Actor, filters: QueueFilters, now: datetime) -> Iterator[ExceptionCase]:
    """Every exception the filters leave, in their order, read as it is asked for. Raises `Invalid` for an unknown filter."""
    queue.refuse_unknown(filters, by=by)
    cases = queue.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    return cases.select_related("owner", "backup", "client").order_by(*ORDERS[filters.sort]).iterator(chunk_size=CHUNK)
