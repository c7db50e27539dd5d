"""What could be asked for about an exception, before anybody asks: what each gate would let through, and who would decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from audit.context import Actor
from exceptions.gates import gates_elsewhere
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors.approvers import Approver, approvers_of, only_their_own
from exceptions.selectors.precedents import Precedents, precedents_of
from exceptions.subjects import Impact, impact_on
from rules import selectors as rules
from rules.rulebook import CompiledBook, GateSpec
from rules.selectors.people import absences_at

MOST_NAMED: Final = 3


@dataclass(frozen=True)
class GatePreview:
    """A gate as who asks sees it, with the name of who answers for it; `impact` is None where nobody can say.

    Approved now, it ends by `latest`.
    """

    gate: GateSpec
    owner: str
    impact: Impact | None
    approvers: Sequence[Approver]
    precedents: Precedents
    latest: datetime


@dataclass(frozen=True)
class AskedOf:
    """Who is asked about a request, and what one should know of that before asking."""

    gate: GateSpec
    approvers: Sequence[Approver]
    went_elsewhere: bool
    owner_is_away: bool

    @property
    def names(self) -> str:
        """Those who are asked, as a sentence names them; empty for nobody or many."""
        names = [one.owner.name for one in self.approvers]
        return get_text_list(names, _("and")) if len(names) <= MOST_NAMED else ""


def asked_of(draft: Waiver, spec: GateSpec, *, now: datetime) -> AskedOf:
    """Who would decide about it; `went_elsewhere` where those of the gate are only who asks and who owns it."""
    approvers = approvers_of(draft, spec=spec, now=now)
    away = absences_at(now).filter(owner=draft.owner).exists()
    return AskedOf(spec, approvers, only_their_own(draft, spec=spec), away)


def gate_previews(
    case: ExceptionCase, *, also: Sequence[ExceptionCase] = (), by: Actor, now: datetime
) -> list[GatePreview]:
    """Every gate of the rule book in force, for what an exception is about, or for what it and others are about together."""
    keys = {one.subject_id: one.subject_key for one in (case, *also)}
    book = rules.active_book()
    elsewhere = gates_elsewhere(case.subject_type)
    gates = [gate for gate in book.gates() if gate.slug not in elsewhere]
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
    impact, latest = impact_on(case.subject_type, keys, gate=gate.slug), now + timedelta(hours=gate.max_hours)
    return GatePreview(gate, owner, impact, approvers_of(draft, spec=gate, now=now), Precedents(), latest)
