"""One act on many exceptions: decided one by one, written together, with the effect of as many single acts.

Whatever stands in the way of one is that one's result and stops no other. What cannot be known before it is tried (its subject cannot go
on, say) halves the batch until the one that fails is alone.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from audit.access import require
from audit.arrays import bare_array
from audit.context import Actor, acting
from audit.errors import DomainError, NotFound, Refused
from audit.services.events import Entry, record_many, record_refusal
from audit.subject_refs import subject_ref
from audit.texts import reason_given
from exceptions.job_kinds import Item, Result
from exceptions.models import CaseNote, CaseStep, ExceptionCase
from exceptions.selectors.playbook import Step, playbooks_of
from exceptions.selectors.shared_causes import MANAGE
from exceptions.services import cases as single
from exceptions.services import steps
from exceptions.services.causes import part_causes
from exceptions.services.deadlines import work_out_many
from exceptions.services.escalating import ESCALATABLE, climb
from exceptions.services.halving import in_halves
from exceptions.services.notes import write_notes
from exceptions.services.notifications import notify_many
from exceptions.services.openings import CLOSE
from exceptions.services.postmortems import draft_for_ended
from exceptions.services.timers import TimerSetting, set_timers
from exceptions.services.waiting import WAITABLE, asked_wait, begin_wait, told_of, wait_on
from exceptions.services.working import load_parties, lock_subjects, overtaken_many, refuse_unless, running_many
from exceptions.states import CASE_LIVE, CaseState
from rules import selectors as rules

TAKEN: Final = (CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS)
CHANGED: Final = """
    SELECT count(*) FROM unnest(%s::uuid[], %s::int[]) AS g(id, seen)
    JOIN exceptions_exceptioncase c ON c.id = g.id WHERE c.version <> g.seen
"""


@dataclass
class Desk:
    """The cases of a batch, locked, and what came of those that are through."""

    by: Actor
    now: datetime
    given: Mapping[str, Any]
    items: dict[UUID, Item]
    cases: list[ExceptionCase] = field(default_factory=list)
    results: dict[UUID, Result] = field(default_factory=dict)

    def sort_out(self, decide: Callable[[ExceptionCase], object]) -> None:
        """Decide about each; one that is refused is off the desk, with its reason."""
        left = []
        for case in self.cases:
            try:
                decide(case)
            except DomainError as refused:
                self.refuse(case.pk, refused)
            else:
                left.append(case)
        self.cases = left

    def refuse(self, case_id: UUID, refused: DomainError) -> None:
        """One that stays as it is."""
        if isinstance(refused, Refused):
            record_refusal(
                self.by, error=refused, what=f"an act on {self.items[case_id].key} with others", now=self.now
            )
        self.results[case_id] = Result(refused.message)

    def finish(self, undo: Callable[[ExceptionCase], Mapping[str, Any]] | None = None) -> None:
        """The others are done."""
        for case in self.cases:
            self.results[case.pk] = Result(version=case.version, undo=undo(case) if undo else None)


def act_on_cases(
    action: str, items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime
) -> list[Result]:
    """Do the act on these; one result for each, in their order. Raises `LookupError` for an act that is none for many."""
    act = ACTS[action]

    def do(batch: Sequence[Item]) -> list[Result]:
        with acting(by, at=now):
            desk = Desk(by, now, given, {UUID(item.id): item for item in batch})
            act(desk)
            return [desk.results[case_id] for case_id in desk.items]

    return in_halves(items=items, do=do)


def count_changed(items: Sequence[Item]) -> int:
    """How many are no longer at the version that was looked at."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, [bare_array(item.id for item in items), bare_array(item.seen for item in items)])
        (changed,) = cursor.fetchone()
    return int(changed)


def _open_desk(desk: Desk, permission: str = "exceptions.work_case", *, with_subjects: bool = False) -> None:
    """Lock them (subjects first, then in the order of their keys) and put aside what is not there or not the actor's to work."""
    if with_subjects:
        lock_subjects(list(desk.items))
    rows = ExceptionCase.objects.select_for_update().filter(pk__in=list(desk.items)).order_by("pk")
    desk.cases = list(rows)
    load_parties(desk.cases)
    for case_id in desk.items.keys() - {case.pk for case in desk.cases}:
        desk.refuse(case_id, NotFound("There is no such exception, or it is not yours to see."))
    desk.sort_out(lambda case: require(desk.by, permission, case))


def _skip_overtaken(desk: Desk, is_overtaken: Callable[[ExceptionCase], bool]) -> None:
    """Those that changed since they were planned stay as they are, and say who changed them."""
    changed = [case for case in desk.cases if is_overtaken(case)]
    for case_id, taken in overtaken_many(changed).items():
        desk.results[case_id] = Result(taken.message, is_overtaken=True)
    desk.cases = [case for case in desk.cases if case.pk not in desk.results]


