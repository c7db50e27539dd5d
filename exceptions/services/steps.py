"""Doing what a playbook says: ticked by a person, or done by the product at the press of a button."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit.context import Actor
from audit.errors import Conflict, FieldError, Invalid, NotFound
from audit.services.events import record
from audit.texts import reason_given
from audit.words import kept, said
from exceptions import subjects
from exceptions.errors import StepBlocked
from exceptions.models import CaseStep, ExceptionCase
from exceptions.selectors.playbook import Playbook, Step, playbook_of
from exceptions.services.working import refuse_unless, running, working
from exceptions.states import CASE_LIVE, CaseState

LONGEST_OUTCOME, LONGEST_VALUE = 80, 500


def complete_step(
    *,
    case_id: UUID,
    index: int,
    outcome: str,
    note: str = "",
    data: Mapping[str, Any] | None = None,
    by: Actor,
    now: datetime,
    seen: int | None = None,
) -> CaseStep:
    """Do a step of the playbook: a "do" step runs its action, any other records what came of it. Each is done once.

    Raises `StepBlocked` while its condition does not hold, `Conflict` when somebody has done it, `Invalid` for a field it does not ask for.
    """
    with working(case_id, by, now, seen, with_subject=True) as case:
        refuse_unless(case, *CASE_LIVE, act="worked on")
        step = step_to_do(case, index, playbook_of(case, now=now))
        done = carried_out(case, step, outcome=outcome, note=note, data=data or {}, by=by, now=now)
        try:
            done.save()
        except IntegrityError:
            raise _done_already(case, step) from None
        record("case.step_done", subject=case, changes={}, **told_of(step, done))
        case.refresh_from_db(fields=["state", "version"])
        if case.state in {CaseState.ACKNOWLEDGED, CaseState.IN_PROGRESS}:
            running(case, now)
    return done


def step_called(label: str, case: ExceptionCase) -> int:
    """Where the step of these words stands in the playbook, counted from zero. Raises `NotFound`."""
    index = next((place for place, row in enumerate(case.playbook) if row["label"] == label), None)
    if index is None:
        raise NotFound(said("The playbook of %(key)s has no step “%(label)s”.", key=case.key, label=label))
    return index


def step_to_do(case: ExceptionCase, index: int, book: Playbook) -> Step:
    """The step, which can be done now. Raises `NotFound`, `StepBlocked`, or `Conflict` when somebody has done it."""
    if not 0 <= index < len(case.playbook):
        raise NotFound(said("The playbook of %(key)s has no step %(index)s.", key=case.key, index=index + 1))
    step = book.steps[index]
    if step.state == "done":
        raise _done_already(case, step)
    if step.why_not:
        raise StepBlocked(
            said(
                "Step %(number)s of %(key)s, “%(label)s”, cannot be done now. %(why_not)s",
                number=step.number,
                key=case.key,
                label=step.label,
                why_not=step.why_not,
            )
        )
    return step


def refuse_unless_for_many(case: ExceptionCase, step: Step) -> None:
    """Raises `StepBlocked` for one that does something with answers: they are each record's own, an address, say."""
    if not step.is_for_many:
        raise StepBlocked(
            said(
                "Step %(number)s of %(key)s, “%(label)s”, needs answers of its own: do it there.",
                number=step.number,
                key=case.key,
                label=step.label,
            )
        )


def carried_out(
    case: ExceptionCase, step: Step, *, outcome: str, note: str, data: Mapping[str, Any], by: Actor, now: datetime
) -> CaseStep:
    """What came of the step, not kept yet: its action has run, or what was written down is complete. Raises `Invalid`."""
    index, given = step.number - 1, dict(data)
    action = subjects.action(case.playbook[index].get("action", ""))
    if action is not None:
        happened = action(case, by=by, now=now, data=given)
    else:
        note = "\n".join([*_answers(step, given), note]).strip()
        answer = outcome or (said("Written down") if given else "")
        happened = reason_given(answer, field="outcome", shortest=1)
    return CaseStep(
        case=case,
        index=index,
        at=now,
        by=by.id,
        by_name=by.name,
        outcome=happened[:LONGEST_OUTCOME],
        outcome_kept=kept(happened),
        note=note,
    )


def told_of(step: Step, done: CaseStep) -> dict[str, Any]:
    """What the trail is told of a step."""
    return {"step": step.number, "label": step.label, "outcome": done.outcome}


def _done_already(case: ExceptionCase, step: Step) -> Conflict:
    return Conflict(
        said("Step %(number)s of %(key)s was already done.", number=step.number, key=case.key), code="step-done"
    )


def _answers(step: Step, given: Mapping[str, Any]) -> list[str]:
    """What was asked for and answered, one line each."""
    unknown = [
        FieldError(
            f"/data/{name}",
            "unknown",
            said("Step %(number)s does not ask for “%(name)s”.", number=step.number, name=name),
        )
        for name in given
        if name not in step.fields
    ]
    if unknown:
        raise Invalid(" ".join(error.detail for error in unknown), errors=unknown)
    return [f"{name.replace('_', ' ').capitalize()}: {str(given[name])[:LONGEST_VALUE]}" for name in given]
