"""What other systems are asked to do or told, promised in the same transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.subject_refs import SubjectRef
from orders.sync.models import System
from orders.sync.services import Promise, promise_many
from orders.sync.services.promising import systems_for


@dataclass(frozen=True)
class Message:
    """A message to the first system of a layer that serves the client, or to every such system where `to_all`."""

    layer: str
    type: str
    subject: SubjectRef
    key: str
    ordering_key: str
    correlation_id: str
    payload: Mapping[str, Any]
    to_all: bool = False


def send_all(messages: Sequence[Message], *, now: datetime) -> None:
    """Promise the messages; a layer that no system serves gets none, and the timer of the task tells that nobody answered."""
    if not messages:
        return
    asked = {(message.layer, message.subject.client_id) for message in messages}
    serving = {(layer, client_id): systems_for(layer=layer, client_id=client_id) for layer, client_id in asked}
    promises = [
        _promise(message, system, several=message.to_all)
        for message in messages
        for system in serving[message.layer, message.subject.client_id][: None if message.to_all else 1]
    ]
    promise_many(promises=promises, now=now)


def _promise(message: Message, system: System, *, several: bool) -> Promise:
    return Promise(
        system=system,
        type=message.type,
        subject=message.subject,
        payload=message.payload,
        key=f"{message.key}/{system.slug}" if several else message.key,
        ordering_key=message.ordering_key,
        correlation_id=message.correlation_id,
    )
