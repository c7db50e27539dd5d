"""One act on many exceptions: each in a transaction of its own with what the person looked at, so that one refusal stops no other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from audit.context import Actor, acting
from audit.errors import DomainError, FieldError, Invalid, Refused
from audit.services.events import record, record_refusal
from audit.subject_refs import SubjectRef
from exceptions.services.cases import acknowledge_case, reassign_case, resolve_case
from exceptions.services.notes import note_case

MOST_AT_ONCE: Final = 200
BATCH_ACTS: Final = ("acknowledge", "reassign", "note", "resolve")


@dataclass(frozen=True)
class Chosen:
    """An exception of the plan, at the version the plan showed."""

    id: UUID
    key: str
    seen: int


@dataclass(frozen=True)
class Outcome:
    """What came of one of them; `why` says what stood in the way, and is empty where it was done."""

    key: str
    why: str = ""


def act_on_cases(
    *, action: str, chosen: Sequence[Chosen], given: Mapping[str, Any], by: Actor, now: datetime
) -> list[Outcome]:
    """Do the act on exactly these, in their order; every refusal is kept in the trail and named in the outcome.

    Raises `Invalid` for an act that is not one for many, or for too many.
    """
    if action not in BATCH_ACTS or not 0 < len(chosen) <= MOST_AT_ONCE:
        detail = f"Choose one to {MOST_AT_ONCE} exceptions and what to do with them."
        raise Invalid(detail, errors=[FieldError("/do", "unknown", detail)])
    return [_outcome(action, one, given, by, now) for one in chosen]


def _outcome(action: str, one: Chosen, given: Mapping[str, Any], by: Actor, now: datetime) -> Outcome:
    try:
        _act(action, one, given, by, now)
    except DomainError as refused:
        if isinstance(refused, Refused):
            record_refusal(by, error=refused, what=f"{action} {one.key} with others", now=now)
        return Outcome(one.key, refused.message)
    return Outcome(one.key)


def _act(action: str, one: Chosen, given: Mapping[str, Any], by: Actor, now: datetime) -> None:
    if action == "acknowledge":
        acknowledge_case(case_id=one.id, by=by, now=now, seen=one.seen)
    elif action == "reassign":
        reassign_case(case_id=one.id, to=given["to"], reason=given["reason"], by=by, now=now, seen=one.seen)
    elif action == "resolve":
        said = {"outcome": given["outcome"], "root_cause": given["root_cause"], "note": given["text"]}
        resolve_case(case_id=one.id, **said, by=by, now=now, seen=one.seen)
    else:
        note_case(case_id=one.id, text=given["text"], by=by, now=now)


def record_export(*, query: str, by: Actor, now: datetime) -> None:
    """Keep who took which queue out of the product."""
    with acting(by, at=now):
        record("queue.exported", subject=SubjectRef("audit.actor", by.id), query=query[:500])
