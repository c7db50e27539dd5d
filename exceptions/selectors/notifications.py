"""What somebody was told: their own notifications and those of their teams, what nobody has read first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid
from exceptions.models import Notification

PER_PAGE = 50


@dataclass(frozen=True)
class Inbox:
    """A page of notifications, and how many of all are unread."""

    rows: Sequence[Notification]
    next_after: str
    unread: int


def notifications_for(by: Actor) -> QuerySet[Notification]:
    """What the actor, or a team of the actor's, was told about clients the actor sees. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    told = Notification.objects.filter(owner__in=by.owners)
    return told if by.clients is None else told.filter(Q(client__isnull=True) | Q(client__in=by.clients))


def unread(by: Actor) -> QuerySet[Notification]:
    """Those nobody has read."""
    return notifications_for(by).filter(read_at__isnull=True)


def inbox(*, by: Actor, after: str = "", most: int = 1_000) -> Inbox:
    """A page, unread first, then newest first. Raises `Invalid` for a mark that is not ours."""
    is_read = ExpressionWrapper(Q(read_at__isnull=False), output_field=BooleanField())
    told = notifications_for(by).select_related("owner", "read_by").annotate(is_read=is_read)
    if after:
        told = told.filter(_behind(after))
    found = list(told.order_by("is_read", "-at", "-pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    return Inbox(shown, _mark(shown[-1]) if len(found) > PER_PAGE else "", unread(by)[:most].count())


def _mark(last: Notification) -> str:
    return f"{int(last.read_at is not None)}_{last.at.isoformat()}_{last.pk}"


def _behind(mark: str) -> Q:
    try:
        read, at, pk = mark.split("_")
        later = Q(at__lt=datetime.fromisoformat(at)) | Q(at=datetime.fromisoformat(at), pk__lt=UUID(pk))
    except ValueError:
        detail = "This page mark is not one of ours; start at the first page."
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from None
    return Q(is_read=True) & later if read == "1" else Q(is_read=True) | later
