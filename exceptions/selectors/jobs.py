"""Acts on many: those somebody may look at, and how far each is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.texts import page_mark, whole_number
from audit.words import said_again
from exceptions import job_kinds
from exceptions.models import Job, JobItem, JobPlan
from exceptions.models.jobs import JOB_PREFIX
from exceptions.selectors.job_log import LogLine, log_of
from exceptions.states import ItemState, JobState

PER_PAGE: Final = 50


@dataclass(frozen=True)
class JobRow:
    """One job in a list."""

    job: Job
    title: str
    state_label: str
    is_mine: bool


@dataclass(frozen=True)
class JobsPage:
    """A page of jobs, the newest first."""

    rows: Sequence[JobRow]
    next_after: str


@dataclass(frozen=True)
class ItemRow:
    """One record of a job and what came of it."""

    key: str
    url: str
    state: str
    why: str
    at: datetime | None


@dataclass(frozen=True)
class JobPage:
    """How far a job is, and one of its lists of results."""

    job: Job
    title: str
    why: str
    state_label: str
    given: Mapping[str, str]
    log: Sequence[LogLine]
    show: str
    rows: Sequence[ItemRow]
    next_after: str
    is_mine: bool
    undone_by: Job | None
    action: str
    route: str
    noun: str


def jobs_for(by: Actor) -> QuerySet[Job]:
    """One's own; all of them for who sees every client and may read the trail. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    jobs: QuerySet[Job] = Job.objects.select_related("work")
    return jobs if by.clients is None and by.may("audit.view_trail") else jobs.filter(actor=by.id)


def job_for(by: Actor, job_id: UUID) -> Job:
    """The job. Raises `NotFound`, also for somebody else's."""
    found = jobs_for(by).filter(pk=job_id).first()
    if found is None:
        raise NotFound("There is no such job, or it is not yours to see.")
    return found


def job_number(key: str) -> int:
    """The number in JOB-12. Raises `NotFound` for what is no key."""
    number = whole_number(key.upper().removeprefix(JOB_PREFIX))
    if number is None:
        raise NotFound("There is no such job, or it is not yours to see.")
    return number


def job_called(by: Actor, key: str) -> Job:
    """The job people call `key`. Raises `NotFound`."""
    found = jobs_for(by).select_related("undoes").filter(number=job_number(key)).first()
    if found is None:
        raise NotFound("There is no such job, or it is not yours to see.")
    return found


def plans_for(by: Actor) -> QuerySet[JobPlan]:
    """What the actor planned. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    return JobPlan.objects.filter(actor=by.id).select_related("job")


def plan_called(by: Actor, key: str) -> JobPlan:
    """The actor's plan of this id. Raises `NotFound`."""
    try:
        plan = plans_for(by).filter(pk=UUID(key)).first()
    except ValueError:
        plan = None
    if plan is None:
        raise NotFound("There is no such plan, or it is not yours. Plans that nobody confirms are forgotten.")
    return plan


def items_for(by: Actor, job: Job) -> QuerySet[JobItem]:
    """The records of a job, as far as they are of the actor's clients."""
    items = JobItem.objects.filter(job=job)
    return items if by.clients is None else items.filter(client_id__in=by.clients)


def jobs_page(*, by: Actor, after: str = "") -> JobsPage:
    """A page of jobs. Raises `Invalid` for a mark that is not ours."""
    jobs = jobs_for(by)
    if after:
        jobs = jobs.filter(number__lt=page_mark(after))
    found = list(jobs.order_by("-number")[: PER_PAGE + 1])
    rows = [JobRow(job, title_of(job), _label(job), job.actor == by.id) for job in found[:PER_PAGE]]
    return JobsPage(rows, str(rows[-1].job.number) if len(found) > PER_PAGE else "")


def job_page(*, by: Actor, key: str, show: str = "", after: str = "") -> JobPage:
    """A job, and the results of one kind: what was refused first, unless `show` names another. Raises `NotFound`, `Invalid`."""
    job = job_called(by, key)
    shown = show if show in ItemState.values else _worst(job)
    items = items_for(by, job).filter(state=shown)
    if after:
        items = items.filter(position__gt=page_mark(after))
    found = list(items.order_by("position")[: PER_PAGE + 1])
    kind = job_kinds.kind(job.kind)
    rows = [
        ItemRow(one.key, kind.url(one.key), one.state, said_again(one.why, one.why_kept), one.at)
        for one in found[:PER_PAGE]
    ]
    told = {**job.work.given, **job.work.given.get("data", {})}
    given = {name: str(value) for name, value in told.items() if value and name != "data"}
    return JobPage(
        job=job,
        title=title_of(job),
        why=said_again(job.why, job.why_kept),
        state_label=_label(job),
        given=given,
        log=log_of(job, by=by),
        show=shown,
        rows=rows,
        next_after=str(found[PER_PAGE - 1].position) if len(found) > PER_PAGE else "",
        is_mine=job.actor == by.id,
        undone_by=Job.objects.filter(undoes=job).first(),
        action=job_kinds.action_of(job.kind),
        route=kind.route,
        noun=str(kind.noun),
    )


def results_of(*, by: Actor, key: str, show: str) -> tuple[Job, Iterator[ItemRow]]:
    """A job and all its results of one kind, in the order of work: of nothing named, what was not done. Raises `NotFound`."""
    job = job_called(by, key)
    shown = [show] if show in ItemState.values else [ItemState.REFUSED, ItemState.SKIPPED]
    kind = job_kinds.kind(job.kind)
    items = items_for(by, job).filter(state__in=shown).order_by("position").iterator(chunk_size=1_000)
    return job, (ItemRow(one.key, kind.url(one.key), one.state, one.why, one.at) for one in items)


def title_of(job: Job) -> str:
    """What it does, in words."""
    return job_kinds.kind(job.kind).title


def _label(job: Job) -> str:
    return str(JobState(job.state).label)


def _worst(job: Job) -> ItemState:
    """The list one wants to see first: what was not done, if anything was not."""
    if job.work.refused:
        return ItemState.REFUSED
    if job.work.skipped:
        return ItemState.SKIPPED
    return ItemState.DONE if job.work.done else ItemState.PENDING
