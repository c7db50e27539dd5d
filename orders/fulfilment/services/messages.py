"""What other systems are asked to do or told, promised in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef
from audit.words import said
from orders.fulfilment.decisions.carriers import CARRIER_DIFFERS, NOT_CONNECTED
from orders.sync.models import OutboundMessage, System
from orders.sync.selectors.serving import systems_serving
from orders.sync.services import Promise, promise_many


@dataclass(frozen=True)
class Message:
    """A message to a system of a layer that serves the client (the one it prefers, else the first), or to the system that is named.

    Where none of the layer serves the client, one of the layer `otherwise` is asked.
    """

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
    otherwise: str = ""

    def pick(self, serving: Sequence[System]) -> Sequence[System]:
        """Of the systems that serve it, the one it prefers; where that is none of them, the first."""
        return [one for one in serving if self.is_preferred(one)][:1] or serving[:1]

    def is_preferred(self, system: System) -> bool:
        """Whether this system is the one that was asked for, by whichever of its names."""
        return self.prefers.casefold() in {system.slug.casefold(), system.name.casefold()}


def send_all(messages: Sequence[Message], *, now: datetime) -> None:
    """Promise the messages; a layer that no system serves gets none, and the timer of the task tells that nobody answered."""
    if not messages:
        return
    asked = {
        (layer, message.subject.client_id)
        for message in messages
        if message.system is None
        for layer in (message.layer, message.otherwise)
        if layer
    }
    serving = {(layer, client_id): systems_serving(layer=layer, client_id=client_id) for layer, client_id in asked}

    def whom(message: Message) -> Sequence[System]:
        if message.system is not None:
            return [message.system]
        layers = (serving.get((layer, message.subject.client_id), ()) for layer in (message.layer, message.otherwise))
        return message.pick(next(filter(None, layers), ()))

    addressed = [(message, whom(message)) for message in messages]
    _tell_unmet([(message, systems[0]) for message, systems in addressed if systems], serving)
    promise_many(promises=[_promise(message, system) for message, systems in addressed for system in systems], now=now)


def _tell_unmet(
    addressed: Sequence[tuple[Message, System]], serving: Mapping[tuple[str, UUID | None], Sequence[System]]
) -> None:
    """A carrier was asked for that does not serve the client: said once, with the first request to the one that is asked instead."""
    unmet = {
        message.key: (message, system)
        for message, system in addressed
        if message.prefers and not message.is_preferred(system)
    }
    asked_before = OutboundMessage.objects.filter(key__in=list(unmet)).values_list("key", flat=True) if unmet else ()
    for key in asked_before:
        del unmet[key]
    if unmet:
        record_many(
            [
                _unmet(message, system, serving[message.layer, message.subject.client_id])
                for message, system in unmet.values()
            ]
        )


def _unmet(message: Message, system: System, serving: Sequence[System]) -> Entry:
    why = said(
        "%(asked)s was asked for, and no system of it serves this client: %(instead)s is asked instead.",
        asked=message.prefers,
        instead=system.name,
    )
    told = {"asked": message.prefers, "instead": system.name, "because": NOT_CONNECTED}
    others = [one.name for one in serving if one.pk != system.pk]
    return Entry(CARRIER_DIFFERS, message.subject, why, {**told, "serving": others} if others else told)


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
