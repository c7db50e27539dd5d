"""A knock on the worker's door after commit. Rows are the queue: a knock that is lost costs a second of lateness, nothing else.

Whoever has something for a worker goes on at once; what many have within a moment is one knock.
"""

import logging
from threading import Lock, Timer
from typing import Final

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# A knock costs the caller's processor half of what taking in an event does, and the worker's more.
MOMENT: Final = 0.05  # seconds
_lock = Lock()
_waiting: set[str] = set()


def wake(task_name: str) -> None:
    """Ask a worker to look for due work once this transaction is committed; never raises, never waits for the broker."""
    transaction.on_commit(lambda: wake_at_once(task_name), robust=True)


def wake_at_once(task_name: str) -> None:
    """As `wake`, without waiting for the end of this transaction: whoever is idle works beside it, on what it leaves."""
    with _lock:
        is_first = not _waiting
        _waiting.add(task_name)
    if is_first:
        Timer(MOMENT, _knock_for_all).start()


def _knock_for_all() -> None:
    with _lock:
        names = sorted(_waiting)
        _waiting.clear()
    for name in names:
        _knock(name)


def _knock(task_name: str) -> None:
    try:
        current_app.send_task(task_name, retry=False, ignore_result=True)
    except (OperationalError, OSError) as unreachable:
        logger.info("wake-up for %s not sent (%s); the next sweep finds the work", task_name, unreachable)
