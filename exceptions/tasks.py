"""What wakes the exceptions app."""

from celery import shared_task

from audit import clock
from audit.access import system_actor
from audit.context import acting
from exceptions import services


@shared_task(name="exceptions.sweep_timers")
def sweep_timers() -> int:
    """Fire what is due."""
    return services.sweep_timers(now=clock.now())


@shared_task(name="exceptions.deliver_notifications")
def deliver_notifications() -> int:
    """Send what is due."""
    return services.deliver_notifications(now=clock.now())


@shared_task(name="exceptions.work_jobs")
def work_jobs() -> int:
    """Do the next batch of what waits."""
    return services.work_jobs(now=clock.now())


@shared_task(name="exceptions.reassign_from_absent")
def reassign_from_absent() -> int:
    """Move the cases of those who are away."""
    now = clock.now()
    with acting(system_actor("absences"), at=now):
        return services.reassign_from_absent(now=now)


@shared_task(name="exceptions.draft_postmortems")
def draft_postmortems() -> int:
    """Look at last week's averages."""
    return services.draft_for_averages(now=clock.now())


@shared_task(name="exceptions.watch_ownership")
def watch_ownership() -> int:
    """Find what nobody owns any more."""
    return services.watch_ownership(now=clock.now())
