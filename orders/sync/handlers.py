"""Which function applies which kind of event. Higher apps register; this app knows none of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from audit.context import Actor
from orders.sync.models import InboundEvent


class Handler(Protocol):
    """Applies a batch of events of one type (no two of one subject), inside the act of `by`.

    Raises `Unprocessable` for those it cannot apply, or any `DomainError`, `ValueError`, `LookupError` or database error when it cannot
    apply the batch: intake then finds the ones that fail.
    """

    def __call__(self, events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
        """Apply them all."""


_handlers: dict[str, Handler] = {}
_replacing: set[str] = set()


def register(event_type: str, handler: Handler, *, replaces: bool = False) -> None:
    """Declare who applies a type, and whether each such event replaces what was told before, whoever told it.

    Raises `ValueError` when the type has a handler.
    """
    if event_type in _handlers:
        raise ValueError(f"{event_type} already has a handler")
    _handlers[event_type] = handler
    if replaces:
        _replacing.add(event_type)


def replaces(event_type: str) -> bool:
    """Whether an event of this type replaces what was told before, so that it matters who may say it."""
    return event_type in _replacing


def handler_for(event_type: str) -> Handler | None:
    """Who applies a type, if anybody."""
    return _handlers.get(event_type)
