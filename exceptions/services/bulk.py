"""Acts on many exceptions: which ones, what stands in the way of some, and what has to be filled in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import FieldError, Invalid
from audit.texts import reason_given, whole_number
from audit.words import said
from exceptions.job_kinds import JobKind
from exceptions.models import ExceptionCase, Job, JobPlan
from exceptions.models.cases import KEY_PREFIX
from exceptions.selectors.actions import barred_from
from exceptions.selectors.bulk import (
    all_or_none,
    cases_of_job,
    cases_to_plan,
    matching_cases,
    shares_of_job,
    untaken_cases_of,
)
from exceptions.selectors.queue_filters import QueueFilters
from exceptions.selectors.shared_causes import MANAGE
from exceptions.services import batches
from exceptions.services.cases import owner_to_be
from exceptions.services.jobs import MOST_PLANNED, Barred, Planned, plan_job
from exceptions.services.sharing import Shares, balance, people_to_share, spread
from exceptions.services.steps import LONGEST_OUTCOME
from exceptions.services.waiting import LONGEST_WAIT, asked_wait
from exceptions.services.working import LONGEST_NOTE
from exceptions.states import CASE_LIVE, RootCause
from rules import selectors as rules

BULK_ACTS: Final = ("acknowledge", "reassign", "escalate", "wait", "note", "step", "resolve", "spread")
BALANCE: Final = "balance"
HOUR: Final = timedelta(hours=1)
PLANNED_ACTS: Final = (*BULK_ACTS, BALANCE)
SHARING: Final = frozenset({"spread", BALANCE})
PREFIX: Final = "case."


def plan_matching(
    *,
    action: str,
    filters: QueueFilters,
    by: Actor,
    now: datetime,
    people: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> JobPlan:
    """A plan for everything the filters leave, however many pages that is. Raises `Invalid` for an unknown filter or too many.

    `people`, here and below: among whom to spread them, as owners' slugs; `asked`: the list and the query they are all of.
    """
    cases = matching_cases(by=by, filters=filters, now=now, most=MOST_PLANNED)
    return plan_cases(action=action, cases=cases, by=by, now=now, people=people, asked=asked)


def plan_chosen(
    *, action: str, numbers: Sequence[int], by: Actor, now: datetime, people: Collection[str] = ()
) -> JobPlan:
    """A plan for the exceptions with these numbers, as far as they exist for the actor."""
    return plan_cases(action=action, cases=cases_to_plan(by=by, numbers=numbers), by=by, now=now, people=people)


def plan_numbers(
    *, action: str, numbers: Sequence[int], by: Actor, now: datetime, people: Collection[str] = ()
) -> JobPlan:
    """As `plan_chosen`, where nobody looked at a list before: raises `Invalid` naming those that do not exist for the actor."""
    cases = cases_to_plan(by=by, numbers=numbers)
    if missing := sorted(set(numbers) - {case.number for case in cases}):
        detail = said(
            "There is no exception %(value)s%(missing)s, or it is not yours to see.",
            value=KEY_PREFIX,
            missing=missing[0],
        )
        raise Invalid(detail, errors=[FieldError("/keys", "unknown", detail)])
    return plan_cases(action=action, cases=cases, by=by, now=now, people=people)


def plan_found(
    *,
    action: str,
    found: QuerySet[ExceptionCase],
    by: Actor,
    now: datetime,
    people: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> JobPlan:
    """A plan for all of these, found within what the actor may see. Raises `Invalid` for too many."""
    cases = all_or_none(found, most=MOST_PLANNED)
    return plan_cases(action=action, cases=cases, by=by, now=now, people=people, asked=asked)


def plan_rest(*, job: Job, by: Actor, now: datetime) -> JobPlan:
    """A plan for what a job did not do, as it is now; what was shared out goes to whom it was for."""
    action, cases = job.kind.removeprefix(PREFIX), cases_of_job(by=by, job=job)
    _refuse_unknown(action, PLANNED_ACTS)
    return _plan(action, cases, Shares(shares_of_job(by=by, job=job)), by, now, {"job": job.key})


def plan_again(*, plan: JobPlan, by: Actor, now: datetime) -> JobPlan:
    """The same act for the same exceptions as they are now, each for whom it was. Raises `Invalid` for a plan of something else."""
    action, cases = _planned_cases(plan, by, PLANNED_ACTS)
    shares = Shares({UUID(one["id"]): one["given"].get("to", "") for one in plan.items})
    return _plan(action, cases, shares, by, now, plan.asked)


def spread_again(*, plan: JobPlan, people: Collection[str], by: Actor, now: datetime) -> JobPlan:
    """The exceptions of a plan to spread some, spread among these people. Raises `Invalid` for a plan of something else."""
    action, cases = _planned_cases(plan, by, ("spread",), is_whole=True)
    return plan_cases(action=action, cases=cases, by=by, now=now, people=people, asked=plan.asked)


def _planned_cases(
    plan: JobPlan, by: Actor, known: Collection[str], *, is_whole: bool = False
) -> tuple[str, list[ExceptionCase]]:
    """The act, and what it was planned for; with what it could not be done on where `is_whole`."""
    action = plan.kind.removeprefix(PREFIX)
    _refuse_unknown(action, known)
    keys = [one["key"] for one in (*plan.items, *(plan.barred if is_whole else ()))]
    return action, cases_to_plan(by=by, numbers=[int(key.removeprefix(KEY_PREFIX)) for key in keys])


def plan_cases(
    *,
    action: str,
    cases: Sequence[ExceptionCase],
    by: Actor,
    now: datetime,
    people: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> JobPlan:
    """A plan for exactly these at their versions of now, with what stands in the way of some. Raises `Invalid` for no act on many."""
    _refuse_unknown(action, BULK_ACTS)
    live = [case for case in cases if case.state in CASE_LIVE]
    shares = spread(live, among=people, by=by, now=now) if action == "spread" else Shares()
    return _plan(action, cases, shares, by, now, asked)


def plan_balance(*, team: str, by: Actor, now: datetime) -> JobPlan:
    """Moves that would make the open work of a team's people more even: of what nobody has taken, the most urgent first.

    What people have who are away goes to those who are there. A plan without any where it is even. Raises `NotFound` for a team that is
    none of the actor's, `Invalid` for more than anyone may plan at once.
    """
    people = people_to_share(by=by, team=team, now=now)
    cases = untaken_cases_of(team, by=by, now=now, most=MOST_PLANNED)
    shares = balance(cases, people=people)
    return _plan(BALANCE, [case for case in cases if case.pk in shares.to], shares, by, now)


def _plan(
    action: str,
    cases: Sequence[ExceptionCase],
    shares: Shares,
    by: Actor,
    now: datetime,
    asked: Mapping[str, str] | None = None,
) -> JobPlan:
    items, barred = [], []
    needs = "reassign" if action in SHARING else action
    for case in cases:
        if why := barred_from(needs, case, by=by) or shares.stays.get(case.pk, ""):
            barred.append(Barred(case.key, why))
        else:
            given = {"to": shares.to[case.pk]} if action in SHARING else {}
            items.append(Planned(str(case.pk), case.key, case.client_id, case.version, given))
    return plan_job(kind=f"{PREFIX}{action}", items=items, barred=barred, asked=asked, by=by, now=now)


def _refuse_unknown(action: str, known: Collection[str]) -> None:
    if action not in known:
        detail = said("Choose one of: %(known)s.", known=", ".join(known))
        raise Invalid(detail, errors=[FieldError("/action", "unknown", detail)])


def _check_reassign(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    owner_to_be(given.get("to", ""), rules.roster(now))
    _check_reason(given, by=by, now=now)


def _check_reason(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("reason", ""))


def _check_wait(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by
    hours = whole_number(str(given.get("hours", "")))
    if hours is None or not 1 <= hours <= LONGEST_WAIT // HOUR:
        detail = said("Say for how many hours, from 1 to %(most)s.", most=LONGEST_WAIT // HOUR)
        raise Invalid(detail, errors=[FieldError("/hours", "out-of-range", detail)])
    asked_wait(
        until=now + hours * HOUR,
        reason=given.get("reason", ""),
        on=given.get("on", ""),
        party=given.get("party", ""),
        now=now,
    )


def _check_note(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    del by, now
    reason_given(given.get("text", ""), field="text", shortest=1, longest=LONGEST_NOTE)


def _check_resolve(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    if not given.get("outcome"):
        detail = said("Say how they were resolved.")
        raise Invalid(detail, errors=[FieldError("/outcome", "required", detail)])
    if given.get("root_cause", "") not in {"", *RootCause.values}:
        detail = said("Choose one of: %(values)s.", values=", ".join(RootCause.values))
        raise Invalid(detail, errors=[FieldError("/root_cause", "unknown", detail)])
    if given.get("text", "").strip():
        _check_note(given, by=by, now=now)


def _check_step(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    if not given.get("step"):
        detail = said("Say which step of the playbook, by its words.")
        raise Invalid(detail, errors=[FieldError("/step", "required", detail)])
    if len(given.get("outcome", "")) > LONGEST_OUTCOME:
        detail = said("At most %(value)s characters.", value=LONGEST_OUTCOME)
        raise Invalid(detail, errors=[FieldError("/outcome", "too-long", detail)])
    if given.get("text", "").strip():
        _check_note(given, by=by, now=now)


def _url(key: str) -> str:
    return f"/exceptions/{key}/"


def _case_kind(action: str, title: str, **more: Any) -> JobKind:
    work = partial(batches.act_on_cases, action)
    more = {"permission": "exceptions.work_case", **more}
    return JobKind(f"{PREFIX}{action}", title, work=work, url=_url, changed=batches.count_changed, **more)


def _moving_kind(action: str, title: str, **more: Any) -> JobKind:
    """Each goes to who the plan says it is for."""
    return JobKind(
        f"{PREFIX}{action}",
        title,
        permission="exceptions.reassign_case",
        work=partial(batches.act_on_cases, "reassign"),
        url=_url,
        check=_check_reason,
        changed=batches.count_changed,
        **more,
    )


CASE_KINDS: Final = (
    _case_kind("acknowledge", noop("Take exceptions")),
    _case_kind(
        "reassign",
        noop("Reassign exceptions"),
        permission="exceptions.reassign_case",
        check=_check_reassign,
        undo="case.give-back",
    ),
    _case_kind("escalate", noop("Escalate exceptions now"), permission="exceptions.reassign_case", check=_check_reason),
    _case_kind("wait", noop("Put exceptions to waiting"), check=_check_wait),
    _case_kind("note", noop("Write a note on exceptions"), check=_check_note),
    _case_kind("step", noop("Do a step on exceptions"), check=_check_step),
    _case_kind("resolve", noop("Resolve exceptions"), check=_check_resolve, undo="case.reopen"),
    _case_kind("reopen", noop("Reopen exceptions"), check=_check_reason),
    _moving_kind("spread", noop("Spread exceptions over people"), undo="case.give-back"),
    _moving_kind(BALANCE, noop("Balance the work of a team"), undo="case.give-back"),
    _case_kind(
        "regroup",
        noop("Move exceptions to another cause"),
        permission=MANAGE,
        check=_check_reason,
        undo="case.ungroup",
        route="",
    ),
    _case_kind(
        "ungroup", noop("Put exceptions back under their cause"), permission=MANAGE, check=_check_reason, route=""
    ),
    _moving_kind("give-back", noop("Give exceptions back")),
)
