"""An act on many together: what stands in the way of one may only show when it is tried, so a batch is halved until that one is alone."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from django.db import transaction

from audit.errors import DomainError
from audit.words import said
from exceptions.job_kinds import Item, Result
from exceptions.services.timers import FAILURES

logger = logging.getLogger(__name__)

OURS: Final = said("Something went wrong in Handrail; it is in the log. This one is as it was.")


def in_halves(*, items: Sequence[Item], do: Callable[[Sequence[Item]], list[Result]]) -> list[Result]:
    """`do` these in one transaction; one result for each, in their order. What fails alone stays as it was, and says why."""
    if not items:
        return []
    try:
        with transaction.atomic():
            return do(items)
    except (*FAILURES, DomainError) as failure:
        if len(items) == 1:
            return [_failed(items[0], failure)]
    middle = len(items) // 2
    return [result for half in (items[:middle], items[middle:]) for result in in_halves(items=half, do=do)]


def _failed(item: Item, failure: Exception) -> Result:
    if isinstance(failure, DomainError):
        return Result(failure.message)
    logger.error("an act on %s with others failed", item.key, exc_info=failure)
    return Result(OURS)
