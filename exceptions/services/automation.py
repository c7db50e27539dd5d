"""When something the product does by itself fails: one exception for each part that fails, whoever runs it and however often."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from audit.access import system_actor
from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase, Timer, Waiver
from exceptions.models.timers import LIVE
from exceptions.services.openings import CaseOpening, open_cases
from exceptions.subjects import SubjectPage
from rules.errors import NoRuleBook

logger = logging.getLogger(__name__)

CASE: Final = "automation-failure"
SUBJECT: Final = "exceptions.automation"
TIMER, TASK = "timer", "task"
MOST_ATTEMPTS: Final = 3


def report_failure(*, kind: str, name: str, failure: BaseException, now: datetime) -> None:
    """Open the exception of this part (a timer or a task, by name), or count one more.

    What failed may quote people: only the kind of failure is told.
    """
    what = type(failure).__name__
    opening = CaseOpening(
        CASE,
        SubjectRef(SUBJECT, f"{kind}:{name}"[:80]),
        f"{kind} {name}",
        None,
        f"The {kind} {name} fails: {what}",
        cause=f"automation/{kind}/{name}",
        evidence={"part": kind, "name": name, "error": what, "at": now.isoformat()},
    )
    try:
        open_cases(openings=[opening], by=system_actor("automation"), now=now)
    except NoRuleBook:
        logger.exception("%s %s fails, and there are no rules yet that say who is told", kind, name)


def timers_failed(name: str, failure: Exception, *, now: datetime) -> None:
    """A kind of timer fails."""
    report_failure(kind=TIMER, name=name, failure=failure, now=now)


class AutomationSubject:
    """A part of the product as what an exception is about: nothing to lock and nothing that goes on, but something to show."""

    def lock(self, ids: Sequence[str]) -> None:
        """It is no record."""

    def page(self, ref: SubjectRef) -> SubjectPage:
        """Where it is seen, and what its timers ran into the last times."""
        kind, _, name = ref.id.partition(":")
        return SubjectPage(
            title=f"{kind} {name}",
            url="/status/",
            facts={"Part": kind, "Name": name},
            attempts=_last_failures(name) if kind == TIMER else (),
            links={"asset": "/status/", "logs": f"/audit/?q={name}"},
        )

    def on_cases_ended(self, cases: Sequence[ExceptionCase], *, by: Actor, now: datetime) -> None:
        """They run, or they do not."""

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """No gate stops it."""

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """No gate stops it."""


def _last_failures(name: str) -> list[dict[str, object]]:
    failing = Timer.objects.filter(LIVE, kind=name, attempts__gt=0).order_by("-due_at", "pk")[:MOST_ATTEMPTS]
    return [
        {
            "at": timer.due_at.isoformat(),
            "endpoint": f"{timer.subject_type} {timer.subject_id}",
            "status": None,
            "duration_ms": None,
            "error": timer.last_error,
        }
        for timer in failing
    ]
