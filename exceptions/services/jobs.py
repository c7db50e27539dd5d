"""Acts on many records: a plan that says exactly which, a job that does exactly those, and a way to stop it and to take it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from audit.access import require
from audit.context import Actor, acting
from audit.errors import Conflict, FieldError, IllegalTransition, Invalid, NotFound
from audit.services.events import record
from audit.wakeups import wake
from audit.words import kept, said, within
from exceptions import job_kinds
from exceptions.models import Job, JobItem, JobPlan, JobWork
from exceptions.selectors.jobs import job_for
from exceptions.services.job_work import AT_ONCE, tell_end, work_job
from exceptions.states import ItemState, JobState

MOST_PLANNED: Final = 10_000
MANY: Final = 500
MANY_PERMISSION: Final = "exceptions.act_on_many"
PLAN_HOLDS: Final = timedelta(minutes=15)
UNDO_WITHIN: Final = timedelta(minutes=15)
MOST_CHANGED: Final = 0.05

FREEZE: Final = """
    INSERT INTO exceptions_jobitem (job_id, position, subject_id, key, client_id, seen, given, state, why)
    SELECT %s, place, item ->> 'id', item ->> 'key', (item ->> 'client')::uuid, (item ->> 'seen')::int, item -> 'given', %s, ''
    FROM exceptions_jobplan p CROSS JOIN LATERAL jsonb_array_elements(p.items) WITH ORDINALITY AS one(item, place)
    WHERE p.id = %s
