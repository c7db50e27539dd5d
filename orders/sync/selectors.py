"""Reads of sync."""

from datetime import datetime

from django.db.models import QuerySet

from audit.context import Actor
from audit.subject_refs import SubjectRef
from orders.sync.models import Attempt, Connector, InboundEvent, OutboundMessage, System
from orders.sync.states import InboundState


def system_named(slug: str) -> System | None:
    """The active system of this slug."""
    return System.objects.filter(slug=slug, is_active=True).select_related("client").first()


def connector_for(system: System, topic: str) -> Connector | None:
    """The connector for a vendor's topic, or the system's only one for all topics."""
    found = Connector.objects.filter(system=system, is_active=True, topic__in=[topic, ""])
    return found.order_by("-topic").first()


def dead_letters(by: Actor) -> QuerySet[InboundEvent]:
    """What could not be processed, newest first, as far as it exists for the actor."""
    letters = (
        InboundEvent.objects.filter(state=InboundState.DEAD).select_related("system", "client").order_by("-number")
    )
    return letters if by.clients is None else letters.filter(client_id__in=by.clients)


def last_attempts(subjects: list[SubjectRef], *, limit: int = 3) -> list[Attempt]:
    """The newest attempts to tell other systems about these subjects."""
    messages = OutboundMessage.objects.filter(
        subject_type__in={one.type for one in subjects}, subject_id__in={one.id for one in subjects}
    )
    return list(
        Attempt.objects.filter(message__in=messages)
        .select_related("message", "message__system")
        .order_by("-at", "-id")[:limit]
    )


def sync_lag(now: datetime) -> dict[str, float]:
    """Per system how many seconds its oldest undelivered message has waited."""
    waiting = (
        OutboundMessage.objects.filter(state__in=["pending", "sending"]).order_by("system", "number").distinct("system")
    )
    return {
        slug: (now - created_at).total_seconds()
        for slug, created_at in waiting.values_list("system__slug", "created_at")
    }
