"""The frame around every page: where one may go, how healthy the product is, who one is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import clock
from audit.context import Actor
from config.health import Health, health

MOST_COUNTED = 999


@dataclass(frozen=True)
class Entry:
    """One way to go; `count` is what waits there for this person."""

    title: str
    url: str
    icon: str
    current: bool = False
    count: int = 0
    unit: str = ""
    hot: bool = False
    key: str = ""

    @property
    def count_words(self) -> str:
        """The count, or “999+”."""
        return f"{MOST_COUNTED}+" if self.count > MOST_COUNTED else str(self.count)


@dataclass(frozen=True)
class Group:
    """Entries under one heading."""

    title: str
    entries: list[Entry]


@dataclass(frozen=True)
class Shortcut:
    """A key and what it does."""

    keys: tuple[str, ...]
    does: str


@dataclass(frozen=True)
class Place:
    """A page the product has: who may open it, and what is counted there."""

    title: str
    route: str
    icon: str
    permission: str
    group: str
    key: str = ""
    unit: str = ""
    hot: bool = False
    count: Callable[[Actor, datetime], int] | None = None


@dataclass(frozen=True)
class Shell:
    """What `base.html` needs."""

    groups: list[Group]
    name: str
    role: str
    zone: str
    health: Health
    searched: str = ""
    shortcuts: list[Shortcut] = field(default_factory=list)
