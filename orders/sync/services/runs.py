"""Flow runs: what a trigger is expected to lead to, met only by what somebody else was seen to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from audit.access import system_actor
from audit.context import Actor, acting, current_actor
from audit.services.events import Entry, record, record_many
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase
from exceptions.services import CaseOpening, TimerSetting, cancel_timers, open_cases, set_timers, withdraw_case
from exceptions.states import CASE_LIVE
from exceptions.timer_kinds import Due
from orders.sync.models import Expectation, FlowRun
from orders.sync.states import RunState
from rules.models import Flow

EXPECTATION = "run.expectation"
LIVE_RUNS = (RunState.RUNNING, RunState.MISSED)


@dataclass(frozen=True)
class Expected:
    """One outcome: in words, the event that proves it, and until when."""

    name: str
    event_type: str
    due_at: datetime


@dataclass(frozen=True)
class RunStart:
    """A run to start about one subject."""

    flow: Flow
    client_id: UUID
    subject: SubjectRef
    subject_key: str
    trigger: str
    expected: Sequence[Expected]


@dataclass(frozen=True)
class Observed:
    """An event that was seen about a subject; `event_id` is the evidence."""

    subject: SubjectRef
    event_type: str
    event_id: str


def start_runs(*, starts: Sequence[RunStart], by: Actor, now: datetime) -> list[FlowRun]:
    """Start runs with their expectations and timers; a subject that has a live run keeps it."""
    with acting(by, at=now):
        subjects = {(one.subject.type, one.subject.id): one for one in starts}
        busy = set(_live(list(subjects)).values_list("subject_type", "subject_id"))
        fresh = {key: one for key, one in subjects.items() if key not in busy}
        runs = [
            FlowRun(
                flow=one.flow,
                client_id=one.client_id,
                subject_type=one.subject.type,
                subject_id=one.subject.id,
                subject_key=one.subject_key,
                trigger=one.trigger,
                started_at=now,
            )
            for one in fresh.values()
        ]
        FlowRun.objects.bulk_create(runs)
        expectations = [
            Expectation(run=run, name=expected.name, event_type=expected.event_type, due_at=expected.due_at)
            for run, one in zip(runs, fresh.values(), strict=True)
            for expected in one.expected
        ]
        Expectation.objects.bulk_create(expectations)
        record_many([Entry("run.started", run, data={"flow": run.flow.slug, "trigger": run.trigger}) for run in runs])
        set_timers(
            settings=[TimerSetting(_ref(expectation), EXPECTATION, expectation.due_at) for expectation in expectations]
        )
    return runs


def observe(*, observed: Sequence[Observed], by: Actor, now: datetime) -> int:
    """Meet the expectations these events prove; the number met. A run whose last one is met is done, its case withdrawn."""
    with acting(by, at=now):
        seen = {(one.subject.type, one.subject.id, one.event_type): one for one in observed}
        runs = list(_live([key[:2] for key in seen]).order_by("pk").select_for_update())
        pending = Expectation.objects.filter(run__in=runs, met_at=None).select_related("run").order_by("pk")
        met = []
        for expectation in pending:
            proof = seen.get((expectation.run.subject_type, expectation.run.subject_id, expectation.event_type))
            if proof is not None:
                expectation.met_at, expectation.met_by = now, proof.event_id
                met.append(expectation)
        Expectation.objects.bulk_update(met, ["met_at", "met_by"])
        cancel_timers(timers=[(_ref(expectation), EXPECTATION) for expectation in met], now=now)
        _finish_complete(runs, now)
        _withdraw_cases(met, now)
    return len(met)


def cancel_runs(*, subjects: Sequence[SubjectRef], by: Actor, now: datetime) -> None:
    """Nothing is expected of these any more."""
    with acting(by, at=now):
        runs = list(_live([(one.type, one.id) for one in subjects]).order_by("pk").select_for_update())
        waiting = list(Expectation.objects.filter(run__in=runs, met_at=None))
        for run in runs:
            run.cancel(at=now)
            run.save()
            record("run.cancelled", subject=run)
        cancel_timers(timers=[(_ref(expectation), EXPECTATION) for expectation in waiting], now=now)


def on_missed(timers: Sequence[Due], *, now: datetime) -> None:
    """What was expected did not come: an exception with its context."""
    ids = [UUID(timer.subject_id) for timer in timers]
    missed = list(
        Expectation.objects.filter(pk__in=ids, met_at=None, missed_at=None).select_related(
            "run", "run__flow", "run__flow__owner"
        )
    )
    Expectation.objects.filter(pk__in=[one.pk for one in missed]).update(missed_at=now)
    for run in {one.run_id: one.run for one in missed}.values():
        if run.state == RunState.RUNNING:
            run.miss()
            run.save()
            record("run.missed", subject=run, expected=[one.name for one in missed if one.run_id == run.pk])
    open_cases(openings=[_opening(one) for one in missed], by=current_actor(), now=now)


def _opening(one: Expectation) -> CaseOpening:
    run = one.run
    return CaseOpening(
        "vendor-no-confirmation",
        SubjectRef(run.subject_type, run.subject_id, run.client_id),
        run.subject_key,
        run.client_id,
        f"{one.name} of {run.subject_key} was due {one.due_at:%d %b %H:%M} UTC and did not come",
        cause=f"{run.flow.slug}/{one.event_type}",
        evidence={
            "run": str(run.pk),
            "flow": run.flow.slug,
            "expected": one.event_type,
            "due_at": one.due_at.isoformat(),
        },
    )


def _live(subjects: Sequence[tuple[str, str]]) -> QuerySet[FlowRun]:
    return FlowRun.objects.filter(
        state__in=LIVE_RUNS, subject_type__in={one[0] for one in subjects}, subject_id__in={one[1] for one in subjects}
    )


def _ref(expectation: Expectation) -> SubjectRef:
    return SubjectRef("sync.expectation", str(expectation.pk))


def _finish_complete(runs: Sequence[FlowRun], now: datetime) -> None:
    open_runs = set(Expectation.objects.filter(run__in=runs, met_at=None).values_list("run_id", flat=True))
    for run in runs:
        if run.pk not in open_runs:
            run.finish(at=now)
            run.save()
            record("run.done", subject=run)


def _withdraw_cases(met: Sequence[Expectation], now: datetime) -> None:
    late = [expectation for expectation in met if expectation.missed_at is not None]
    for run in {expectation.run_id: expectation.run for expectation in late}.values():
        cases = ExceptionCase.objects.filter(
            type="vendor-no-confirmation", subject_type=run.subject_type, subject_id=run.subject_id, state__in=CASE_LIVE
        )
        for case in cases:
            withdraw_case(
                case_id=case.pk, reason="What was expected has come after all.", by=system_actor("intake"), now=now
            )
