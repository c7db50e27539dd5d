"""What somebody was told: their own notifications and those of their teams, what nobody has read first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid, Refused
from audit.models import User
from exceptions.decisions import Wishes
from exceptions.models import Notification, NotificationDelivery, NotificationPreference

PER_PAGE = 50
MOST_LOGGED = 50


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


def wishes_behind(deliveries: Sequence[NotificationDelivery]) -> Mapping[UUID, Wishes]:
    """Per delivery the wishes of the person it goes to: the owner, or whoever of a team has that address. One query.

    A letter to a shared address obeys nobody's wishes.
    """
    people = {one.notification.owner.user_id for one in deliveries if one.notification.owner.user_id is not None}
    asked = Q(user_id__in=people) | Q(user__email__in={one.address for one in deliveries})
    chosen = list(NotificationPreference.objects.filter(asked).select_related("user")) if deliveries else []
    by_person = {one.user_id: one for one in chosen}
    by_address = {one.user.email: one for one in chosen if one.user.email}
    found = {}
    for one in deliveries:
        person = one.notification.owner.user_id
        preference = by_person.get(person) if person is not None else by_address.get(one.address)
        if preference is not None:
            found[one.pk] = _wishes(preference)
    return found


def _wishes(chosen: NotificationPreference) -> Wishes:
    return Wishes(
        zone=_zone(chosen.user),
        mailing={"P2": chosen.p2, "P3": chosen.p3, "": chosen.other},
        digest_at=chosen.digest_at,
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
    )


def _zone(user: User) -> ZoneInfo:
    """The person's zone; one that does not exist must not keep everybody's letters back."""
    try:
        return ZoneInfo(user.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(settings.TIME_ZONE)


def preferences_of(by: Actor) -> NotificationPreference:
    """What this person chose, or what holds as long as nothing is chosen. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    if by.user_id is None:
        raise Refused("Only people have wishes.")
    chosen = NotificationPreference.objects.filter(user_id=by.user_id).first()
    return chosen or NotificationPreference(user_id=by.user_id)


def letters_to(by: Actor) -> list[NotificationDelivery]:
    """The newest letters to this person: which went, which wait, which were left out, and why."""
    own = Q(notification__owner__user_id=by.user_id) | Q(
        address__in=User.objects.filter(pk=by.user_id or 0).values("email")
    )
    letters = NotificationDelivery.objects.filter(own, notification__in=notifications_for(by).values("pk"))
    return list(letters.select_related("notification").order_by("-notification__at", "-pk")[:MOST_LOGGED])


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
