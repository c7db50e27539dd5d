"""What somebody did last."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.context import Actor
from audit.models import Event
from exceptions.selectors.queue import visible_cases

# The trail is walked back no further than this: somebody who resolves nothing must not make it a long walk.
LATELY: Final = timedelta(days=7)


@dataclass(frozen=True)
class LastResolved:
    """The exception somebody resolved last, and when."""

    key: str
    at: datetime


def last_resolved(*, by: Actor, now: datetime) -> LastResolved | None:
    """The last one the actor resolved; None for none these days, and for one that is not theirs to see any more."""
    resolved = Event.objects.filter(type="case.resolved", actor=by.id, at__gte=now - LATELY)
    last = resolved.order_by("-at", "-pk").only("subject_id", "at").first()
    case = visible_cases(by).filter(pk=last.subject_id).only("number").first() if last else None
    return LastResolved(case.key, last.at) if last and case else None
