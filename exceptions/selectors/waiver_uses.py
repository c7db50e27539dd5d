"""What a time-limited exception has let through so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from exceptions.models import Waiver, WaiverUse

MOST_NAMED: Final = 200


@dataclass(frozen=True)
class Uses:
    """How many things passed only because of it, when the first did, and the first of them in turn."""

    count: int
    first_at: datetime | None
    named: Sequence[WaiverUse]


def uses_of(waiver: Waiver) -> Uses:
    """What it let through until now: one query, and a second to count where there is more than is named."""
    found = WaiverUse.objects.filter(waiver=waiver).order_by("at", "pk")
    named = list(found[:MOST_NAMED])
    count = found.count() if len(named) == MOST_NAMED else len(named)
    return Uses(count, named[0].at if named else None, named)
