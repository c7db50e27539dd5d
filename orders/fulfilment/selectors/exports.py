"""Exports for those who follow all orders, and for the page of one."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, Func, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.selectors.pages import names_of
from audit.subject_refs import subject_ref
from audit.words import at, said
from orders.fulfilment.models import Export, ExportReading, Order
from orders.fulfilment.states import OrderState
from orders.sync.selectors import messages_about
from rules.business_time import duration_words

SHOWN: Final = 10
CONTRACT: Final = "order.export"
# A follower that never read anything is late with what was there when it was set up, from then on.
UNREAD: Final = """
    SELECT s.id, greatest((oldest.document ->> 'generated_at')::timestamptz, CASE WHEN p IS NULL THEN s.created_at END), oldest.n
    FROM sync_system s LEFT JOIN fulfilment_feedplace p ON p.reader_id = s.reader_id
    CROSS JOIN LATERAL (
        SELECT e.document, count(*) OVER () AS n FROM fulfilment_export e JOIN fulfilment_order o ON o.id = e.order_id
        WHERE (e.transaction, e.number) > (coalesce(p.transaction, 0), coalesce(p.number, 0))
          AND (s.client_id IS NULL OR o.client_id = s.client_id)
        ORDER BY e.transaction, e.number LIMIT 1
    ) oldest
    WHERE s.wants_exports AND s.is_active AND s.base_url = ''
"""


class OldestOpenTransaction(Func):
    """The id of the oldest transaction that has not ended; every earlier one has."""

    template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    output_field = BigIntegerField()


@dataclass(frozen=True)
class Position:
    """A place in the feed: behind the export of this number, written by this transaction."""

    transaction: int = 0
    number: int = 0

    def __str__(self) -> str:
        return f"{self.transaction}.{self.number}"


def exports_for(by: Actor) -> QuerySet[Export]:
    """The exports of orders that exist for the actor. Raises `Refused` without the permission to export orders."""
    require(by, "orders.export_order")
    exports = Export.objects.select_related("order")
    return exports if by.clients is None else exports.filter(order__client__in=by.clients)


def exports_behind(position: Position, *, by: Actor, at_most: int) -> list[Export]:
    """What comes next in the feed: nothing that a transaction still open could come before, so that nothing is ever missed."""
    behind = Q(transaction__gt=position.transaction) | Q(number__gt=position.number)
    ended = exports_for(by).filter(
        behind, transaction__gte=position.transaction, transaction__lt=OldestOpenTransaction()
    )
    return list(ended.order_by("transaction", "number")[:at_most])


def unread() -> list[tuple[UUID, datetime, int]]:
    """The followers without an address that have not read all exports: since when the oldest of these is there, and how many."""
    with connection.cursor() as cursor:
        cursor.execute(UNREAD)
        return [(system, since, count) for system, since, count in cursor.fetchall()]


@dataclass(frozen=True)
class ReaderFacts:
    """Who has an export: a person or program that read it, or a system it was sent to; no time while it is on its way."""

    name: str
    at: datetime | None
    was_sent: bool


@dataclass(frozen=True)
class ExportFacts:
    """One export of an order: when it was made, in which state the order was, its hash, and who has it."""

    id: str
    at: datetime
    state: str
    state_label: str
    record_sha256: str
    readers: Sequence[ReaderFacts]


@dataclass(frozen=True)
class SyncFacts:
    """How far one system is that is told of the order: what it has heard, in words."""

    system: str
    is_behind: bool
    words: str


def exports_of(order: Order, *, most: int = SHOWN) -> list[ExportFacts]:
    """The last exports of an order, newest first."""
    found = list(Export.objects.filter(order=order).order_by("-number")[:most])
    readers = _readers(found)
    sent = _sent(order) if found else {}
    return [
        ExportFacts(
            id=str(export.pk),
            at=datetime.fromisoformat(export.document["generated_at"]),
            state=export.document["status"],
            state_label=OrderState(export.document["status"]).label,
            record_sha256=export.facts_hash,
            readers=[*readers.get(export.pk, ()), *sent.get(export.mark, ())],
        )
        for export in found
    ]


def synced(exports: Sequence[ExportFacts]) -> list[SyncFacts]:
    """How far each system is that is told of the order, by its exports, the newest first."""
    if not exports:
        return []
    return [_synced(one.name, one.at, exports[0].at) for one in exports[0].readers if one.was_sent]


def _synced(name: str, heard_at: datetime | None, made_at: datetime) -> SyncFacts:
    if heard_at is None:
        return SyncFacts(name, is_behind=True, words=said("has not heard the newest of %(at)s", at=at(made_at)))
    lag = duration_words(heard_at - made_at)
    return SyncFacts(name, is_behind=False, words=said("heard the newest within %(lag)s", lag=lag))


def newest_text(order: Order) -> str:
    """The newest export as others get it. Raises `NotFound` where none was ever made."""
    export = Export.objects.filter(order=order).order_by("-number").first()
    if export is None:
        raise NotFound(said("Nothing of %(key)s was exported yet, so there is no token.", key=order.key))
    return export.text


def unshown_exports(order: Order, shown: int, *, most: int = SHOWN) -> int:
    """How many exports of an order are older than those that are shown."""
    return Export.objects.filter(order=order).count() - shown if shown == most else 0


def _readers(exports: Sequence[Export]) -> dict[UUID, list[ReaderFacts]]:
    readings = list(ExportReading.objects.filter(export__in=exports).order_by("at", "pk")) if exports else []
    names = names_of(reading.reader for reading in readings)
    found: dict[UUID, list[ReaderFacts]] = defaultdict(list)
    for reading in readings:
        found[reading.export_id].append(ReaderFacts(names[reading.reader], reading.at, was_sent=False))
    return found


def _sent(order: Order) -> dict[str, list[ReaderFacts]]:
    """To which systems exports of the order are sent, by the exports' marks."""
    found: dict[str, list[ReaderFacts]] = defaultdict(list)
    for message in messages_about(subject_ref(order), of_type=CONTRACT):
        _, _, mark, _ = message.key.split("/")
        found[mark].append(ReaderFacts(message.system.name, message.sent_at, was_sent=True))
    return found


def newest_exports(order_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The id of the last export of each of these orders, by order."""
    newest = Export.objects.filter(order__in=order_ids).order_by("order", "-number").distinct("order")
    return dict(newest.values_list("order", "pk"))
