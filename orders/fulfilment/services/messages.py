"""What other systems are asked to do or told, promised in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.subject_refs import SubjectRef
from orders.sync.models import System
from orders.sync.services import Promise, promise_many
from orders.sync.services.promising import systems_for


@dataclass(frozen=True)
class Message:
    """A message to a system of a layer that serves the client (the one it prefers, else the first), or to the system that is named."""

    layer: str
    type: str
    subject: SubjectRef
    key: str
    ordering_key: str
    correlation_id: str
    payload: Mapping[str, Any]
    system: System | None = None
    change_token: int | None = None
    prefers: str = ""

    def pick(self, serving: Sequence[System]) -> Sequence[System]:
        """Of the systems that serve it, the one it prefers; where that is none of them, the first."""
        return [one for one in serving if self.prefers in {one.slug, one.name}][:1] or serving[:1]


def send_all(messages: Sequence[Message], *, now: datetime) -> None:
    """Promise the messages; a layer that no system serves gets none, and the timer of the task tells that nobody answered."""
    if not messages:
        return
    asked = {(message.layer, message.subject.client_id) for message in messages if message.system is None}
    serving = {(layer, client_id): systems_for(layer=layer, client_id=client_id) for layer, client_id in asked}
    addressed = [
        (
            message,
            [message.system] if message.system else message.pick(serving[message.layer, message.subject.client_id]),
        )
        for message in messages
    ]
    promise_many(promises=[_promise(message, system) for message, systems in addressed for system in systems], now=now)


def export_followers(client_ids: Collection[UUID]) -> dict[UUID, list[System]]:
    """The systems that want the export of every routed order, by client; one without an address reads the feed."""
    wanting = list(System.objects.filter(wants_exports=True, is_active=True).order_by("slug"))
    return {
        client_id: [system for system in wanting if system.client_id in {None, client_id}] for client_id in client_ids
    }


def _promise(message: Message, system: System) -> Promise:
    return Promise(
        system=system,
        type=message.type,
        subject=message.subject,
        payload=message.payload,
        key=message.key,
        ordering_key=message.ordering_key,
        correlation_id=message.correlation_id,
        change_token=message.change_token,
    )
