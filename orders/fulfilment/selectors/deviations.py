"""What went wrong with an order, and what was allowed for a while despite it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.context import Actor
from exceptions.models import ExceptionCase, Waiver
from exceptions.selectors import visible_cases
from exceptions.states import CASE_LIVE
from orders.fulfilment.selectors.order_filters import ORDER
from orders.fulfilment.selectors.orders import order_for
from rules.selectors import active_book

MOST_SHOWN: Final = 20


@dataclass(frozen=True)
class CaseGlance:
    """One exception about an order: how it stands, who has it and until when."""

    key: str
    title: str
    state_label: str
    is_live: bool
    owner: str
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class WaiverGlance:
    """One time-limited exception for an order: what it lets pass, how it stands, until when."""

    key: str
    gate: str
    state_label: str
    expires_at: datetime | None


@dataclass(frozen=True)
class Deviations:
    """Both, the newest first; `unshown` are older ones that are left out."""

    cases: Sequence[CaseGlance]
    waivers: Sequence[WaiverGlance]
    unshown: int


def deviations_of(*, by: Actor, key: str, most: int = MOST_SHOWN) -> Deviations:
    """Of one order, at most so many of each. Raises `NotFound`."""
    order = order_for(by, key)
    about = visible_cases(by).filter(subject_type=ORDER, subject_id=str(order.pk)).select_related("owner")
    allowed = Waiver.objects.filter(subject_type=ORDER, subject_id=str(order.pk))
    found = list(about.order_by("-opened_at", "-pk")[:most])
    waivers = list(allowed.order_by("-requested_at", "-pk")[:most])
    unshown = sum(every.count() - most for every, shown in ((about, found), (allowed, waivers)) if len(shown) == most)
    return Deviations([_case(one) for one in found], _waivers(waivers), unshown)


def _case(case: ExceptionCase) -> CaseGlance:
    return CaseGlance(
        key=case.key,
        title=case.headline,
        state_label=case.get_state_display(),
        is_live=case.state in CASE_LIVE,
        owner=case.owner.name,
        opened_at=case.opened_at,
        due_at=case.due_at,
    )


def _waivers(asked: Sequence[Waiver]) -> list[WaiverGlance]:
    names = {gate.slug: gate.name for gate in active_book().gates()} if asked else {}
    return [
        WaiverGlance(one.key, names.get(one.gate, one.gate), one.get_state_display(), one.expires_at) for one in asked
    ]
