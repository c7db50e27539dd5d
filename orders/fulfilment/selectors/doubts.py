"""What people have put orders into quarantine for: what is in doubt, since when, by whom and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from audit.selectors.pages import names_of
from audit.words import Said, said
from orders.fulfilment.decisions.doubts import DOUBTS, in_doubt
from orders.fulfilment.models import Hold
from orders.fulfilment.states import HoldReason, HoldState


@dataclass(frozen=True)
class DoubtField:
    """One thing in doubt: how one makes sure of it, and the field that is set by hand to put it right, where there is one."""

    name: str
    label: str
    look: str
    override: str


@dataclass(frozen=True)
class DoubtFacts:
    """Why an order is in quarantine by hand."""

    fields: Sequence[DoubtField]
    line: int | None
    words: str
    placed_by: str
    placed_at: datetime

    @property
    def names(self) -> Said:
        """What is in doubt, in words."""
        return in_doubt(field.name for field in self.fields)


def doubts_of(order_ids: Collection[UUID]) -> dict[UUID, DoubtFacts]:
    """By order, those that a person put into quarantine."""
    holds = Hold.objects.filter(order__in=order_ids, reason=HoldReason.DOUBT, state=HoldState.ACTIVE).order_by("pk")
    found = list(holds) if order_ids else []
    names = names_of({hold.placed_by for hold in found})
    return {hold.order_id: _facts(hold, names.get(hold.placed_by, hold.placed_by)) for hold in found}


def _facts(hold: Hold, placed_by: str) -> DoubtFacts:
    known = [(name, DOUBTS[name]) for name in hold.release_when["doubts"] if name in DOUBTS]
    return DoubtFacts(
        fields=[DoubtField(name, said(one.label), said(one.look), one.override) for name, one in known],
        line=hold.release_when["line"],
        words=hold.words,
        placed_by=placed_by,
        placed_at=hold.placed_at,
    )
