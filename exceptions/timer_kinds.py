"""What firing a timer does. Higher apps register their kinds; the sweep knows none of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from audit.subject_refs import SubjectRef


class Due(NamedTuple):
    """A timer that is due and claimed, as handlers see it; not a model, for two thousand of them come at once."""

    id: str
    subject_id: str


class Failed(Protocol):
    """Hears that a kind of timer fails, after its sweep."""

    def __call__(self, name: str, failure: Exception, *, now: datetime) -> None:
        """The kind by name, and one of its failures."""


class Ran(Protocol):
    """Hears which kinds of timers ran, after their sweep."""

    def __call__(self, names: Collection[str], *, now: datetime) -> None:
        """The kinds by name."""


class Handler(Protocol):
    """Does the effect of a batch of due timers of one kind, in the transaction in which they are marked as fired."""

    def __call__(self, timers: Sequence[Due], *, now: datetime) -> None:
        """Do it for all of them, or raise."""


Lock = Callable[[Sequence[str]], set[str]]
PutsBack = Callable[[Sequence[str]], Mapping[str, Collection[SubjectRef]]]


@dataclass(frozen=True)
class TimerKind:
    """`lock` takes the subjects' rows before the timers' (locks go from the top app down) and skips those somebody holds.

    `puts_back` says which records firing would put back to what rules or systems say, by the id of the subject: while a break-glass is in
    force over one of them it waits. Such a kind carries no payload of its own.
    """

    name: str
    handler: Handler
    lock: Lock | None = None
    puts_back: PutsBack | None = None


_kinds: dict[str, TimerKind] = {}
_on_failure: list[Failed] = []
_on_success: list[Ran] = []


def register(name: str, handler: Handler, *, lock: Lock | None = None, puts_back: PutsBack | None = None) -> None:
    """Declare what a kind of timer does. Raises `ValueError` when it is already declared."""
    if name in _kinds:
        raise ValueError(f"Timer kind {name} is already registered")
    _kinds[name] = TimerKind(name, handler, lock, puts_back)


def kind(name: str) -> TimerKind:
    """The kind. Raises `LookupError` for one nobody registered."""
    try:
        return _kinds[name]
    except KeyError:
        raise LookupError(f"No app registered the timer kind {name}.") from None


def on_failure(handler: Failed) -> None:
    """Have this called once per sweep for each kind whose handler failed: the kind, one of its failures, the moment."""
    _on_failure.append(handler)


def failed(name: str, failure: Exception, now: datetime) -> None:
    """Tell everybody who asked."""
    for handler in _on_failure:
        handler(name, failure, now=now)


def on_success(handler: Ran) -> None:
    """Have this called once per sweep with the kinds of which something was due and nothing failed."""
    _on_success.append(handler)


def ran(names: Collection[str], now: datetime) -> None:
    """Tell everybody who asked."""
    for handler in _on_success:
        handler(names, now=now)
