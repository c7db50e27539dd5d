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


def register(event_type: str, handler: Handler) -> None:
    """Declare who applies a type. Raises `ValueError` when it has a handler."""
    if event_type in _handlers:
        raise ValueError(f"{event_type} already has a handler")
    _handlers[event_type] = handler


def handler_for(event_type: str) -> Handler | None:
    """Who applies a type, if anybody."""
    return _handlers.get(event_type)
