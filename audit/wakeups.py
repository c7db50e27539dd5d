"""A knock on the worker's door after commit. Rows are the queue: a knock that is lost costs a second of lateness, nothing else."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def wake(task_name: str) -> None:
    """Ask a worker to look for due work once this transaction is committed; never raises, never waits for a broken broker."""
    transaction.on_commit(lambda: _knock(task_name), robust=True)


def _knock(task_name: str) -> None:
    try:
        current_app.send_task(task_name, retry=False, ignore_result=True)
    except (OperationalError, OSError) as unreachable:
        logger.info("wake-up for %s not sent (%s); the next sweep finds the work", task_name, unreachable)
