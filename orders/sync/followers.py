"""What systems that follow records have and are told. Higher apps register; this app knows none of those records."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from uuid import UUID

from audit.context import Actor
from orders.sync.models import System

Begin = Callable[[System, Actor, datetime], None]
Unread = tuple[UUID, datetime, int]

_beginnings: list[Begin] = []
_feeds: list[Callable[[], Iterable[Unread]]] = []


def register(begin: Begin) -> None:
    """Declare what is done when a system begins to follow."""
    _beginnings.append(begin)


def register_feed(unread: Callable[[], Iterable[Unread]]) -> None:
    """Declare a feed: which systems have not read all of it, since when the oldest of that is there, and how much it is."""
    _feeds.append(unread)


def begin_to_follow(system: System, *, by: Actor, now: datetime) -> None:
    """Tell a system that begins to follow what is there already; runs inside the act that makes it follow."""
    for begin in _beginnings:
        begin(system, by, now)


def unread() -> Iterator[Unread]:
    """What systems that are not sent anything, but read it, have not read yet."""
    for feed in _feeds:
        yield from feed()