"""


@dataclass(frozen=True)
class Planned:
    """One record the act is for: its id, what people call it, whose it is, the version that was looked at, and what holds for it alone."""

    id: str
    key: str
    client: UUID | None = None
    seen: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Barred:
    """One record the act cannot be done on, and why."""

    key: str
    why: str


def plan_job(
    *,
    kind: str,
    items: Sequence[Planned],
    barred: Sequence[Barred] = (),
    undoes: Job | None = None,
    asked: Mapping[str, str] | None = None,
    by: Actor,
    now: datetime,
) -> JobPlan:
    """Keep exactly these for an act on many; nothing happens to them before `start_job`. What the same actor planned and let lie goes.

    `asked` says of what they were all: of a `list` with its `query`, or what a `job` left undone; nothing where each was chosen.

    Raises `Refused` without the kind's permission, `Invalid` for more than anyone may plan at once.
    """
    require(by, job_kinds.kind(kind).permission)
    if len(items) + len(barred) > MOST_PLANNED:
        detail = said("At most %(value)s at once; choose fewer.", value=f"{MOST_PLANNED:,}")
        raise Invalid(detail, errors=[FieldError("/filter", "too-many", detail)])
    JobPlan.objects.filter(actor=by.id, at__lt=now - PLAN_HOLDS).delete()
    rows = [{**vars(one), "client": one.client and str(one.client)} for one in items]
    return JobPlan.objects.create(
        at=now,
        kind=kind,
        actor=by.id,
        items=rows,
        barred=[{**vars(one), "kept": kept(one.why)} for one in barred],
        undoes=undoes,
        asked=dict(asked or {}),
    )


def start_job(*, plan_id: UUID, given: Mapping[str, Any], by: Actor, now: datetime) -> Job:
    """Do what was planned, exactly that; a few at once, more of them by a worker. Started again, it is the same job.

    Raises `NotFound` for a plan that is not the actor's, `Conflict` for one that is too old or no longer true, `Invalid` for what was
    filled in, `Refused` for more than the actor may do at once.
    """
    with acting(by, at=now):
        plan = (
            JobPlan.objects.select_for_update(of=("self",))
            .select_related("job")
            .filter(pk=plan_id, actor=by.id)
            .first()
        )
        if plan is None:
            raise NotFound("There is no such plan, or it is not yours. Plans that nobody confirms are forgotten.")
        if plan.job is not None:
            return plan.job
        kind = job_kinds.kind(plan.kind)
        _refuse_unless_good(plan, kind, by, now)
        kind.check(given, by=by, now=now)
        job = _queued(plan, given, by, now)
    if job.total <= AT_ONCE:
        work_job(job_id=job.pk, now=now)
        job.refresh_from_db()
    return job


def _refuse_unless_good(plan: JobPlan, kind: job_kinds.JobKind, by: Actor, now: datetime) -> None:
    require(by, kind.permission)
    if not plan.items:
        detail = said("There is nothing in this plan that the act can be done on.")
        raise Invalid(detail, errors=[FieldError("/plan", "empty", detail)])
    if len(plan.items) > MANY:
        require(by, MANY_PERMISSION)
    if now - plan.at > PLAN_HOLDS:
        raise Conflict(
            said(
                "This plan is older than %(seconds)s minutes. Look at it as it is now.",
                seconds=PLAN_HOLDS.seconds // 60,
            ),
            code="plan-too-old",
        )
    if len(plan.items) > AT_ONCE:
        changed = kind.changed([_item(row) for row in plan.items])
        if changed > MOST_CHANGED * len(plan.items):
            raise Conflict(
                said(
                    "%(changed)s of %(items)s changed since you looked. Look at the plan as it is now.",
                    changed=f"{changed:,}",
                    items=f"{len(plan.items):,}",
                ),
                code="plan-changed",
            )


def _item(row: Mapping[str, Any]) -> job_kinds.Item:
    return job_kinds.Item(row["id"], row["key"], row["seen"], row["given"])


def _queued(plan: JobPlan, given: Mapping[str, Any], by: Actor, now: datetime) -> Job:
    job = Job.objects.create(
        kind=plan.kind,
        actor=by.id,
        actor_name=by.name,
        user_id=by.user_id,
        request_id=by.request_id,
        total=len(plan.items),
        queued_at=now,
        undoes=plan.undoes,
    )
    job.refresh_from_db(fields=["number"])
    asked = {**plan.asked, "planned_at": plan.at.isoformat(), "barred": len(plan.barred)}
    JobWork.objects.create(job=job, given=dict(given), asked=asked, due_at=now)
    with connection.cursor() as cursor:
        cursor.execute(FREEZE, [job.pk, ItemState.PENDING, plan.pk])
    JobPlan.objects.filter(pk=plan.pk).update(job=job)
    undoes = plan.undoes.key if plan.undoes else None
    record("job.queued", subject=job, kind=job.kind, total=job.total, undoes=undoes)
    if job.total > AT_ONCE:
        wake("exceptions.work_jobs")
    return job


def cancel_job(*, job_id: UUID, by: Actor, now: datetime) -> Job:
    """Stop it after the batch at hand: what is done stays done, what is not stays as it is.

    Raises `NotFound` for one that is not the actor's to see, `Refused` for another's without the permission, `IllegalTransition` when it is
    over already.
    """
    with acting(by, at=now):
        job = _locked(job_id, by)
        if job.actor != by.id:
            require(by, MANY_PERMISSION)
        if not job.is_live:
            raise IllegalTransition(
                said("%(key)s is “%(state)s” already.", key=job.key, state=within(JobState(job.state).label)),
                at=job.finished_at,
            )
        job.cancel(at=now)
        job.save()
        record("job.cancelled", subject=job)
        tell_end(job, by=by, now=now)
    return job


def undo_job(*, job_id: UUID, by: Actor, now: datetime) -> Job:
    """Take back what it did, with a job of its own: each record that has not changed since, by the opposite act.

    Raises `Conflict` where there is nothing to take back, or it is too late or done already; `NotFound` unless it is the actor's own.
    """
    with acting(by, at=now):
        job = _locked(job_id, by)
        why_not = undo_barred(job, now=now)
        if job.actor != by.id or why_not:
            raise Conflict(why_not or "Only who did it can take it back.", code="cannot-undo")
        done = JobItem.objects.filter(job=job, state=ItemState.DONE, undo__isnull=False).order_by("position")
        items = [Planned(one.subject_id, one.key, one.client_id, one.version, one.undo or {}) for one in done]
        plan = plan_job(kind=job_kinds.kind(job.kind).undo, items=items, undoes=job, by=by, now=now)
    return start_job(plan_id=plan.pk, given={"reason": f"Taken back: {job.key}."}, by=by, now=now)


def undo_barred(job: Job, *, now: datetime) -> str:
    """Why it cannot be taken back now; empty when it can."""
    if not job_kinds.kind(job.kind).undo or job.undoes_id is not None:
        return said("This cannot be taken back.")
    if job.finished_at is None:
        return said("%(key)s is still running.", key=job.key)
    if now - job.finished_at > UNDO_WITHIN:
        return said("It can be taken back for %(n)s minutes; they are over.", n=UNDO_WITHIN.seconds // 60)
    if Job.objects.filter(undoes=job).exists():
        return said("%(key)s was taken back already.", key=job.key)
    if not JobItem.objects.filter(job=job, state=ItemState.DONE, undo__isnull=False).exists():
        return said("Nothing was changed.")
    return ""


def _locked(job_id: UUID, by: Actor) -> Job:
    found = job_for(by, job_id)
    return Job.objects.select_for_update().get(pk=found.pk)
