"""What a step of a playbook depends on: the exception as expressions see it, and whether a step's condition holds now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from exceptions.models import ExceptionCase
from exceptions.states import CaseState
from rules.engine import ExpressionInvalid, compile_predicate
from rules.facts import ContextSpec, Declared, as_shape
from rules.playbooks import CASE_CONTEXT

CASE_FACTS: Final[Mapping[str, Declared]] = {
    "kind": str,
    "state": str,
    "severity": str,
    "subject_type": str,
    "client": str,
    "owner": str,
    "owner_kind": str,
    "route": str,
    "gate": str,
    "cause": str,
    "currency": str,
    "at_risk_minor": int,
    "occurrences": int,
    "reopened": int,
    "ladder_step": int,
    "taken": bool,
    "waiting": bool,
    "late": bool,
    "waived": bool,
    "steps_done": [int],
}
SPEC: Final = ContextSpec(CASE_CONTEXT, {name: as_shape(kind) for name, kind in CASE_FACTS.items()})


def case_facts(case: ExceptionCase, *, steps_done: list[int], waived: bool, now: datetime) -> dict[str, Any]:
    """What expressions may ask about an exception; `steps_done` counts from one, as people do."""
    return {
        "kind": case.type,
        "state": case.state,
        "severity": case.severity,
        "subject_type": case.subject_type,
        "client": case.client.slug if case.client else "",
        "owner": case.owner.slug,
        "owner_kind": case.owner.kind,
        "route": case.route,
        "gate": case.gate,
        "cause": case.cause,
        "currency": case.currency,
        "at_risk_minor": case.at_risk_minor,
        "occurrences": case.occurrences,
        "reopened": case.reopened,
        "ladder_step": case.ladder_step,
        "taken": case.acknowledged_at is not None,
        "waiting": case.state == CaseState.WAITING,
        "late": case.due_at <= now,
        "waived": waived,
        "steps_done": steps_done,
    }


def holds(source: str, facts: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds; None when it cannot be decided. No condition holds always."""
    if not source.strip():
        return True
    try:
        return compile_predicate(source, SPEC).holds(facts, SPEC)
    except ExpressionInvalid:  # frozen with an older vocabulary: never guessed
        return None
