"""The one step an exception's route takes by itself while nobody has taken the exception: retry, re-route, escalate, or ask to cancel.

A kind of subject may have its own way of doing a step (`subjects.register_route_step`); what it leaves is done here. The step comes once,
and what came of it is in the trail. The fallback has a timer of its own, so that a step that could not be done keeps nothing back.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop as noop

from audit.context import current_actor
from audit.errors import DomainError
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, cut, said
from exceptions import subjects
from exceptions.models import ExceptionCase
from exceptions.selectors.approvers import people_with
from exceptions.services.escalation import Decide, Group, Move, Standing, move_cases, to_first_level
from exceptions.services.notifications import Telling, notify_many
from exceptions.services.openings import ACKNOWLEDGE, CASE_TYPE, FALLBACK, ROUTE
from exceptions.services.timers import cancel_timers
from exceptions.states import CaseState
from exceptions.timer_kinds import Due
from rules.models import Owner
from rules.selectors.people import Roster
from rules.states import Route

TAKEN: Final = "case.route_taken"
LONGEST_WORDS: Final = 280

Cases = Sequence[ExceptionCase]
Words = dict[str, str]


def on_route(timers: Sequence[Due], *, now: datetime) -> None:
    """Take the step of each case that nobody has taken, and write down what came of it."""
    ids = [timer.subject_id for timer in timers]
    alike: dict[tuple[str, str], list[ExceptionCase]] = defaultdict(list)
    for case in ExceptionCase.objects.filter(pk__in=ids, state=CaseState.OPEN).select_related("owner").order_by("pk"):
        alike[case.route, case.subject_type].append(case)
    for (route, label), cases in sorted(alike.items()):
        done = _by_subject(route, label, cases, now)
        if left := [case for case in cases if str(case.pk) not in done]:
            done |= STEPS[Route(route)](left, now)
        record_many([_entry(case, done[str(case.pk)]) for case in cases])


def on_fallback(timers: Sequence[Due], *, now: datetime) -> None:
    """The step has not helped and still nobody has taken it: up the ladder, unless it has gone up since."""
    ids = [timer.subject_id for timer in timers]
    states = (CaseState.OPEN,)
    move_cases(ids=ids, states=states, decide=to_first_level, event="case.fell_back", timer=FALLBACK, now=now)


def _entry(case: ExceptionCase, words: str) -> Entry:
    ref = SubjectRef(CASE_TYPE, str(case.pk), case.client_id)
    return Entry(TAKEN, ref, reason=cut(words, LONGEST_WORDS), data={"route": case.route}, changes={})


def _by_subject(route: str, label: str, cases: Cases, now: datetime) -> Words:
    """What the subjects' own app did; one that refuses says why, alone."""
    step = subjects.route_step(route, label)
    if step is None:
        return {}
    try:
        with transaction.atomic():
            return dict(step(cases, by=current_actor(), now=now))
    except DomainError as refused:
        if len(cases) > 1:
            raise  # the sweep tries each by itself
        return {str(cases[0].pk): said("Not done: %(why)s", why=refused.message)}


def _nothing_to_retry(cases: Cases, now: datetime) -> Words:
    del now
    return _all(cases, noop("There is nothing the product could try again; %(name)s has it."))


def _to_the_second(cases: Cases, now: datetime) -> Words:
    """To who is named as the one who gets it when it is re-routed."""
    by_target: dict[str, list[ExceptionCase]] = defaultdict(list)
    for case in cases:
        by_target[case.route_plan["to"]].append(case)
    done = _all(cases, noop("%(name)s has it already."))
    for slug, group in by_target.items():
        done |= _words(_moved(group, _to(slug), "case.rerouted", now), noop("Went to %(name)s."))
    return done


def _to(slug: str) -> Decide:
    def decide(case: Standing, roster: Roster) -> Move | None:
        owner = roster.on_duty(slug)
        return None if owner.pk == case.owner.pk else Move(owner, roster.owners[owner.backup_id], case.step)

    return decide


def _up(cases: Cases, now: datetime) -> Words:
    """The first level of its ladder, with what is known of it; whoever gets it there need not take it by the same moment."""
    done = _all(cases, noop("It had gone up its ladder already; %(name)s has it."))
    groups = _moved(cases, to_first_level, "case.escalated", now)
    given = [case.ref for _, move, moved in groups if not move.event for case in moved]
    cancel_timers(timers=[(ref, ACKNOWLEDGE) for ref in given], now=now)
    return done | _words(groups, noop("Went up its ladder to %(name)s, with all that is known of it."))


def _ask_to_cancel(cases: Cases, now: datetime) -> Words:
    """Nothing is cancelled by itself: those who may are asked, and say yes by resolving it as cancelled."""
    alike: dict[tuple[str, UUID | None], list[ExceptionCase]] = defaultdict(list)
    for case in cases:
        alike[case.route_plan["approver_role"], case.client_id].append(case)
    done: Words = {}
    tellings = []
    for (role, client_id), group in alike.items():
        asked = people_with(role, client_id=client_id)
        names = ", ".join(one.name for one in asked) or said("nobody: there is no such person")
        done |= {str(case.pk): said("Asked %(names)s.", names=names) for case in group}
        tellings += [_question(case, one) for case in group for one in asked]
    record_many([Entry("case.cancel_asked", subject_ref(case), changes={}) for case in cases])
    notify_many(tellings=tellings, now=now)
    return done


STEPS: Final[Mapping[Route, Callable[[Cases, datetime], Words]]] = {
    Route.RETRY: _nothing_to_retry,
    Route.REROUTE: _to_the_second,
    Route.ESCALATE: _up,
    Route.CANCEL: _ask_to_cancel,
}


def _moved(cases: Cases, decide: Decide, event: str, now: datetime) -> list[Group]:
    ids = [str(case.pk) for case in cases]
    return move_cases(ids=ids, states=(CaseState.OPEN,), decide=decide, event=event, timer=ROUTE, now=now)


def _all(cases: Cases, words: str) -> Words:
    return {str(case.pk): said(words, name=case.owner.name) for case in cases}


def _words(groups: Sequence[Group], words: str) -> Words:
    return {
        str(case.ref.id): said(words, name=(move.told or move.owner).name)
        for _, move, cases in groups
        for case in cases
    }


def _question(case: ExceptionCase, asked: Owner) -> Telling:
    return Telling(
        asked,
        "case.cancel_asked",
        said(
            "%(key)s: %(title)s. Shall it be cancelled? Resolve it as cancelled, or take it and solve it another way. "
            "It is due %(due)s.",
            key=case.key,
            title=case.headline,
            due=at(case.due_at),
        ),
        f"/exceptions/{case.key}/",
        case.client_id,
        case.pk,
        severity=case.severity,
    )
