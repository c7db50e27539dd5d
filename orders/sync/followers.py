"""What a system that begins to follow records is told of those that are there. Higher apps register; this app knows none of them."""

from collections.abc import Callable
from datetime import datetime

from audit.context import Actor
from orders.sync.models import System

Begin = Callable[[System, Actor, datetime], None]

_beginnings: list[Begin] = []


def register(begin: Begin) -> None:
    """Declare what is done when a system begins to follow."""
    _beginnings.append(begin)


def begin_to_follow(system: System, *, by: Actor, now: datetime) -> None:
    """Tell a system that begins to follow what is there already; runs inside the act that makes it follow."""
    for begin in _beginnings:
        begin(system, by, now)
