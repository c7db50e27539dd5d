"""What wakes fulfilment."""

from celery import shared_task

from audit import clock
from orders.fulfilment.services import unpaid


@shared_task(name="fulfilment.watch_unpaid")
def watch_unpaid() -> int:
    """See which orders were to be paid by now."""
    return unpaid.watch_unpaid(now=clock.now())
