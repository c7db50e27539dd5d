"""The trail as far as somebody may read it."""

from uuid import UUID

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from audit.models import Event, Seal


def events_for(by: Actor) -> QuerySet[Event]:
    """Events of the actor's clients; those of no client only for who sees every client. Raises `Refused` without the permission."""
    require(by, "audit.view_trail")
    return Event.objects.all() if by.clients is None else Event.objects.filter(client_id__in=by.clients)


def seals_for(by: Actor) -> QuerySet[Seal]:
    """The seals: they say nothing of any record, so everyone who may verify sees all. Raises `Refused` without the permission."""
    require(by, "audit.verify")
    return Seal.objects.all()


def event_called(*, by: Actor, words: str) -> Event | None:
    """The event with this id, if it exists for the actor; none for one who may not read the trail."""
    try:
        event_id = UUID(words)
    except ValueError:
        return None
    return events_for(by).filter(pk=event_id).first() if by.may("audit.view_trail") else None
