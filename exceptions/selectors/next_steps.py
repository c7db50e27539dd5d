"""What happens to an exception if nobody acts: what its first timer does, and when. The timers are asked, for they will do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, CharField, F, Func, JSONField, OuterRef, QuerySet, Subquery, TextField, Value, When
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
    """At `at` something happens to the case, because of `why`: `does` says what, `to` with whom (an owner's name, or nobody).

    `may_skip` is whether it is passed over while nobody is there.
    """

    at: datetime
    to: str
    why: str
    does: str = TAKES_OVER
    may_skip: bool = False


class _NamesAhead(Func):
    """The names of the owners that a ladder and a route name, by their slugs."""

    template = (
        "(SELECT jsonb_object_agg(o.slug, o.name) FROM rules_owner AS o WHERE o.slug IN "
        "(SELECT replace(step ->> 'to', 'owner:', '') FROM jsonb_array_elements(%(expressions)s) AS step))"
    )
    arg_joiner = " || "
    output_field = JSONField()


def with_first_timer(cases: QuerySet[ExceptionCase]) -> QuerySet[ExceptionCase]:
    """The same cases, each knowing its first timer and who is ahead of it, for `next_step`; asked within the statement that reads them."""
    rank = Case(*(When(kind=kind, then=Value(place)) for place, kind in enumerate(KINDS)))
    own = Timer.objects.filter(
        LIVE, subject_type=SUBJECT, subject_id=Cast(OuterRef("pk"), CharField()), kind__in=KINDS
    ).order_by("due_at", rank)
    words = Concat(F("kind"), Value(" "), Cast("due_at", TextField()), output_field=TextField())
    first = Subquery(own.annotate(words=words).values("words")[:1])
    return cases.annotate(first_timer=first, names_ahead=_NamesAhead(F("ladder"), F("route_plan")))


def next_step(case: ExceptionCase) -> NextStep | None:
    """What the first timer of the case does; None for finished cases. No query for one that was read `with_first_timer`."""
    if case.state not in CASE_LIVE:
        return None
    known = _known(case)
    timer: str | None = known["first_timer"]
    if timer is None:
        return None
    kind, _, due_at = timer.partition(" ")
    step = BY_KIND[kind](case, datetime.fromisoformat(due_at))
    return replace(step, to=(known["names_ahead"] or {}).get(step.to, step.to))


def name_ahead(case: ExceptionCase, slug: str) -> str:
    """What the owner of this slug, who is on the ladder or the route of the case, is called."""
    return str((_known(case)["names_ahead"] or {}).get(slug, slug))


def _known(case: ExceptionCase) -> Mapping[str, Any]:
    known = vars(case)
    return known if "first_timer" in known else vars(with_first_timer(ExceptionCase.objects.filter(pk=case.pk)).get())


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
