"""Which exceptions an act on many is for: those that were ticked, all that match, all of a cause, or what a job left undone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.words import said
from exceptions.job_kinds import action_of
from exceptions.models import ExceptionCase, Job, JobPlan
from exceptions.models.cases import CaseQuerySet
from exceptions.selectors import queue, queue_filters
from exceptions.selectors.jobs import items_for
from exceptions.selectors.next_steps import with_first_timer
from exceptions.selectors.playbook import Step, steps_of
from exceptions.selectors.queue import ROW_COLUMNS, CaseRow
from exceptions.selectors.queue_filters import ORDERS, QueueFilters
from exceptions.states import CaseState, ItemState
from rules import selectors as rules
from rules.models import Owner

MOST_SHOWN: Final = 200
MOST_KINDS: Final = 50
PLAN_COLUMNS: Final = ("number", "version", "state", "severity", "client_id", "owner_id")


@dataclass(frozen=True)
class Share:
    """What a plan means for one owner: how many are open now, and how many of the planned ones they give and get."""

    name: str
    open_count: int
    gives: int
    gets: int

    @property
    def then(self) -> int:
        """How many will be open."""
        return self.open_count - self.gives + self.gets


@dataclass(frozen=True)
class CasePlan:
    """What the page of a plan shows, and how many there are in all.

    `lines` are the first rows, each with the name of who gets it; `outcomes` and `steps` are those
    that every one of them has.
    """

    lines: Sequence[tuple[CaseRow, str]]
    count: int
    outcomes: Sequence[tuple[str, str]]
    steps: Sequence[Step]
    shares: Sequence[Share] = ()

    @property
    def unshown(self) -> int:
        """How many are not on the page."""
        return self.count - len(self.lines)


def cases_to_plan(*, by: Actor, numbers: Sequence[int]) -> list[ExceptionCase]:
    """The exceptions with these numbers, as far as they exist for the actor, the most urgent first."""
    return _lean(queue.visible_cases(by).filter(number__in=numbers), ORDERS["urgency"])


def matching_cases(*, by: Actor, filters: QueueFilters, now: datetime, most: int) -> list[ExceptionCase]:
    """All the filters leave, in order. Raises `Invalid` for an unknown filter and for more than `most`."""
    queue_filters.refuse_unknown(filters, by=by)
    cases = queue_filters.filtered(queue.visible_cases(by).live(), by=by, filters=filters, now=now)
    return all_or_none(cases, most=most, order=ORDERS[filters.sort])


def all_or_none(
    cases: QuerySet[ExceptionCase], *, most: int, order: Sequence[str] = ORDERS["urgency"]
) -> list[ExceptionCase]:
    """All of these in order. Raises `Invalid` for more than `most`: nothing is left out unsaid."""
    found = _lean(cases, order, most=most + 1)
    if len(found) > most:
        detail = said("More than %(most)s match. Narrow the filters.", most=f"{most:,}")
        raise Invalid(detail, errors=[FieldError("/filter", "too-many", detail)])
    return found


def cases_of_job(*, by: Actor, job: Job) -> list[ExceptionCase]:
    """What a job of the actor's did not do."""
    left = items_for(by, job).exclude(state=ItemState.DONE).values_list("subject_id", flat=True)
    return _lean(queue.visible_cases(by).filter(pk__in=[UUID(one) for one in left]), ORDERS["urgency"])


def shares_of_job(*, by: Actor, job: Job) -> dict[UUID, str]:
    """To whom a job of the actor's would have given what it did not do, as owners' slugs; empty where all went to one."""
    left = items_for(by, job).exclude(state=ItemState.DONE).values_list("subject_id", "given__to")
    return {UUID(subject_id): to for subject_id, to in left if to}


def untaken_cases_of(team: str, *, by: Actor, now: datetime, most: int) -> list[ExceptionCase]:
    """What people of a team have and nobody has taken, as far as it exists for the actor. Raises `Invalid` for more than `most`."""
    people = rules.people_of_team(team, by=by, at=now).order_by().values("pk")
    untaken = queue.visible_cases(by).filter(state=CaseState.OPEN, owner__in=people)
    return all_or_none(untaken, most=most)


def _lean(cases: QuerySet[ExceptionCase], order: Sequence[str], *, most: int | None = None) -> list[ExceptionCase]:
    return list(cases.only(*PLAN_COLUMNS).order_by(*order)[:most])


def case_plan(plan: JobPlan, *, by: Actor, now: datetime) -> CasePlan:
    """The plan as its page shows it."""
    ids = [item["id"] for item in plan.items]
    shown = queue.visible_cases(by).select_related("owner", "backup", "client").only(*ROW_COLUMNS)
    by_id = {str(case.pk): case for case in with_first_timer(shown.filter(pk__in=ids[:MOST_SHOWN]))}
    rows = queue.rows_of([by_id[one] for one in ids[:MOST_SHOWN] if one in by_id], by=by, now=now)
    planned = queue.visible_cases(by).filter(pk__in=ids)
    going = {UUID(item["id"]): to for item in plan.items if (to := item["given"].get("to"))}
    names = dict(Owner.objects.filter(slug__in=set(going.values())).values_list("slug", "name"))
    lines = [(row, names.get(going.get(row.id, ""), "")) for row in rows]
    return CasePlan(
        lines=lines,
        count=len(ids),
        outcomes=_common_outcomes(planned),
        steps=_common_steps(planned) if action_of(plan.kind) == "step" else (),
        shares=_shares(going, planned, by) if going else (),
    )


def _shares(going: Mapping[UUID, str], planned: CaseQuerySet, by: Actor) -> list[Share]:
    """What it means for whom, by name; what is open is counted as far as it exists for the reader."""
    gets = Counter(going.values())
    gives = Counter(dict(planned.order_by().values_list("owner__slug").annotate(n=Count("pk"))))
    theirs = queue.visible_cases(by).live().filter(owner=OuterRef("pk")).order_by().values("owner")
    now_open = Coalesce(Subquery(theirs.annotate(n=Count("pk")).values("n")), 0)
    owners = Owner.objects.filter(slug__in={*gets, *gives}).annotate(open_count=now_open).order_by("name", "pk")
    return [Share(one.name, one.open_count, gives[one.slug], gets[one.slug]) for one in owners]


def _common_outcomes(cases: CaseQuerySet) -> list[tuple[str, str]]:
    """Asked of each distinct set of outcomes: a thousand exceptions have a handful."""
    offered = list(cases.order_by().values_list("outcomes", flat=True).distinct()[:MOST_KINDS])
    allowed = [{row["slug"]: row["label"] for row in outcomes} for outcomes in offered]
    return (
        [(slug, label) for slug, label in allowed[0].items() if all(slug in others for others in allowed)]
        if allowed
        else []
    )


def _common_steps(cases: CaseQuerySet) -> list[Step]:
    """What can be done on all of them alike, in the order of the first playbook; asked of each distinct one."""
    books = list(cases.order_by().values_list("playbook", flat=True).distinct()[:MOST_KINDS])
    shared = set.intersection(*({row["label"] for row in book} for book in books)) if books else set()
    steps = steps_of(books[0]) if books else []
    return [step for step in steps if step.label in shared and step.is_for_many]
