"""Working jobs: a batch at a time, each in one transaction with its results, so that every record is acted on once.

Whoever works a job holds a lease with a fence number. A worker that is killed has done nothing of its batch, and another takes the job up
when the lease is over; one that only slept finds the fence moved on, and does nothing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from audit.access import system_actor
from audit.arrays import bare_array, text_array
from audit.canonical import canonical_json
from audit.context import Actor, acting
from audit.errors import Refused
from audit.services.events import record
from audit.services.heartbeats import beat
from audit.wakeups import wake
from audit.words import kept, said, said_again
from exceptions import job_kinds
from exceptions.models import Job, JobItem, JobWork
from exceptions.services.notifications import notify
from exceptions.services.timers import FAILURES
from exceptions.states import JOB_LIVE, ItemState, JobState
from rules import selectors as rules
from rules.models import Owner

logger = logging.getLogger(__name__)

AT_ONCE: Final = 25
BATCH: Final = 500
LEASE: Final = timedelta(seconds=30)
PAUSE: Final = timedelta(seconds=10)
MOST_ATTEMPTS: Final = 5

KEEP: Final = """
    UPDATE exceptions_jobitem AS i
    SET state = g.state, why = g.why, why_kept = g.kept::jsonb, version = g.version, undo = nullif(g.undo, '')::jsonb, at = %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[]) AS g(id, state, why, kept, version, undo)
    WHERE i.id = g.id AND i.state = %s
