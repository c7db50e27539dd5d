"""What an act on many does to each batch of them. Higher apps register their kinds; the loop that works jobs knows none of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from audit.context import Actor

EXCEPTION: Final = gettext_lazy("Exception")


class Item(NamedTuple):
    """One record to act on, at the version that was looked at; `given` is what holds for this one alone."""

    id: str
    key: str
    seen: int | None = None
    given: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Result:
    """What came of it: done, or `why` not; `is_overtaken` where it changed since the plan.

    `version` is the record's afterwards; `undo` is what the opposite act has to be given for this one, None where there is none.
    """

    why: str = ""
    is_overtaken: bool = False
    version: int | None = None
    undo: Mapping[str, Any] | None = field(default=None)


class Worker(Protocol):
    """Does the act on a batch in the transaction under way; one result for each item, in their order; a refusal is a result."""

    def __call__(
        self, items: Sequence[Item], *, given: Mapping[str, Any], by: Actor, now: datetime
    ) -> Sequence[Result]:
        """Do it."""


class Check(Protocol):
    """Refuses what was filled in wrong, before anything is done."""

    def __call__(self, given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
        """Raise `Invalid`, naming the fields."""


def nothing_to_check(given: Mapping[str, Any], *, by: Actor, now: datetime) -> None:
    """For acts that need nothing filled in."""


def never_changes(items: Sequence[Item]) -> int:
    """For records without versions."""
    del items
    return 0


@dataclass(frozen=True)
class JobKind:
    """An act on many: `title` in words, the permission to begin it, where each record's page is, and the kind that takes it back.

    `changed` counts which of the planned records are no longer at the version that was looked at; `route` is the URL name of the page
    that plans and confirms it, `noun` what one of its records is called.
    """

    name: str
    title: str
    permission: str
    work: Worker
    url: Callable[[str], str]
    check: Check = nothing_to_check
    changed: Callable[[Sequence[Item]], int] = never_changes
    undo: str = ""
    route: str = "exceptions:bulk"
    noun: str | Promise = EXCEPTION


def action_of(name: str) -> str:
    """The act without what it is done to: `resolve` of `case.resolve`."""
    return name.rpartition(".")[2]


_kinds: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Declare an act on many. Raises `ValueError` when the name is taken."""
    if kind.name in _kinds:
        raise ValueError(f"Job kind {kind.name} is already registered")
    _kinds[kind.name] = kind


def kind(name: str) -> JobKind:
    """The kind. Raises `LookupError` for one nobody registered."""
    try:
        return _kinds[name]
    except KeyError:
        raise LookupError(f"No app registered the job kind {name}.") from None
