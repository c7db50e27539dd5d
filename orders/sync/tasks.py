"""What wakes sync."""

from celery import shared_task

from audit import clock
from orders.sync import services


@shared_task(name="sync.apply_inbox")
def apply_inbox() -> int:
    """Apply what waits."""
    return services.apply_due(now=clock.now())


@shared_task(name="sync.deliver_outbox")
def deliver_outbox() -> int:
    """Send what is due."""
    return services.deliver_due(now=clock.now())


@shared_task(name="sync.watch_lag")
def watch_lag() -> int:
    """See whether other systems follow."""
    return services.watch_lag(now=clock.now())