def _is_changed(desk: Desk) -> Callable[[ExceptionCase], bool]:
    return lambda case: desk.items[case.pk].seen not in {None, case.version}


def _acknowledge(desk: Desk) -> None:
    _open_desk(desk)
    by, changed = desk.by, _is_changed(desk)
    mine = [case for case in desk.cases if case.state == CaseState.ACKNOWLEDGED and case.acknowledged_by == by.id]
    desk.results |= {case.pk: Result(version=case.version) for case in mine}
    desk.cases = [case for case in desk.cases if case.pk not in desk.results]
    _skip_overtaken(desk, lambda case: case.acknowledged_by not in {"", by.id} or changed(case))
    desk.sort_out(lambda case: refuse_unless(case, CaseState.OPEN, act="taken"))
    person = single.person_of(by)
    for case in desk.cases:
        case.acknowledge(by=by.id, at=desk.now)
        single.take_over(case, person, by)
    _save(desk)
    record_many([Entry("case.acknowledged", case, changes=case.last_changes()) for case in desk.cases])
    running_many(desk.cases, desk.now)
    desk.finish()


def _reassign(desk: Desk) -> None:
    reason = reason_given(desk.given["reason"])
    _open_desk(desk, "exceptions.reassign_case")
    _skip_overtaken(desk, _is_changed(desk))
    desk.sort_out(lambda case: refuse_unless(case, *CASE_LIVE, act="reassigned"))
    roster, seen = rules.roster(desk.now), rules.clients_seen()
    before = {case.pk: case.owner.slug for case in desk.cases}

    def give(case: ExceptionCase) -> None:
        to = desk.items[case.pk].given.get("to") or desk.given["to"]
        single.give_to(case, single.owner_to_be(to, roster), roster, seen=seen)

    desk.sort_out(give)
    _save(desk)
    record_many(
        [
            Entry("case.reassigned", case, reason=reason, changes={"owner": (before[case.pk], case.owner.slug)})
            for case in desk.cases
        ]
    )
    tellings = [single.handed_over(case, case.owner, desk.by, desk.given["reason"]) for case in desk.cases]
    notify_many(tellings=tellings, now=desk.now)
    desk.finish(lambda case: {"to": before[case.pk]})


def _escalate(desk: Desk) -> None:
    reason = reason_given(desk.given["reason"])
    _open_desk(desk, "exceptions.reassign_case")
    _skip_overtaken(desk, _is_changed(desk))
    desk.sort_out(lambda case: refuse_unless(case, *ESCALATABLE, act="escalated"))
    climb(desk.cases, reason=reason, now=desk.now)
    # What their ladders say has changed them beside these objects.
    desk.cases = list(ExceptionCase.objects.filter(pk__in=[case.pk for case in desk.cases]))
    desk.finish()


def _wait(desk: Desk) -> None:
    given, now = desk.given, desk.now
    until, on, party = now + timedelta(hours=int(given["hours"])), given["on"], given.get("party", "")
    wait = asked_wait(until=until, reason=given["reason"], on=on, party=party, now=now)
    _open_desk(desk)
    _skip_overtaken(desk, _is_changed(desk))
    desk.sort_out(lambda case: refuse_unless(case, *WAITABLE, act="put to waiting"))
    for case in desk.cases:
        begin_wait(case, wait, now)
    timed = work_out_many(desk.cases, now=now)
    _save(desk)
    record_many([told_of(case, wait) for case in desk.cases])
    wait_on(timed, wait, now=now)
    desk.finish()


def _note(desk: Desk) -> None:
    _open_desk(desk)
    notes = write_notes(desk.cases, desk.given["text"], field="text", by=desk.by, now=desk.now)
    record_many([Entry("case.noted", note.case, data={"note": note.pk, "told": len(note.told)}) for note in notes])
    running_many([case for case in desk.cases if case.state in TAKEN], desk.now)
    desk.finish()


