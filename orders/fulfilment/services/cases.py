"""What goes wrong with an order, handed to the people who work it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.subject_refs import SubjectRef
from orders.fulfilment.models import Order


@dataclass(frozen=True)
class Opening:
    """A case to open about an order: `type` as in the rule book, words for the person who gets it, PII-free evidence."""

    type: str
    order: Order
    title: str
    cause: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TimerChange:
    """A timer about a fulfilment to set, or to cancel where `due_at` is None."""

    subject: SubjectRef
    kind: str
    due_at: datetime | None


def open_all(openings: Sequence[Opening], *, now: datetime) -> None:
    """Open (or count up) one case per order and type."""
    del openings, now


def set_all(timers: Sequence[TimerChange]) -> None:
    """Set and cancel timers."""
    del timers
