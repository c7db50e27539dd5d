"""What could be asked for about an exception, before anybody asks: what each gate would let through, and who would decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors.approvers import Approver, approvers_of
from exceptions.subjects import Impact, impact_of
from rules import selectors as rules
from rules.rulebook import GateSpec


@dataclass(frozen=True)
class GatePreview:
    """A gate as who asks sees it; `impact` is None where nobody can say."""

    gate: GateSpec
    impact: Impact | None
    approvers: Sequence[Approver]


def gate_previews(case: ExceptionCase, *, by: Actor, now: datetime) -> list[GatePreview]:
    """Every gate of the rule book in force."""
    about = SubjectRef(case.subject_type, case.subject_id, case.client_id)
    return [_preview(case, about, gate, by, now) for gate in rules.active_book().gates()]


def _preview(case: ExceptionCase, about: SubjectRef, gate: GateSpec, by: Actor, now: datetime) -> GatePreview:
    draft = Waiver(gate=gate.slug, client_id=case.client_id, requested_by=by.id)
    return GatePreview(gate, impact_of(about, gate=gate.slug), approvers_of(draft, spec=gate, now=now))
