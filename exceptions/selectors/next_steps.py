"""What happens to an exception if nobody acts: what its first timer does, and when. The timers are asked, for they will do it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Case, CharField, F, OuterRef, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Concat

from exceptions import ladders
from exceptions.models import ExceptionCase, Timer
from exceptions.models.timers import LIVE
from exceptions.states import CASE_LIVE
from rules import ladders as steps
from rules.states import Route

SUBJECT: Final = "exceptions.exceptioncase"
NOT_TAKEN, NOT_RESOLVED, QUIET, WAITED = "not taken", "not resolved", "quiet", "waited"
PAGED, TAKES_OVER, RESUMES, RETRIES, ASKED = steps.PAGE, steps.REASSIGN, "resume", Route.RETRY.value, "ask"
# Where several are due at one moment, the one a person wants to know of.
KINDS: Final = (
    *("case.acknowledge", "case.escalate", "case.progress", "case.wake", "case.fallback", "case.route"),
    *("case.breach", "case.overrun"),
)


@dataclass(frozen=True)
class NextStep:
    """At `at` something happens to the case, because of `why`: `does` says what, `to` with whom (an owner's name or slug, or nobody).

    `may_skip` is whether it is passed over while nobody is there.
    """

    at: datetime
    to: str
    why: str
    does: str = TAKES_OVER
    may_skip: bool = False


def with_first_timer(cases: QuerySet[ExceptionCase]) -> QuerySet[ExceptionCase]:
    """The same cases, each knowing its first timer, for `next_step`; asked within the statement that reads them."""
    rank = Case(*(When(kind=kind, then=Value(place)) for place, kind in enumerate(KINDS)))
    own = Timer.objects.filter(
        LIVE, subject_type=SUBJECT, subject_id=Cast(OuterRef("pk"), CharField()), kind__in=KINDS
    ).order_by("due_at", rank)
    words = Concat(F("kind"), Value(" "), Cast("due_at", TextField()), output_field=TextField())
    return cases.annotate(first_timer=Subquery(own.annotate(words=words).values("words")[:1]))


def next_step(case: ExceptionCase) -> NextStep | None:
    """What the first timer of the case does; None for finished cases. No query for one that was read `with_first_timer`."""
    if case.state not in CASE_LIVE:
        return None
    known = vars(case)
    timer: str | None = known["first_timer"] if "first_timer" in known else _first_timer(case)
    if timer is None:
        return None
    kind, _, due_at = timer.partition(" ")
    return BY_KIND[kind](case, datetime.fromisoformat(due_at))


def _first_timer(case: ExceptionCase) -> str | None:
    asked = with_first_timer(ExceptionCase.objects.filter(pk=case.pk)).first()
    found: str | None = vars(asked)["first_timer"] if asked else None
    return found


def _to_backup(why: str) -> Callable[[ExceptionCase, datetime], NextStep]:
    return lambda case, at: NextStep(at, case.backup.name, why)


def _up(why: str) -> Callable[[ExceptionCase, datetime], NextStep]:
    def up(case: ExceptionCase, at: datetime) -> NextStep:
        rung = ladders.rung(case.ladder, case.ladder_step)
        if rung is None:
            return NextStep(at, case.backup.name, why)
        step = rung.step
        to = ladders.target(step.to) or case.backup.name if step.to else ""
        return NextStep(at, to, why, step.does, step.skip_if_nobody)

    return up


def _breach(case: ExceptionCase, at: datetime) -> NextStep:
    return NextStep(at, ladders.last_resort(case.ladder) or case.backup.name, NOT_RESOLVED, PAGED)


def _wake(case: ExceptionCase, at: datetime) -> NextStep:
    return NextStep(at, case.owner.name, WAITED, RESUMES)


def _route(case: ExceptionCase, at: datetime) -> NextStep:
    if case.route == Route.REROUTE:
        return NextStep(at, case.route_plan["to"], NOT_TAKEN)
    if case.route == Route.CANCEL:
        return NextStep(at, case.route_plan["approver_role"].replace("_", " "), NOT_TAKEN, ASKED)
    if case.route == Route.ESCALATE and not case.ladder_step:
        return _up(NOT_TAKEN)(case, at)
    return NextStep(at, case.owner.name, NOT_TAKEN, RETRIES if case.route == Route.RETRY else TAKES_OVER)


BY_KIND: Final[dict[str, Callable[[ExceptionCase, datetime], NextStep]]] = {
    "case.acknowledge": _to_backup(NOT_TAKEN),
    "case.escalate": _up(NOT_RESOLVED),
    "case.progress": _up(QUIET),
    "case.wake": _wake,
    "case.fallback": _up(NOT_TAKEN),
    "case.route": _route,
    "case.breach": _breach,
    "case.overrun": _to_backup(NOT_RESOLVED),
}
