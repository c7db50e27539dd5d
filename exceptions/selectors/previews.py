"""What could be asked for about an exception, before anybody asks: what each gate would let through, and who would decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from audit.context import Actor
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors.approvers import Approver, approvers_of
from exceptions.selectors.precedents import Precedents, precedents_of
from exceptions.subjects import Impact, impact_on
from rules import selectors as rules
from rules.rulebook import CompiledBook, GateSpec


@dataclass(frozen=True)
class GatePreview:
    """A gate as who asks sees it, with the name of who answers for it; `impact` is None where nobody can say."""

    gate: GateSpec
    owner: str
    impact: Impact | None
    approvers: Sequence[Approver]
    precedents: Precedents


def gate_previews(
    case: ExceptionCase, *, also: Sequence[ExceptionCase] = (), by: Actor, now: datetime
) -> list[GatePreview]:
    """Every gate of the rule book in force, for what an exception is about, or for what it and others are about together."""
    keys = {one.subject_id: one.subject_key for one in (case, *also)}
    book = rules.active_book()
    gates = book.gates()
    before = precedents_of([gate.slug for gate in gates], by=by, now=now)
    return [
        replace(_preview(case, keys, gate, gate_owner(gate, book), by, now), precedents=before[gate.slug])
        for gate in gates
    ]


def gate_owner(gate: GateSpec, book: CompiledBook) -> str:
    """The name of who answers for what a gate asks for; empty where the book is older than the question."""
    return book.owner(gate.content_owner).name if gate.content_owner else ""


def _preview(
    case: ExceptionCase, keys: Mapping[str, str], gate: GateSpec, owner: str, by: Actor, now: datetime
) -> GatePreview:
    draft = Waiver(gate=gate.slug, client_id=case.client_id, requested_by=by.id)
    impact = impact_on(case.subject_type, keys, gate=gate.slug)
    return GatePreview(gate, owner, impact, approvers_of(draft, spec=gate, now=now), Precedents())