def _resolve(desk: Desk) -> None:
    given = desk.given
    outcome, root_cause, text = given["outcome"], given.get("root_cause", ""), given.get("text", "")
    _open_desk(desk, with_subjects=True)
    _skip_overtaken(desk, _is_changed(desk))
    desk.sort_out(lambda case: refuse_unless(case, *CASE_LIVE, act="resolved"))
    books = playbooks_of(desk.cases, now=desk.now)
    desk.sort_out(lambda case: single.refuse_unless_solved(case, outcome, root_cause, books[case.pk]))
    desk.sort_out(lambda case: single.refuse_unless_asked(case, outcome, desk.by))
    notes = _notes_on(desk, text)
    for case in desk.cases:
        single.end_wait(case, desk.now)
        case.resolve(outcome=outcome, root_cause=root_cause, at=desk.now)
    _save(desk)
    told = {"outcome": outcome, "root_cause": root_cause}
    record_many(
        [
            Entry("case.resolved", case, data={**told, "note": notes.get(case.pk)}, changes=case.last_changes())
            for case in desk.cases
        ]
    )
    single.stop_timers(desk.cases, desk.now)
    set_timers(
        settings=[TimerSetting(subject_ref(case), CLOSE, desk.now + single.REOPEN_WITHIN) for case in desk.cases]
    )
    draft_for_ended(desk.cases, now=desk.now)
    single.tell_of_end(desk.cases, desk.by, desk.now)
    desk.finish(lambda _: {})


def _step(desk: Desk) -> None:
    """A step that does something acts on each by itself: what stands in the way of one stops no other."""
    given = desk.given
    filled_in = {"outcome": given.get("outcome", ""), "note": given.get("text", ""), "data": given.get("data", {})}
    _open_desk(desk, with_subjects=True)
    _skip_overtaken(desk, _is_changed(desk))
    desk.sort_out(lambda case: refuse_unless(case, *CASE_LIVE, act="worked on"))
    books = playbooks_of(desk.cases, now=desk.now)
    done: dict[UUID, tuple[Step, CaseStep]] = {}

    def carry_out(case: ExceptionCase) -> None:
        index = steps.step_called(given["step"], case)
        steps.refuse_unless_for_many(case, books[case.pk].steps[index])
        todo = steps.step_to_do(case, index, books[case.pk])
        with transaction.atomic() if todo.is_runnable else nullcontext():
            done[case.pk] = todo, steps.carried_out(case, todo, **filled_in, by=desk.by, now=desk.now)

    desk.sort_out(carry_out)
    CaseStep.objects.bulk_create([kept for _, kept in done.values()])
    record_many([Entry("case.step_done", case, data=steps.told_of(*done[case.pk])) for case in desk.cases])
    # What the steps did may have moved the cases on.
    desk.cases = list(ExceptionCase.objects.filter(pk__in=[case.pk for case in desk.cases]))
    running_many([case for case in desk.cases if case.state in TAKEN], desk.now)
    desk.finish()


def _reopen(desk: Desk) -> None:
    """One by one: each may meet another exception of its type that was opened meanwhile."""
    _open_desk(desk, with_subjects=True)
    _skip_overtaken(desk, _is_changed(desk))

    def reopen(case: ExceptionCase) -> None:
        with transaction.atomic():
            opened = single.reopen_case(case_id=case.pk, reason=desk.given["reason"], by=desk.by, now=desk.now)
        case.version = opened.version

    desk.sort_out(reopen)
    desk.finish()


def _regroup(desk: Desk) -> None:
    reason = reason_given(desk.given["reason"])
    _open_desk(desk, MANAGE)
    given = {case.pk: desk.items[case.pk].given for case in desk.cases}
    # Whatever else is done to one meanwhile does not matter; only where somebody moved it again it stays there.
    _skip_overtaken(desk, lambda case: given[case.pk].get("from", case.cause) != case.cause)
    desk.sort_out(lambda case: refuse_unless(case, *CASE_LIVE, act="moved to another cause"))
    before = {case.pk: case.cause for case in desk.cases}
    for case in desk.cases:
        case.cause = given[case.pk].get("cause") or desk.given["cause"]
    _save(desk)
    record_many([Entry("case.regrouped", case, reason=reason, changes=case.last_changes()) for case in desk.cases])
    desk.finish(lambda case: {"cause": before[case.pk], "from": case.cause})


def _ungroup(desk: Desk) -> None:
    """Put back where each was; a cause that something comes back to is merged no more."""
    _regroup(desk)
    part_causes(causes={(case.type, case.cause) for case in desk.cases})


def _notes_on(desk: Desk, text: str) -> dict[UUID, int]:
    if not text.strip() or not desk.cases:
        return {}
    notes: list[CaseNote] = write_notes(desk.cases, text, field="note", by=desk.by, now=desk.now, is_news=False)
    return {note.case_id: note.pk for note in notes}


def _save(desk: Desk) -> None:
    ExceptionCase.objects.save_changes(desk.cases, at=desk.now)


ACTS: Final[Mapping[str, Callable[[Desk], None]]] = {
    "acknowledge": _acknowledge,
    "reassign": _reassign,
    "escalate": _escalate,
    "wait": _wait,
    "note": _note,
    "resolve": _resolve,
    "step": _step,
    "reopen": _reopen,
    "regroup": _regroup,
    "ungroup": _ungroup,
}
