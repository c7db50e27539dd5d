"""Reading exports: all of them one after the other, or one again. Every reading is in the trail, a whole page as one entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from audit.context import Actor, acting
from audit.errors import NotFound
from audit.services.events import record
from audit.subject_refs import SubjectRef
from audit.words import said
from orders.fulfilment.models import Export
from orders.fulfilment.selectors.exports import Position, exports_behind, exports_for
from orders.fulfilment.services.exports import note_readings

# Only a place where there is an export counts, and nobody goes back by reading something again.
ARRIVE: Final = """
    INSERT INTO fulfilment_feedplace AS place (reader_id, transaction, number, at)
    SELECT %s, transaction, number, %s FROM fulfilment_export WHERE transaction = %s AND number = %s
    ON CONFLICT (reader_id) DO UPDATE SET transaction = excluded.transaction, number = excluded.number, at = excluded.at
    WHERE (excluded.transaction, excluded.number) > (place.transaction, place.number)
"""


@dataclass(frozen=True)
class FeedPage:
    """Exports in the order of the feed, where they end, and whether there are more already."""

    exports: Sequence[Export]
    end: Position
    has_more: bool


def pull_exports(*, after: Position, limit: int, by: Actor, now: datetime) -> FeedPage:
    """At most `limit` exports behind `after`, of the actor's clients. A pull that brings nothing leaves no entry. Raises `Refused`."""
    with acting(by, at=now):
        found = exports_behind(after, by=by, at_most=limit + 1)
        exports = found[:limit]
        end = Position(exports[-1].transaction, exports[-1].number) if exports else after
        _arrive(end, by, now)
        if not exports:
            return FeedPage([], end, has_more=False)
        note_readings(exports, by=by, now=now)
        reader = SubjectRef("audit.actor", by.id)
        record("exports.pulled", subject=reader, after=str(after), up_to=str(end), count=len(exports))
    return FeedPage(exports, end, has_more=len(found) > limit)


def _arrive(at: Position, by: Actor, now: datetime) -> None:
    """Keep how far the actor is."""
    if by.user_id is not None:
        with connection.cursor() as cursor:
            cursor.execute(ARRIVE, [by.user_id, now, at.transaction, at.number])


def read_export(*, export_id: UUID, by: Actor, now: datetime) -> Export:
    """One export as it was made, whatever has become of its order. Raises `NotFound`, `Refused`."""
    with acting(by, at=now):
        export = exports_for(by).filter(pk=export_id).first()
        if export is None:
            raise NotFound(said("There is no export %(export_id)s, or it is not yours to see.", export_id=export_id))
        record("order.export_read", subject=export.order, changes={}, hash=export.facts_hash)
        note_readings([export], by=by, now=now)
    return export
