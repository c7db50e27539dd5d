"""Taking in files: through a connector, the same inbox and the same handlers as everything else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from audit.context import Actor, acting
from audit.services.events import record
from audit.words import said
from orders.fulfilment.mappings import ShippedConnector
from orders.sync import connectors
from orders.sync.envelopes import Envelope
from orders.sync.models import Connector, System
from orders.sync.services import Receipt, apply_due, receive

CHUNK = 1_000
SHOWN = 6  # names of fields that say what something is


def install_connectors(
    *, system: System, shipped: Sequence[ShippedConnector], by: Actor, now: datetime
) -> list[Connector]:
    """Give the system the connectors it has not got; one that an admin changed stays as it is."""
    with acting(by, at=now, reason=said("shipped connectors")):
        known = {connector.topic: connector for connector in Connector.objects.filter(system=system)}
        for one in shipped:
            if one.topic not in known:
                slug = f"{system.slug}-{one.slug}"
                known[one.topic] = Connector.objects.create(
                    slug=slug,
                    name=one.name,
                    system=system,
                    topic=one.topic,
                    event_type=one.event_type,
                    mapping=dict(one.mapping),
                )
                record("connector.set_up", subject=known[one.topic], changes={}, topic=one.topic)
    return [known[one.topic] for one in shipped]


def events_of(
    records: Iterable[Mapping[str, Any]], connector: Connector, *, when: str, source: str, now: datetime
) -> Iterator[Envelope]:
    """The events the records mean by this connector; a record for which the condition `when` does not hold means none.

    Raises `orders.sync.errors.Unreadable` naming the field a record does not carry.
    """
    for one in records:
        if connectors.applies(when=when, payload=one):
            yield connectors.translate(
                mapping=connector.mapping, event_type=connector.event_type, source=source, payload=one, now=now
            )


def left_over(
    records: Iterable[Mapping[str, Any]],
    shipped: Sequence[ShippedConnector],
    *,
    client: str,
    source: str,
    now: datetime,
) -> Iterator[Envelope]:
    """The records that none of the connectors reads, as what they are: to be kept as dead letters."""
    for one in records:
        if not any(connectors.applies(when=each.when, payload=one) for each in shipped):
            fields = ", ".join(list(one)[:SHOWN])
            why = f"It is nothing that these connectors read ({', '.join(each.topic for each in shipped)}); it has {fields}."
            yield connectors.unread(topic="", payload=one, source=source, why=why, now=now, client=client)


def take_in(*, system: System, events: Iterable[Envelope], by: Actor, now: datetime) -> Iterator[list[Receipt]]:
    """Receive and apply events in batches, to the last one; of each batch that is done, its receipts."""
    waiting = iter(events)
    while batch := list(islice(waiting, CHUNK)):
        receipts = receive(system=system, envelopes=batch, by=by, now=now)
        while apply_due(now=now):
            pass
        yield receipts
