"""What changed on a page since somebody opened it: asked every few seconds, so it costs no more than it must."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from audit import verbs
from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.models import Event
from audit.selectors.pages import names_of
from audit.words import said
from exceptions import presence
from exceptions.models import ExceptionCase
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors import queue, queue_filters
from exceptions.selectors.cases import case_for
from exceptions.selectors.counts import capped_counts
from exceptions.selectors.next_steps import with_first_timer
from exceptions.selectors.queue import CaseRow
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.states import CaseState

CASE_TYPE: Final = "exceptions.exceptioncase"
SHOWN: Final = re.compile(r"^(\d{1,15}(,\d{1,15}){0,199})?$", re.ASCII)


@dataclass(frozen=True)
class QueueNews:
    """How the rows on the screen stand now, which of them left the list, and how many came (counted to `MOST_COUNTED`)."""

    rows: Sequence[CaseRow]
    gone: frozenset[str]
    came: int
    people: Mapping[str, Sequence[presence.Person]]


@dataclass(frozen=True)
class CaseNews:
    """Who else is on the exception, and the newest thing that happened to it since; None for nothing."""

    people: Sequence[presence.Person]
    at: datetime | None = None
    sentence: str = ""
    number: int = 0


def shown_numbers(text: str) -> list[int]:
    """The numbers of the rows on a screen. Raises `Invalid`."""
    if not SHOWN.match(text):
        detail = said("These are no rows of a queue.")
        raise Invalid(detail, errors=[FieldError("/shown", "unknown", detail)])
    return [int(number) for number in text.split(",") if number]


def people_on_rows(rows: Sequence[CaseRow], *, by: Actor, now: datetime) -> Mapping[str, Sequence[presence.Person]]:
    """Who else is on these exceptions, by key."""
    return presence.people_on([row.key for row in rows], besides=by.id, now=now)


def queue_news(*, by: Actor, filters: QueueFilters, shown: Sequence[int], since: datetime, now: datetime) -> QueueNews:
    """What became of the rows that are shown, and what came to the list since. Raises `Invalid` as the list does."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    here = set(cases.filter(number__in=shown).values_list("number", flat=True))
    on_screen = queue.visible_cases(by).filter(number__in=shown).select_related("owner", "backup", "client")
    rows = queue.rows_of(list(with_first_timer(on_screen.only(*queue.ROW_COLUMNS))), by=by, now=now)
    # What was given to me is as new as what was opened; in a list of everybody's it was there before.
    arrived = Q(opened_at__gt=since)
    if filters.scope == "mine":
        arrived |= Q(updated_at__gt=since, state=CaseState.OPEN)
    (came,) = capped_counts(
        [queue.by_urgency(cases.filter(arrived).exclude(number__in=shown))], most=queue.MOST_COUNTED
    )
    return QueueNews(
        rows=rows,
        gone=frozenset(row.key for row in rows if _number(row) not in here),
        came=came,
        people=people_on_rows(rows, by=by, now=now),
    )


def _number(row: CaseRow) -> int:
    return int(row.key.removeprefix(KEY_PREFIX))


def people_on_case(case: ExceptionCase, *, by: Actor, now: datetime) -> Sequence[presence.Person]:
    """Who else is on the exception."""
    return presence.people_on([case.key], besides=by.id, now=now).get(case.key, ())


def case_news(*, by: Actor, key: str, seen: int, now: datetime) -> CaseNews:
    """What happened to the exception after its event number `seen`. Raises `NotFound`."""
    case = case_for(by, key)
    people = people_on_case(case, by=by, now=now)
    event = Event.objects.filter(subject_type=CASE_TYPE, subject_id=str(case.pk), seq__gt=seen).order_by("-seq").first()
    if event is None:
        return CaseNews(people)
    who = names_of([event.actor])[event.actor]
    return CaseNews(people, event.at, verbs.sentence(event.type, actor=who), event.seq)
