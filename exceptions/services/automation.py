"""When something the product does by itself fails: one exception for each part that fails, however often, until it runs again."""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.access import system_actor
from audit.context import Actor
from audit.subject_refs import SubjectRef
from audit.words import said
from exceptions.models import ExceptionCase, Timer, Waiver
from exceptions.models.timers import LIVE
from exceptions.services.openings import CaseOpening, open_cases
from exceptions.services.withdrawing import withdraw_cases
from exceptions.subjects import SubjectPage
from rules.errors import NoRuleBook

logger = logging.getLogger(__name__)

CASE: Final = "automation-failure"
SUBJECT: Final = "exceptions.automation"
TIMER, TASK = "timer", "task"
PARTS: Final = {TIMER: noop("Timer"), TASK: noop("What runs by itself")}
FAILS: Final = {
    TIMER: noop("The timer %(name)s fails: %(what)s"),
    TASK: noop("%(name)s, which runs by itself, fails: %(what)s"),
}
MOST_ATTEMPTS: Final = 3


def report_failure(*, kind: str, name: str, failure: BaseException, now: datetime) -> None:
    """Open the exception of this part (a timer or a task, by name), or count one more.

    What failed may quote people: only the kind of failure is told.
    """
    what = type(failure).__name__
    opening = CaseOpening(
        CASE,
        SubjectRef(SUBJECT, _subject_id(kind, name)),
        f"{kind} {name}",
        None,
        said(FAILS[kind], name=name, what=what),
        cause=f"automation/{kind}/{name}",
        evidence={"part": kind, "name": name, "error": what, "at": now.isoformat()},
    )
    try:
        open_cases(openings=[opening], by=system_actor("automation"), now=now)
    except NoRuleBook:
        logger.exception("%s %s fails, and there are no rules yet that say who is told", kind, name)


def report_success(*, kind: str, name: str, now: datetime) -> None:
    """This part has run: an exception that says it fails has lost its cause."""
    _withdraw([case_id for case_id, _ in _open_about([_subject_id(kind, name)])], now)


def timers_ran(names: Collection[str], *, now: datetime) -> None:
    """These kinds of timers ran. One that waits to be tried again keeps the exception of its kind."""
    cases = _open_about([_subject_id(TIMER, name) for name in names])
    if cases:
        failing = Timer.objects.filter(LIVE, kind__in=names, attempts__gt=0).values_list("kind", flat=True).distinct()
        still = {_subject_id(TIMER, name) for name in failing}
        _withdraw([case_id for case_id, subject_id in cases if subject_id not in still], now)


def _open_about(subject_ids: Sequence[str]) -> list[tuple[UUID, str]]:
    open_ones = ExceptionCase.objects.live().filter(type=CASE, subject_type=SUBJECT, subject_id__in=subject_ids)
    return list(open_ones.order_by("pk").values_list("pk", "subject_id"))


def _withdraw(case_ids: Sequence[UUID], now: datetime) -> None:
    withdraw_cases(case_ids=case_ids, reason=said("It runs again."), by=system_actor("automation"), now=now)


def _subject_id(kind: str, name: str) -> str:
    return f"{kind}:{name}"[:80]


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
            facts={noop("Part"): said(PARTS[kind]), noop("Name"): name},
            attempts=_last_failures(name) if kind == TIMER else (),
            links={noop("asset"): "/status/", noop("logs"): f"/audit/?q={name}"},
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