"""


def work_jobs(*, now: datetime) -> int:
    """Do the next batch of the job that has waited longest; how many records were worked. More of it, or the next job, follows at once."""
    oldest = _due(now).values_list("due_at", flat=True).first()
    worked = _work(_claim(now), now)
    if _due(now).exists():
        wake("exceptions.work_jobs")
    beat(loop="jobs", at=now, oldest_due=oldest, worked=worked)
    return worked


def work_job(*, job_id: UUID, now: datetime) -> int:
    """Do the next batch of this one, unless somebody is at it."""
    return _work(_claim(now, job_id), now)


def _due(now: datetime, job_id: UUID | None = None) -> QuerySet[JobWork]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    due = JobWork.objects.filter(free, job__state__in=JOB_LIVE, due_at__lte=now).order_by("due_at", "pk")
    return due if job_id is None else due.filter(pk=job_id)


def _claim(now: datetime, job_id: UUID | None = None) -> JobWork | None:
    """Take the lease, and count the try where a kill cannot take it back."""
    with transaction.atomic():
        work = _due(now, job_id).select_for_update(of=("self",), skip_locked=True).first()
        if work is not None:
            work.fence, work.attempts = work.fence + 1, work.attempts + 1
            JobWork.objects.filter(pk=work.pk).update(lease_until=now + LEASE, fence=work.fence, attempts=work.attempts)
    return work


def _work(work: JobWork | None, now: datetime) -> int:
    if work is None:
        return 0
    if work.attempts > MOST_ATTEMPTS:
        _give_up(work, said("It failed %(n)s times; what went wrong is in the log.", n=MOST_ATTEMPTS), now)
        return 0
    try:
        by = rules.actor_again(work.job.actor, channel="task", request_id=work.job.request_id, now=now)
        return _batch(work, by, now)
    except Refused as refused:
        _give_up(work, refused.message, now)
    except FAILURES:
        logger.exception("a batch of %s failed", work.job.key)
        JobWork.objects.filter(pk=work.pk, fence=work.fence).update(lease_until=None, due_at=now + PAUSE)
    return 0


def _batch(work: JobWork, by: Actor, now: datetime) -> int:
    """The next records, with their results and how far the job is, in one transaction."""
    with acting(by, at=now):
        if not JobWork.objects.filter(pk=work.pk, fence=work.fence).update(lease_until=None, attempts=0, due_at=now):
            return 0  # the lease ran out and another has it
        job = _going_on(work.pk, now)
        if job is None:
            return 0
        items = list(JobItem.objects.filter(job=job, state=ItemState.PENDING).order_by("position")[:BATCH])
        asked = [job_kinds.Item(one.subject_id, one.key, one.seen, one.given) for one in items]
        results = job_kinds.kind(job.kind).work(asked, given=work.given, by=by, now=now)
        _keep(job, items, results, now)
        if not JobItem.objects.filter(job=job, state=ItemState.PENDING).exists():
            _finish(job.pk, by, now)
    return len(items)


def _going_on(job_id: UUID, now: datetime) -> Job | None:
    """The job, started if it was not; None when it was cancelled."""
    job = Job.objects.get(pk=job_id)
    if job.state == JobState.QUEUED:
        job = Job.objects.select_for_update().get(pk=job_id)
        if job.state == JobState.QUEUED:
            job.start(at=now)
            job.save()
            record("job.started", subject=job)
    return job if job.is_live else None


def _keep(job: Job, items: Sequence[JobItem], results: Sequence[job_kinds.Result], now: datetime) -> None:
    states = [_state(result) for result in results]
    columns = [
        bare_array([item.pk for item in items]),
        text_array(states),
        text_array([result.why[:400] for result in results]),
        text_array([canonical_json(kept(result.why)) for result in results]),
        bare_array([result.version for result in results]),
        text_array(["" if result.undo is None else canonical_json(dict(result.undo)) for result in results]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(KEEP, [now, *columns, ItemState.PENDING])
        if cursor.rowcount != len(items) or len(results) != len(items):
            raise RuntimeError(f"{job.key}: {cursor.rowcount} of {len(items)} results could be kept")
    JobWork.objects.filter(pk=job.pk).update(
        done=F("done") + states.count(ItemState.DONE),
        skipped=F("skipped") + states.count(ItemState.SKIPPED),
        refused=F("refused") + states.count(ItemState.REFUSED),
        last_batch_at=now,
    )


def _state(result: job_kinds.Result) -> ItemState:
    if not result.why:
        return ItemState.DONE
    return ItemState.SKIPPED if result.is_overtaken else ItemState.REFUSED


def _finish(job_id: UUID, by: Actor, now: datetime) -> None:
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.state != JobState.RUNNING:
        return
    job.finish(at=now)
    job.save()
    work = JobWork.objects.get(pk=job.pk)
    record("job.finished", subject=job, done=work.done, skipped=work.skipped, refused=work.refused)
    tell_end(job, by=by, now=now)


def _give_up(work: JobWork, why: str, now: datetime) -> None:
    """It cannot go on; whoever wanted it is told."""
    by = system_actor("jobs")
    with acting(by, at=now):
        if not JobWork.objects.filter(pk=work.pk, fence=work.fence).update(lease_until=None):
            return
        job = Job.objects.select_for_update().get(pk=work.pk)
        if job.is_live:
            job.fail(at=now, why=why)
            job.save()
            record("job.failed", subject=job, reason=why)
            tell_end(job, by=by, now=now)


def tell_end(job: Job, *, by: Actor, now: datetime) -> None:
    """Tell whoever wanted it how it ended, unless they saw it themselves: a few are done while one waits, and who cancels it knows."""
    owner = Owner.objects.filter(user_id=job.user_id, is_active=True).first() if job.user_id else None
    seen = job.total <= AT_ONCE if job.state == JobState.DONE else by.id == job.actor
    if owner is None or seen:
        return
    work = JobWork.objects.get(pk=job.pk)
    told = {
        JobState.DONE: said("is finished"),
        JobState.CANCELLED: said("was cancelled by %(name)s", name=by.name),
        JobState.FAILED: said("was stopped"),
    }
    text = said(
        "%(key)s: %(title)s %(told)s. %(done)s of %(total)s done, %(skipped)s skipped, %(refused)s refused.",
        key=job.key,
        title=said(str(job_kinds.kind(job.kind).title)),
        told=told[JobState(job.state)],
        done=f"{work.done:,}",
        total=f"{job.total:,}",
        skipped=f"{work.skipped:,}",
        refused=f"{work.refused:,}",
    )
    if job.why:
        text = said("%(text)s %(why)s", text=text, why=said_again(job.why, job.why_kept))
    notify(owner=owner, event="job.ended", text=text, url=f"/jobs/{job.key}/", now=now)
