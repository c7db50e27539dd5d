"""Reading what a vendor sent: by the connector that its system has for the topic."""

from datetime import datetime
from typing import Any

from orders.sync import connectors
from orders.sync.envelopes import Envelope
from orders.sync.errors import Unreadable
from orders.sync.models import System
from orders.sync.selectors import connector_for


def read_payload(*, system: System, topic: str, payload: Any, source: str, now: datetime) -> Envelope:
    """The event a payload means. Raises `Unreadable` where the system has no connector for it, or the connector cannot read it."""
    connector = connector_for(system, topic)
    if connector is None:
        words = topic or "messages without a topic"
        raise Unreadable(f"{system.slug} has no connector for “{words}”.", code="no-connector")
    return connectors.translate(
        mapping=connector.mapping, event_type=connector.event_type, source=source, payload=payload, now=now
    )
