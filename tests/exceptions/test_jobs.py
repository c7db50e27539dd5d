"""Acts on many: a plan says exactly which, a job does exactly those, whoever is killed, signed out or in a hurry meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from audit.access import system_actor
from audit.context import Actor
from audit.errors import Conflict, IllegalTransition, Invalid, NotFound, Refused
from audit.models import Event
from audit.selectors.invariants import check_all
from exceptions import job_kinds, services
from exceptions.job_kinds import Item, Result
from exceptions.models import CaseNote, ExceptionCase, Job, JobItem, JobPlan, JobWork, Notification
from exceptions.selectors import QueueFilters
from exceptions.selectors.jobs import job_for, job_page, jobs_for
from exceptions.services.job_work import LEASE
from exceptions.states import CaseState, ItemState, JobState
from tests.cast import House
from tests.exceptions.conftest import OpenCase, OpenCases

ROOT = Path(__file__).resolve().parents[2]


def planned(cases: Sequence[ExceptionCase], action: str, by: Actor, now: datetime) -> JobPlan:
    return services.plan_chosen(action=action, numbers=[case.number for case in cases], by=by, now=now)


def begun(cases: Sequence[ExceptionCase], action: str, by: Actor, now: datetime, **given: str) -> Job:
    plan = planned(cases, action, by, now)
    return services.start_job(plan_id=plan.pk, given=given, by=by, now=now)


def worked_off(now: datetime) -> int:
    rounds = 0
    while services.work_jobs(now=now + timedelta(seconds=rounds)):
        rounds += 1
    return rounds


@pytest.fixture
def many(open_cases: OpenCases) -> list[ExceptionCase]:
    return open_cases(30)


def test_a_few_are_done_at_once_and_many_by_a_worker_in_batches(
    many: list[ExceptionCase], house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions.services.job_work.BATCH", 12)
    amal = house.actor("amal")
    few = begun(many[:5], "note", amal, now, text="Called them")
    assert (few.state, few.work.done, JobWork.objects.get(pk=few.pk).done) == (JobState.DONE, 5, 5)

    job = begun(many, "acknowledge", amal, now)
    assert (job.state, ExceptionCase.objects.filter(state=CaseState.ACKNOWLEDGED).count()) == (JobState.QUEUED, 0)
    assert services.work_jobs(now=now + timedelta(seconds=1)) == 12
    work = JobWork.objects.select_related("job").get(pk=job.pk)
    assert (work.done, work.left, work.percent, work.job.state) == (12, 18, 40, JobState.RUNNING)
    assert worked_off(now + timedelta(seconds=2)) == 2
    job.refresh_from_db()
    assert (job.state, JobWork.objects.get(pk=job.pk).done) == (JobState.DONE, 30)
    assert ExceptionCase.objects.filter(state=CaseState.ACKNOWLEDGED, acknowledged_by=amal.id).count() == 30
    told = Notification.objects.get(event="job.ended")
    assert (told.owner.slug, told.url) == ("amal", f"/jobs/{job.key}/")
    assert told.text == f"{job.key}: Take exceptions is finished. 30 of 30 done, 0 skipped, 0 refused."
    events = Event.objects.filter(subject_type="exceptions.job", subject_id=str(job.pk)).order_by("seq")
    assert [(one.type, one.actor) for one in events] == [
        (f"job.{what}", amal.id) for what in ("queued", "started", "finished")
    ]


def test_exactly_what_was_planned_is_done_and_what_changed_since_is_skipped_and_named(
    many: list[ExceptionCase], open_case: OpenCase, house: House, now: datetime
) -> None:
    amal = house.actor("amal")
    plan = services.plan_matching(action="resolve", filters=QueueFilters(scope="team"), by=amal, now=now)
    late = open_case(99)
    job = services.start_job(plan_id=plan.pk, given={"outcome": "resolved"}, by=amal, now=now)
    services.acknowledge_case(case_id=many[3].pk, by=house.actor("bo"), now=now)
    worked_off(now)
    late.refresh_from_db()
    assert late.state == CaseState.OPEN
    assert ExceptionCase.objects.filter(state=CaseState.RESOLVED).count() == 29
    page = job_page(by=amal, key=job.key)
    assert (page.job.state, page.job.work.done, page.job.work.skipped) == (JobState.DONE, 29, 1)
    assert [(row.key, "Bo Lindqvist was faster" in row.why) for row in page.rows] == [(many[3].key, True)]


def test_what_cannot_be_done_is_said_in_the_plan(many: list[ExceptionCase], house: House, now: datetime) -> None:
    amal = house.actor("amal")
    services.acknowledge_case(case_id=many[0].pk, by=amal, now=now)
    plan = planned(many[:3], "acknowledge", amal, now)
    assert {one["key"] for one in plan.items} == {case.key for case in many[1:3]}
    assert plan.stay == [(many[0].key, f"{many[0].key} is “taken”.")]


def test_a_plan_is_its_makers_alone_good_for_a_while_and_started_once(
    many: list[ExceptionCase], house: House, now: datetime
) -> None:
    amal, bo = house.actor("amal"), house.actor("bo")
    plan = planned(many[:2], "note", amal, now)
    with pytest.raises(NotFound):
        services.start_job(plan_id=plan.pk, given={"text": "x"}, by=bo, now=now)
    with pytest.raises(Invalid):
        services.start_job(plan_id=plan.pk, given={}, by=amal, now=now)
    with pytest.raises(Conflict, match="older than 15 minutes"):
        services.start_job(plan_id=plan.pk, given={"text": "x"}, by=amal, now=now + timedelta(minutes=16))
    jobs = {services.start_job(plan_id=plan.pk, given={"text": "x"}, by=amal, now=now).pk for _ in range(2)}
    assert (len(jobs), CaseNote.objects.count()) == (1, 2)
    planned(many[:2], "note", amal, now + timedelta(minutes=20))
    assert JobPlan.objects.count() == 1


def test_a_plan_of_which_much_changed_has_to_be_looked_at_again(
    many: list[ExceptionCase], house: House, now: datetime
) -> None:
    amal = house.actor("amal")
    plan = planned(many, "note", amal, now)
    for case in many[:2]:
        services.acknowledge_case(case_id=case.pk, by=amal, now=now)
    with pytest.raises(Conflict, match="2 of 30 changed"):
        services.start_job(plan_id=plan.pk, given={"text": "x"}, by=amal, now=now)


def test_more_than_five_hundred_need_a_lead_and_more_than_ten_thousand_nobody_may(
    many: list[ExceptionCase], house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions.services.jobs.MANY", 29)
    plan = planned(many, "acknowledge", house.actor("amal"), now)
    with pytest.raises(Refused):
        services.start_job(plan_id=plan.pk, given={}, by=house.actor("amal"), now=now)
    lee = house.actor("lee")
    plan = planned(many, "acknowledge", lee, now)
    assert services.start_job(plan_id=plan.pk, given={}, by=lee, now=now).total == 30
    monkeypatch.setattr("exceptions.services.bulk.MOST_PLANNED", 20)
    with pytest.raises(Invalid, match="Narrow the filters"):
        services.plan_matching(action="note", filters=QueueFilters(scope="team"), by=lee, now=now)


def test_cancelled_between_batches_what_is_done_stays_and_what_is_left_stays_as_it_was(
    many: list[ExceptionCase], house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exceptions.services.job_work.BATCH", 10)
    amal, lee = house.actor("amal"), house.actor("lee")
    job = begun(many, "acknowledge", amal, now)
    services.work_jobs(now=now)
    with pytest.raises(NotFound):
        services.cancel_job(job_id=job.pk, by=house.actor("bo"), now=now)
    with pytest.raises(Refused):
        services.cancel_job(job_id=job.pk, by=house.actor("ada"), now=now)
    services.cancel_job(job_id=job.pk, by=lee, now=now)
    assert worked_off(now) == 0
    assert ExceptionCase.objects.filter(state=CaseState.ACKNOWLEDGED).count() == 10
    assert JobItem.objects.filter(job=job, state=ItemState.PENDING).count() == 20
    assert "was cancelled by Lee Weber" in Notification.objects.get(event="job.ended").text
    with pytest.raises(IllegalTransition):
        services.cancel_job(job_id=job.pk, by=amal, now=now)


def test_resolved_and_reassigned_can_be_taken_back_for_a_quarter_of_an_hour(
    many: list[ExceptionCase], house: House, now: datetime
) -> None:
    amal = house.actor("amal")
    job = begun(many[:4], "reassign", amal, now, to="bo", reason="knows this customer")
    services.acknowledge_case(case_id=many[0].pk, by=house.actor("bo"), now=now)
    back = services.undo_job(job_id=job.pk, by=amal, now=now + timedelta(minutes=14))
    owners = ExceptionCase.objects.filter(pk__in=[case.pk for case in many[:4]]).order_by("number")
    assert list(owners.values_list("owner__slug", flat=True)) == ["bo", *["client-success"] * 3]
    work = JobWork.objects.get(pk=back.pk)
    assert (work.done, work.skipped, back.undoes_id) == (3, 1, job.pk)
    with pytest.raises(Conflict, match="taken back already"):
        services.undo_job(job_id=job.pk, by=amal, now=now)

    resolved = begun(many[10:12], "resolve", amal, now, outcome="resolved")
    with pytest.raises(Conflict, match="they are over"):
        services.undo_job(job_id=resolved.pk, by=amal, now=now + timedelta(minutes=16))
    services.undo_job(job_id=resolved.pk, by=amal, now=now)
    assert set(ExceptionCase.objects.filter(pk__in=[many[10].pk, many[11].pk]).values_list("state", flat=True)) == {
        "open"
    }
    noted = begun(many[12:13], "note", amal, now, text="Called them")
    with pytest.raises(Conflict, match="cannot be taken back"):
        services.undo_job(job_id=noted.pk, by=amal, now=now)


def test_noor_sees_no_job_of_amals_and_leads_and_auditors_see_all(
    many: list[ExceptionCase], house: House, now: datetime
) -> None:
    job = begun(many[:2], "acknowledge", house.actor("amal"), now)
    seen = {name: jobs_for(house.actor(name)).count() for name in ("amal", "bo", "noor", "sam", "lee", "ada")}
    assert seen == {"amal": 1, "bo": 0, "noor": 0, "sam": 0, "lee": 1, "ada": 1}
    with pytest.raises(NotFound):
        job_for(house.actor("noor"), job.pk)


def test_rights_are_those_of_the_moment_of_the_work(many: list[ExceptionCase], house: House, now: datetime) -> None:
    amal = house.actor("amal")
    job = begun(many, "acknowledge", amal, now)
    house.users["amal"].is_active = False
    house.users["amal"].save()
    services.work_jobs(now=now)
    job.refresh_from_db()
    assert (job.state, job.why) == (JobState.FAILED, "Who asked for it may not act any more.")
    assert not ExceptionCase.objects.exclude(state=CaseState.OPEN).exists()


def test_who_only_slept_finds_the_lease_gone_and_does_nothing(
    many: list[ExceptionCase], house: House, now: datetime
) -> None:
    from exceptions.services import job_work  # noqa: PLC0415

    job = begun(many, "acknowledge", house.actor("amal"), now)
    sleeper = job_work._claim(now)
    assert services.work_jobs(now=now + LEASE - timedelta(seconds=1)) == 0
    assert services.work_jobs(now=now + LEASE) == 30
    assert job_work._work(sleeper, now + LEASE) == 0
    assert JobWork.objects.get(pk=job.pk).done == 30


def test_a_job_that_fails_again_and_again_is_stopped_and_told(
    many: list[ExceptionCase], house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(items: Sequence[Item], **_: Any) -> Sequence[Result]:
        raise RuntimeError("always")

    kinds = {**job_kinds._kinds, "case.note": replace(job_kinds.kind("case.note"), work=broken)}
    job = begun(many, "note", house.actor("amal"), now, text="x")
    monkeypatch.setattr("exceptions.job_kinds._kinds", kinds)
    for n in range(7):
        services.work_jobs(now=now + timedelta(minutes=n))
    job.refresh_from_db()
    assert (job.state, "failed 5 times" in job.why) == (JobState.FAILED, True)
    assert "was stopped" in Notification.objects.get(event="job.ended").text


def test_invariants_hold_after_a_day_of_jobs(many: list[ExceptionCase], house: House, now: datetime) -> None:
    begun(many, "note", house.actor("amal"), now, text="x")
    worked_off(now)
    begun(many[:3], "acknowledge", house.actor("amal"), now)
    found = {one.id: one.violations for one in check_all(only={"job-01", "job-02", "inv-28", "inv-29", "inv-12"})}
    assert found == {"job-01": 0, "job-02": 0, "inv-28": 0, "inv-29": 0, "inv-12": 0}


SLOW_WORKER = """
    import os, sys, time
    import django
    django.setup()
    from audit import clock
    from exceptions import services
    from exceptions.services import batches, job_work
    job_work.BATCH = 10
    keep, first = job_work._keep, sys.argv[1] == "hang"
    def hang_in_the_second_batch(job, items, results, now):
        keep(job, items, results, now)
        if first and items[0].position > 10:
            print("acting", flush=True)
            time.sleep(120)
    job_work._keep = hang_in_the_second_batch
    while services.work_jobs(now=clock.now()):
        pass
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_job_is_taken_up_by_another_and_every_record_is_worked_once(tmp_path: Path) -> None:
    from audit import clock  # noqa: PLC0415
    from audit.subject_refs import SubjectRef  # noqa: PLC0415
    from exceptions.services import CaseOpening, open_cases  # noqa: PLC0415
    from tests.cast import furnish  # noqa: PLC0415

    system, now = system_actor("test"), clock.now()
    house = furnish(by=system, now=now)
    client = house.clients["northwind"].pk
    openings = [
        CaseOpening("address", SubjectRef("test.parcel", str(n), client), f"NW-{n}", client, "Not to be delivered")
        for n in range(30)
    ]
    cases = open_cases(openings=openings, by=system, now=now)
    job = begun(cases, "note", house.actor("amal"), now, text="Called them")

    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(SLOW_WORKER))
    with _worker(script, "hang") as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline().strip() == "acting"
        os.kill(killed.pid, signal.SIGKILL)
    assert (CaseNote.objects.count(), JobWork.objects.get(pk=job.pk).done) == (10, 10)

    JobWork.objects.filter(pk=job.pk).update(lease_until=clock.now())  # the lease runs out
    with _worker(script, "on") as another:
        assert another.wait(timeout=120) == 0
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert sorted(CaseNote.objects.values_list("case__number", flat=True)) == sorted(case.number for case in cases)
    assert JobItem.objects.filter(job=job, state=ItemState.DONE).count() == 30


def _worker(script: Path, how: str) -> subprocess.Popen[str]:
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(script), how], env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
