"""What waits for somebody's word, whatever it is about. Higher apps register what of theirs does; this app knows none of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.context import Actor


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: what, about which records (key and address, the first first), who has to do it, since and until when.

    `url` is where it is done. `decides` says of a decision whether the reader may take it; None of everything else that waits.
    """

    what: str
    key: str
    about: Sequence[tuple[str, str]]
    whom: str
    since: datetime
    due_at: datetime
    is_late: bool
    url: str
    decides: bool | None = None
    asked_by: str = ""
    is_own: bool = False

    @property
    def subject_keys(self) -> list[str]:
        """The keys of the records it is about."""
        return [key for key, _ in self.about]


# Of the actor's clients at that moment; at most a hundred, the soonest due first.
Source = Callable[[Actor, datetime], Iterable[Waiting]]

_sources: dict[str, Source] = {}


def register(name: str, source: Source) -> None:
    """Declare a kind of thing that waits for somebody's word. Raises `ValueError` when it is declared."""
    if name in _sources:
        raise ValueError(f"What waits of {name} is already registered")
    _sources[name] = source


def sources() -> Sequence[Source]:
    """All of them, by name."""
    return [_sources[name] for name in sorted(_sources)]
