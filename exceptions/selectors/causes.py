"""What an exception shares with others, and all of a queue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from audit.context import Actor
from exceptions.models import ExceptionCase
from exceptions.selectors import queue, queue_filters
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.queue_filters import ORDERS, QueueFilters
from exceptions.selectors.shared_causes import name_of_cause

MOST_NEAREST: Final = 3
CHUNK: Final = 2_000


@dataclass(frozen=True)
class SameCause:
    """The open exceptions that share one's cause: how many others, and the most urgent of them. Counts stop at `MOST_COUNTED`."""

    count: int
    nearest: Sequence[ExceptionCase]
    query: str
    name: str

    @property
    def is_capped(self) -> bool:
        """Whether there are more than were counted."""
        return self.count > queue.MOST_COUNTED


def sharing_cause(case: ExceptionCase, *, by: Actor) -> SameCause | None:
    """The others of its type and cause that the actor may see; None where it names no cause, is over, or is the only one."""
    if not (case.cause and case.is_live):
        return None
    alike = queue.visible_cases(by).live().filter(type=case.type, cause=case.cause).exclude(pk=case.pk)
    others = queue.by_urgency(alike)
    named = others.only("number", "title", "title_words", "state", "due_at", "opened_at").annotate(
        called=name_of_cause()
    )
    nearest = list(named[: MOST_NEAREST + 1])
    if not nearest:
        return None
    count = len(nearest)
    if count > MOST_NEAREST:
        (count,) = capped_counts([others], most=queue.MOST_COUNTED)
    query = urlencode({"type": case.type, "cause": case.cause})
    return SameCause(count, nearest[:MOST_NEAREST], query, getattr(nearest[0], "called", ""))


def exported_cases(*, by: Actor, filters: QueueFilters, now: datetime) -> Iterator[ExceptionCase]:
    """Every exception the filters leave, in their order, read as it is asked for. Raises `Invalid` for an unknown filter."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    return cases.select_related("owner", "backup", "client").order_by(*ORDERS[filters.sort]).iterator(chunk_size=CHUNK)
