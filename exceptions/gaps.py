"""What can be left without anybody. Every app declares its open items here; the sweep and the report know none of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from audit.context import Actor


@dataclass(frozen=True)
class OpenItem:
    """One open record and where its page is."""

    key: str
    title: str
    url: str


class Counting(Protocol):
    """How many open items each of these owners has."""

    def __call__(self, owners: Collection[UUID]) -> Mapping[UUID, int]:
        """Owners without any may be left out."""


class Listing(Protocol):
    """The open items of these owners that exist for somebody."""

    def __call__(self, owners: Collection[UUID], *, by: Actor, most: int) -> Sequence[OpenItem]:
        """At most `most` of them."""


class Mending(Protocol):
    """Gives what these owners have to those who stand in; how many. Runs inside `acting()`."""

    def __call__(self, *, owners: Collection[UUID], now: datetime) -> int:
        """What nobody stands in for stays where it is."""


@dataclass(frozen=True)
class Source:
    """A kind of open item: `mend` gives what these owners have to those who stand in, in one transaction; how many."""

    name: str
    permission: str
    count: Counting
    items: Listing
    mend: Mending


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Declare a kind of open item. Raises `ValueError` when it is already declared."""
    if source.name in _sources:
        raise ValueError(f"Source {source.name} is already registered")
    _sources[source.name] = source


def sources() -> Sequence[Source]:
    """All kinds, by name."""
    return [source for _, source in sorted(_sources.items())]
