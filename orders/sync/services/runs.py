"""Flow runs: what a trigger is expected to lead to, met only by what somebody else was seen to say.

Four rules keep them cheap and right. A run has one timer, at its next deadline. What is missing behind something that is missing already
is its consequence and tells nobody anew. It is done only once its last outcome was seen by somebody downstream: where anything else stands
in for that, or for a handoff before it, it is not verified, and somebody has it. Everything is written for a batch: dockets arrive by the
thousand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from audit.context import Actor, acting
from audit.services.events import Entry, record_many
from audit.services.rows import insert_rows
from audit.subject_refs import SubjectRef, subject_ref
from exceptions.services import TimerSetting, cancel_timers, set_timers
from exceptions.timer_kinds import Due
from orders.sync import subjects
from orders.sync.models import Expectation, FlowRun
from orders.sync.states import RunState
from rules import selectors as rules
from rules.models import Flow

DEADLINE = "run.deadline"
VERIFICATION = "run.verification"
WAITING_RUNS = (RunState.RUNNING, RunState.MISSED)
LIVE_RUNS = (*WAITING_RUNS, RunState.UNVERIFIED)
VERIFY_WITHIN = timedelta(hours=24)
BATCH = 1_000
WRITE = """
    UPDATE sync_flowrun AS run
    SET state = given.state, ended_at = given.ended_at, owner_id = given.owner_id, verify_by = given.verify_by,
        verified_by = given.verified_by, version = run.version + 1, updated_at = %s
    FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::uuid[], %s::timestamptz[], %s::text[])
        AS given(id, state, ended_at, owner_id, verify_by, verified_by)
    WHERE run.id = given.id
