"""What else has to happen when a rule book comes into force. Higher apps register; freezing knows none of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class OnFrozen(Protocol):
    """Runs inside the transaction that puts a book in force."""

    def __call__(self, *, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> None:
        """Both documents; `before` is empty for the first book."""


_on_frozen: list[OnFrozen] = []


def on_frozen(handler: OnFrozen) -> None:
    """Have this called whenever a book comes into force. Raises `ValueError` when it is already."""
    if handler in _on_frozen:
        raise ValueError(f"{handler} is called already when a rule book is frozen")
    _on_frozen.append(handler)


def book_frozen(*, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> None:
    """Tell everybody who asked."""
    for handler in _on_frozen:
        handler(before=before, after=after, now=now)
