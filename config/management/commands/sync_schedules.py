"""Bring the declared schedules into the database."""

import json
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from config.schedules import SCHEDULES, At, Every

MARK = "handrail schedule"


class Command(BaseCommand):
    """Upsert by name; an admin's change of interval or on/off is kept and said; rows that are not ours are left alone."""

    help = "Bring the declared schedules into the database; an admin's changes are kept and shown."

    def handle(self, *_: Any, **__: Any) -> None:
        """Reconcile all in one transaction."""
        with transaction.atomic():
            for name, schedule in SCHEDULES.items():
                self._reconcile(name, schedule)
            PeriodicTask.objects.filter(description__startswith=MARK).exclude(name__in=SCHEDULES).delete()

    def _reconcile(self, name: str, schedule: Every | At) -> None:
        declared = json.dumps([schedule.task, str(schedule)])
        row = PeriodicTask.objects.filter(name=name).first()
        if row is None:
            PeriodicTask.objects.create(
                name=name, task=schedule.task, description=self._describe(declared), **_timing(schedule)
            )
            return
        if row.description == self._describe(declared):
            current = row.interval_id, row.crontab_id, row.enabled
            timing = _timing(schedule)
            wanted = getattr(timing.get("interval"), "pk", None), getattr(timing.get("crontab"), "pk", None), True
            if current != wanted:
                self.stdout.write(f"{name}: changed from default ({schedule}), kept as it is")
            return
        for field, value in {"interval": None, "crontab": None, **_timing(schedule)}.items():
            setattr(row, field, value)
        row.task, row.description = schedule.task, self._describe(declared)
        row.save()

    @staticmethod
    def _describe(declared: str) -> str:
        return f"{MARK}: {declared}"


def _timing(schedule: Every | At) -> dict[str, Any]:
    if isinstance(schedule, Every):
        interval, _ = IntervalSchedule.objects.get_or_create(every=schedule.seconds, period=IntervalSchedule.SECONDS)
        return {"interval": interval}
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=schedule.minute, hour=schedule.hour, day_of_week=schedule.day_of_week, timezone="UTC"
    )
    return {"crontab": crontab}