"""

Expectations = Mapping[UUID, Sequence[Expectation]]


@dataclass(frozen=True)
class Expected:
    """One outcome: in words, the event that proves it, until when, and whether somebody else has it from then on."""

    name: str
    event_type: str
    due_at: datetime
    is_handoff: bool = False


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


@dataclass(frozen=True)
class Excused:
    """An event that need not come any more; `instead` is the key of what stands in for it."""

    subject: SubjectRef
    event_type: str
    instead: str


def start_runs(*, starts: Sequence[RunStart], by: Actor, now: datetime) -> list[FlowRun]:
    """Start runs with their expectations, each with a timer at its first deadline; a subject that has a live run keeps it."""
    with acting(by, at=now):
        wanted = {(one.subject.type, one.subject.id): one for one in starts}
        busy = set(_live(list(wanted)).values_list("subject_type", "subject_id"))
        fresh = [one for key, one in wanted.items() if key not in busy]
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
            for one in fresh
        ]
        insert_rows(runs)
        expectations = [
            Expectation(
                run=run,
                name=expected.name,
                event_type=expected.event_type,
                due_at=expected.due_at,
                is_handoff=expected.is_handoff,
            )
            for run, one in zip(runs, fresh, strict=True)
            for expected in one.expected
        ]
        insert_rows(expectations)
        record_many([Entry("run.started", run, data={"flow": run.flow.slug, "trigger": run.trigger}) for run in runs])
        _wind(runs, _by_run(expectations), {}, now)
    return runs


def observe(*, observed: Sequence[Observed], by: Actor, now: datetime) -> int:
    """Meet the expectations these events prove, also where something stood in for them; the number met.

    A run that misses nothing any more and whose handoff was seen is done.
    """
    with acting(by, at=now):
        seen: dict[tuple[str, str, str], str] = {}
        for one in observed:
            seen.setdefault((one.subject.type, one.subject.id, one.event_type), one.event_id)
        return _answer(seen, now, are_seen=True)


def excuse(*, excused: Sequence[Excused], by: Actor, now: datetime) -> int:
    """Expect these no longer, because something else stands in for them; the number excused. That proves no handoff."""
    with acting(by, at=now):
        instead = {(one.subject.type, one.subject.id, one.event_type): one.instead for one in excused}
        return _answer(instead, now, are_seen=False)


def cancel_runs(*, subjects: Sequence[SubjectRef], by: Actor, now: datetime) -> None:
    """Nothing is expected of these any more."""
    with acting(by, at=now):
        runs = _locked([(one.type, one.id) for one in subjects])
        unverified = [run for run in runs if run.state == RunState.UNVERIFIED]
        for run in runs:
            run.cancel(at=now)
        _write(runs, now)
        record_many([Entry("run.cancelled", run) for run in runs])
        cancel_timers(timers=[(subject_ref(run), kind) for run in runs for kind in (DEADLINE, VERIFICATION)], now=now)
        _tell_settled(unverified, now)


def ask_anew(*, subjects: Sequence[SubjectRef], by: Actor, now: datetime) -> None:
    """What let the runs of these stay unverified is over: whoever answers for each is told again."""
    with acting(by, at=now):
        runs = _locked([(one.type, one.id) for one in subjects])
        late = [run for run in runs if run.state == RunState.UNVERIFIED and run.verify_by and run.verify_by <= now]
        set_timers(settings=[TimerSetting(subject_ref(run), VERIFICATION, now) for run in late])


def lock_subjects(ids: Sequence[str]) -> set[str]:
    """Lock what these runs are about; the runs that are now safe to work on."""
    runs: dict[str, dict[str, str]] = defaultdict(dict)
    for pk, subject_type, subject_id in FlowRun.objects.filter(pk__in=ids).values_list(
        "pk", "subject_type", "subject_id"
    ):
        runs[subject_type][str(pk)] = subject_id
    return {
        run_id
        for subject_type, of_type in sorted(runs.items())
        for held in [subjects.subject_of(subject_type).lock(sorted(set(of_type.values())))]
        for run_id, subject_id in of_type.items()
        if subject_id in held
    }


def on_deadline(timers: Sequence[Due], *, now: datetime) -> None:
    """What was expected did not come: whoever answers for the subject is told of the first thing that is missing."""
    runs = list(
        _locked_rows(FlowRun.objects.filter(pk__in=[timer.subject_id for timer in timers], state__in=LIVE_RUNS))
    )
    missing = _missing(_expectations(runs))
    late = {
        run.pk: [one for one in missing[run.pk] if one.missed_at is None and one.due_at <= now]
        for run in runs
        if run.pk in missing
    }
    for one in (expectation for expectations in late.values() for expectation in expectations):
        one.missed_at = now
    Expectation.objects.filter(pk__in=[one.pk for ones in late.values() for one in ones]).update(missed_at=now)
    overrun = [run for run in runs if late.get(run.pk)]
    newly = [run for run in overrun if run.state == RunState.RUNNING]
    for run in newly:
        run.miss()
    _write(newly, now)
    told = [run for run in overrun if run.state == RunState.MISSED]
    record_many([Entry("run.missed", run, data={"expected": [one.name for one in late[run.pk]]}) for run in told])
    _wind(runs, missing, {}, now)
    firsts: dict[str, list[Expectation]] = defaultdict(list)
    for run in overrun:
        if missing[run.pk][0] in late[run.pk]:
            firsts[run.subject_type].append(missing[run.pk][0])
    for subject_type, missed in sorted(firsts.items()):
        subjects.subject_of(subject_type).on_missed(missed, now=now)


def on_unverified(timers: Sequence[Due], *, now: datetime) -> None:
    """Nobody downstream has confirmed these handoffs in time: whoever answers for the subject is told."""
    ids = [timer.subject_id for timer in timers]
    by_type: dict[str, list[FlowRun]] = defaultdict(list)
    for run in _locked_rows(FlowRun.objects.filter(pk__in=ids, state=RunState.UNVERIFIED)):
        by_type[run.subject_type].append(run)
    for subject_type, runs in sorted(by_type.items()):
        subjects.subject_of(subject_type).on_unverified(runs, now=now)


def _answer(answers: Mapping[tuple[str, str, str], str], now: datetime, *, are_seen: bool) -> int:
    """Write who or what answered into the expectations it answers, and take their runs as far as that goes."""
    runs = _locked([key[:2] for key in answers])
    expected = _expectations(runs)
    before = {pk: _next_deadline(ones) for pk, ones in _missing(expected).items()}
    answered = []
    for expectation in (one for ones in expected.values() for one in ones):
        run = expectation.run
        evidence = answers.get((run.subject_type, run.subject_id, expectation.event_type))
        if evidence and expectation.met_at is None and (are_seen or not expectation.excused_by):
            expectation.met_at = now if are_seen else None
            expectation.met_by, expectation.excused_by = (evidence, "") if are_seen else ("", evidence)
            answered.append(expectation)
    if not answered:
        return 0
    Expectation.objects.bulk_update(answered, ["met_at", "met_by", "excused_by"], batch_size=BATCH)
    left = _missing(expected)
    touched = {one.run_id for one in answered}
    _conclude([run for run in runs if run.pk in touched], expected, left, now)
    _wind([run for run in runs if run.pk in touched], left, before, now)
    return len(answered)


def _conclude(runs: Sequence[FlowRun], expected: Expectations, left: Expectations, now: datetime) -> None:
    """Runs whose last handoff somebody stood in for have to be confirmed; the others go on, or are done where nothing is left."""
    handoffs = {run.pk: handoff for run in runs if (handoff := _last_handoff(expected[run.pk]))}
    doubtful = {pk for pk, handoff in handoffs.items() if not handoff.met_by}
    proven = [run for run in runs if not left[run.pk] and run.pk not in doubtful]
    unproven = [run for run in runs if run.pk in doubtful and run.state != RunState.UNVERIFIED]
    verified = [run for run in runs if run.pk not in doubtful and run.state == RunState.UNVERIFIED]
    going_on = [run for run in verified if left[run.pk]]
    for run in proven:
        run.finish(at=now, evidence=expected[run.pk][-1].met_by)
    for run in going_on:
        run.verify()
    if unproven:
        there = rules.roster(now)
        for run in unproven:
            due = max(handoffs[run.pk].due_at, now + VERIFY_WITHIN)
            run.leave_unverified(owner=there.on_duty(there.owners[run.flow.owner_id].slug), until=due)
    _write([*proven, *unproven, *going_on], now)
    record_many([Entry("run.done", run, data={"evidence": run.verified_by}) for run in proven])
    record_many([Entry("run.verified", run) for run in going_on])
    record_many([Entry("run.unverified", run, data=_who_until(run)) for run in unproven])
    set_timers(
        settings=[TimerSetting(subject_ref(run), VERIFICATION, run.verify_by) for run in unproven if run.verify_by]
    )
    cancel_timers(timers=[(subject_ref(run), VERIFICATION) for run in verified], now=now)
    _tell_settled(verified, now)


def _last_handoff(expected: Sequence[Expectation]) -> Expectation | None:
    """The last handoff that was answered, by whom or whatever; what a run ends with is one, too."""
    answered = [one for one in expected if one.met_by or one.excused_by]
    return next((one for one in reversed(answered) if one.is_handoff or one is expected[-1]), None)


def _who_until(run: FlowRun) -> dict[str, str]:
    return {
        "owner": run.owner.slug if run.owner else "",
        "verify_by": run.verify_by.isoformat() if run.verify_by else "",
    }


def _tell_settled(runs: Sequence[FlowRun], now: datetime) -> None:
    by_type: dict[str, list[FlowRun]] = defaultdict(list)
    for run in runs:
        by_type[run.subject_type].append(run)
    for subject_type, its in sorted(by_type.items()):
        subjects.subject_of(subject_type).on_settled(its, now=now)


def _live(subjects: Sequence[tuple[str, ...]]) -> QuerySet[FlowRun]:
    return FlowRun.objects.filter(
        state__in=LIVE_RUNS, subject_type__in={one[0] for one in subjects}, subject_id__in={one[1] for one in subjects}
    )


def _locked(subjects: Sequence[tuple[str, ...]]) -> list[FlowRun]:
    wanted = {one[:2] for one in subjects}
    return [run for run in _locked_rows(_live(subjects)) if (run.subject_type, run.subject_id) in wanted]


def _locked_rows(runs: QuerySet[FlowRun]) -> QuerySet[FlowRun]:
    return runs.select_related("flow").order_by("pk").select_for_update(of=("self",))


def _expectations(runs: Sequence[FlowRun]) -> dict[UUID, list[Expectation]]:
    """What each run was begun with, first things first."""
    by_pk = {run.pk: run for run in runs}
    found: dict[UUID, list[Expectation]] = defaultdict(list)
    for expectation in Expectation.objects.filter(run__in=by_pk).order_by("due_at", "pk"):
        expectation.run = by_pk[expectation.run_id]
        found[expectation.run_id].append(expectation)
    return found


def _missing(expected: Expectations) -> dict[UUID, list[Expectation]]:
    """What each run still waits for."""
    return {pk: [one for one in ones if one.met_at is None and not one.excused_by] for pk, ones in expected.items()}


def _by_run(expectations: Iterable[Expectation]) -> dict[UUID, list[Expectation]]:
    found: dict[UUID, list[Expectation]] = defaultdict(list)
    for expectation in expectations:
        found[expectation.run_id].append(expectation)
    return found


def _next_deadline(missing: Iterable[Expectation]) -> datetime | None:
    return min((one.due_at for one in missing if one.missed_at is None), default=None)


def _wind(
    runs: Sequence[FlowRun], missing: Expectations, before: Mapping[UUID, datetime | None], now: datetime
) -> None:
    """Set each run's timer to its next deadline where that is another than before; stop it where there is none."""
    after = {run.pk: _next_deadline(missing.get(run.pk, ())) for run in runs}
    moved = [run for run in runs if after[run.pk] != before.get(run.pk)]
    set_timers(
        settings=[
            TimerSetting(subject_ref(run), DEADLINE, due_at) for run in moved if (due_at := after[run.pk]) is not None
        ]
    )
    cancel_timers(timers=[(subject_ref(run), DEADLINE) for run in moved if after[run.pk] is None], now=now)


def _write(runs: Sequence[FlowRun], now: datetime) -> None:
    """Write where these runs have just moved to, in one statement."""
    if not runs:
        return
    rows = [(run.pk, run.state, run.ended_at, run.owner_id, run.verify_by, run.verified_by) for run in runs]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [now, *(list(column) for column in zip(*rows, strict=True))])
