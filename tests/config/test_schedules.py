"""The declared schedules in the database: ours upserted, an admin's change kept and said, foreign rows left alone."""

from io import StringIO

import pytest
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config.celery import app
from config.schedules import SCHEDULES, At, Every

pytestmark = pytest.mark.django_db


def sync() -> str:
    said = StringIO()
    call_command("sync_schedules", stdout=said)
    return said.getvalue()


def test_every_declared_schedule_is_there_once_however_often_it_is_brought() -> None:
    for _ in range(2):
        assert sync() == ""
    assert dict(PeriodicTask.objects.values_list("name", "task")) == {
        name: schedule.task for name, schedule in SCHEDULES.items()
    }


def test_a_change_made_in_the_admin_is_kept_and_said() -> None:
    sync()
    slower, _ = IntervalSchedule.objects.get_or_create(every=30, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.filter(name="timers").update(interval=slower)
    PeriodicTask.objects.filter(name="intake").update(enabled=False)

    assert sync().splitlines() == [
        "timers: changed from default (every 2 s), kept as it is",
        "intake: changed from default (every 2 s), kept as it is",
    ]
    assert PeriodicTask.objects.get(name="timers").interval == slower
    assert PeriodicTask.objects.get(name="intake").enabled is False


def test_a_schedule_that_is_no_longer_declared_goes_and_a_foreign_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    sync()
    interval = IntervalSchedule.objects.first()
    PeriodicTask.objects.create(name="theirs", task="their.task", interval=interval)
    monkeypatch.setattr(
        "config.management.commands.sync_schedules.SCHEDULES", {"nightly": At("exceptions.sweep_timers", "15", "3")}
    )
    sync()
    assert sorted(PeriodicTask.objects.values_list("name", flat=True)) == ["nightly", "theirs"]
    nightly = PeriodicTask.objects.get(name="nightly").crontab
    assert (nightly.minute, nightly.hour, str(nightly.timezone)) == ("15", "3", "UTC")


def test_every_schedule_names_a_task_that_exists_and_seconds_stay_below_ten_minutes() -> None:
    app.loader.import_default_modules()
    assert {schedule.task for schedule in SCHEDULES.values()} - set(app.tasks) == set()
    assert [name for name, one in SCHEDULES.items() if isinstance(one, Every) and one.seconds >= 600] == []
