"""Saying that something was read. Reading is not acknowledging: no clock stops."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from audit.context import Actor, acting
from audit.services.events import record
from audit.subject_refs import SubjectRef
from exceptions.selectors.notifications import notifications_for


def mark_read(*, ids: Collection[UUID], by: Actor, now: datetime) -> int:
    """Mark these as read by this person; how many were unread and theirs. What a team was told is read when one of it has."""
    with acting(by, at=now):
        return _mark(by, now, pk__in=ids)


def mark_all_read(*, until: datetime, by: Actor, now: datetime) -> int:
    """Mark everything told until this moment as read: what came after the person looked stays unread."""
    with acting(by, at=now):
        return _mark(by, now, at__lte=until)


def _mark(by: Actor, now: datetime, **which: object) -> int:
    unread = notifications_for(by).filter(read_at__isnull=True, **which)
    count = unread.update(read_at=now, read_by=by.user_id)
    if count:
        record("notification.read", subject=SubjectRef("audit.actor", by.id), count=count)
    return count
