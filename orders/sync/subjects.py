"""What flow runs are about. Higher apps register how their records are locked, and what an outcome that did not come means for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from orders.sync.models import Expectation, FlowRun


class RunSubject(Protocol):
    """The records of one type that runs are about."""

    def lock(self, ids: Sequence[str]) -> set[str]:
        """Lock these records before their runs, skipping what somebody holds; the ids that are now safe to work on."""

    def on_missed(self, missed: Sequence[Expectation], *, now: datetime) -> None:
        """Hand over what did not come, with its context; at most one expectation of each run, the first that is missing."""

    def on_unverified(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """Hand over runs whose handoff nobody downstream has confirmed in time."""

    def on_settled(self, runs: Sequence[FlowRun], *, now: datetime) -> None:
        """The handoffs of these runs were not verified, and are now, or need not be any more."""


_subjects: dict[str, RunSubject] = {}


def register(subject_type: str, subject: RunSubject) -> None:
    """Declare who answers for runs about a type. Raises `ValueError` when somebody does already."""
    if subject_type in _subjects:
        raise ValueError(f"Runs about {subject_type} already have somebody who answers for them")
    _subjects[subject_type] = subject


def subject_of(subject_type: str) -> RunSubject:
    """Who answers for runs about a type. Raises `LookupError` for one nobody registered."""
    try:
        return _subjects[subject_type]
    except KeyError:
        raise LookupError(f"No app answers for runs about {subject_type}.") from None
