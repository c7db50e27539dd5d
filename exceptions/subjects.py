"""What an exception can be about, and what may be done about it. Higher apps register; this app never imports them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from audit.context import Actor
from audit.subject_refs import SubjectRef
from exceptions.models import ExceptionCase, Waiver
from rules import playbooks


@dataclass(frozen=True)
class SubjectPage:
    """What a case's page and payload show of its subject; nothing personal.

    `last_events`: at most 5 of {at, system, event, result}; `attempts`: at most 3 of {at, endpoint, status, duration_ms, error};
    `decision`: {rule, book, flow, owner, fallback} or empty; `facts`: label → words; `links`: label → address.
    """

    title: str
    url: str
    facts: Mapping[str, str] = field(default_factory=dict)
    last_events: Sequence[Mapping[str, Any]] = ()
    attempts: Sequence[Mapping[str, Any]] = ()
    decision: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


class Subject(Protocol):
    """A kind of record that exceptions and time-limited exceptions are about."""

    def lock(self, ids: Sequence[str]) -> None:
        """Lock the records, in the order of their keys."""

    def page(self, ref: SubjectRef) -> SubjectPage:
        """What to show."""

    def on_case_ended(self, case: ExceptionCase, *, by: Actor, now: datetime) -> None:
        """The case was resolved or withdrawn: go on, if nothing else stands in the way."""

    def on_waived(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """A time-limited exception was approved: go on."""

    def on_waiver_ended(self, waiver: Waiver, *, by: Actor, now: datetime) -> None:
        """It is over: what was not done yet is under the rule again."""


class HoldOpener(Protocol):
    """Puts subjects of one kind on hold because of their cases, in the transaction of the step; subjects and cases are locked."""

    def __call__(self, cases: Sequence[ExceptionCase], *, kind: str, by: Actor, now: datetime) -> Collection[str]:
        """The ids of the subjects that were put on hold now; one that is already, or cannot be any more, is left out."""


Action = Callable[..., str]
Criterion = Callable[[ExceptionCase], bool]

_subjects: dict[str, Subject] = {}
_actions: dict[str, Action] = {}
_criteria: dict[str, Criterion] = {}
_openers: dict[str, HoldOpener] = {}


def register(label: str, subject: Subject) -> None:
    """Declare a kind of subject by its model's label ("fulfilment.order"). Raises `ValueError` when it is taken."""
    if label in _subjects:
        raise ValueError(f"Subject {label} is already registered")
    _subjects[label] = subject


def subject_for(label: str) -> Subject | None:
    """The kind of subject; None for records that need nothing done (a system, say)."""
    return _subjects.get(label)


def register_action(name: str, action: Action) -> None:
    """Declare what a "do" step runs: `action(case, *, by, now, data) -> str` returns what happened, in words.

    Raises `ValueError` when the name is taken.
    """
    playbooks.declare_action(name)
    _actions[name] = action


def action(name: str) -> Action | None:
    """The action of this name."""
    return _actions.get(name)


def register_hold_opener(label: str, opener: HoldOpener) -> None:
    """Declare how subjects of this kind are put on hold by a step of a ladder. Raises `ValueError` when it is taken."""
    if label in _openers:
        raise ValueError(f"Who holds {label} is already registered")
    _openers[label] = opener


def hold_opener(label: str) -> HoldOpener | None:
    """How subjects of this kind are put on hold; None where they cannot be."""
    return _openers.get(label)


def register_criterion(name: str, criterion: Criterion) -> None:
    """Declare a check an acceptance criterion can name. Raises `ValueError` when it is taken."""
    if name in _criteria:
        raise ValueError(f"Criterion {name} is already registered")
    _criteria[name] = criterion


def is_met(name: str, case: ExceptionCase) -> bool | None:
    """Whether the named criterion holds; None where a person has to say so."""
    criterion = _criteria.get(name)
    return None if criterion is None else criterion(case)
