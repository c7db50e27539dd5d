"""What somebody was told: their own notifications and those of their teams, what nobody has read first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Max, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import FieldError, Invalid, Refused
from audit.models import User
from audit.words import said
from exceptions.decisions import Wishes
from exceptions.models import Notification, NotificationChannel, NotificationDelivery, NotificationPreference
from exceptions.selectors.shared_causes import name_of_cause
from exceptions.states import Channel, DeliveryState

PER_PAGE = 50
MOST_LOGGED = 50


@dataclass(frozen=True)
class Way:
    """How a notice went through one channel, in words; `tone` is a colour's name."""

    words: str
    tone: str = ""
    why: str = ""


@dataclass(frozen=True)
class InboxRow:
    """A notice, and what became of it outside the product."""

    notice: Notification
    ways: Sequence[Way]


@dataclass(frozen=True)
class InboxFilters:
    """What of the inbox to show: `show` is "", "unread", "held" or "failed", `about` the address of what it is about."""

    show: str = ""
    severity: str = ""
    about: str = ""

    @property
    def about_key(self) -> str:
        """As people call what it is about: the last part of its address."""
        return self.about.strip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Inbox:
    """A page of notifications, and how many of all are unread."""

    rows: Sequence[InboxRow]
    next_after: str
    unread: int


SHOWN: Mapping[str, Q] = {
    "unread": Q(read_at__isnull=True),
    "held": Q(deliveries__state=DeliveryState.PENDING),
    "failed": Q(deliveries__state=DeliveryState.DEAD),
}


def notifications_for(by: Actor) -> QuerySet[Notification]:
    """What the actor, or a team of the actor's, was told about clients the actor sees. Raises `Refused` without the permission."""
    require(by, "exceptions.view_case")
    told = Notification.objects.filter(owner__in=by.owners)
    return told if by.clients is None else told.filter(Q(client__isnull=True) | Q(client__in=by.clients))


def unread(by: Actor) -> QuerySet[Notification]:
    """Those nobody has read."""
    return notifications_for(by).filter(read_at__isnull=True)


def inbox(*, by: Actor, filters: InboxFilters | None = None, after: str = "", most: int = 1_000) -> Inbox:
    """A page, unread first, then newest first. Raises `Invalid` for a mark that is not ours."""
    wanted = filters or InboxFilters()
    is_read = ExpressionWrapper(Q(read_at__isnull=False), output_field=BooleanField())
    told = notifications_for(by).select_related("owner", "read_by").annotate(is_read=is_read)
    told = told.annotate(called=name_of_cause("case__type"))
    if wanted.show in SHOWN:
        told = told.filter(pk__in=Notification.objects.filter(SHOWN[wanted.show], owner__in=by.owners).values("pk"))
    if wanted.severity:
        told = told.filter(severity=wanted.severity)
    if wanted.about:
        told = told.filter(url=wanted.about)
    if after:
        told = told.filter(_behind(after))
    found = list(told.prefetch_related("deliveries__page").order_by("is_read", "-at", "-pk")[: PER_PAGE + 1])
    shown = found[:PER_PAGE]
    rows = [InboxRow(one, [way_of(delivery) for delivery in one.deliveries.all()]) for one in shown]
    return Inbox(rows, _mark(shown[-1]) if len(found) > PER_PAGE else "", unread(by)[:most].count())


def way_of(one: NotificationDelivery) -> Way:
    """What became of one delivery."""
    way = {"way": said(str(Channel(one.channel).label))}
    if one.state == DeliveryState.SENT:
        return Way(said("%(way)s: sent", **way), "ok", one.reason if one.instead_of_id else "")
    if one.state == DeliveryState.SKIPPED:
        return Way(said("%(way)s: not sent", **way) if one.address else said("Only here"), "", one.reason)
    if one.state == DeliveryState.DEAD:
        return Way(
            said("%(way)s: failed", **way),
            "danger",
            said("%(error)s. %(why)s", error=said(one.last_error), why=one.reason),
        )
    if one.last_error:
        often = one.attempts > 1
        tried = (
            said("%(way)s: tried %(count)s times", count=one.attempts, **way)
            if often
            else said("%(way)s: tried once", **way)
        )
        return Way(tried, "warn", said("%(error)s. It is tried again.", error=said(one.last_error)))
    held = bool(one.why)
    return Way(
        said("%(way)s: held", **way) if held else said("%(way)s: on its way", **way), "warn" if held else "", one.reason
    )


def wishes_behind(deliveries: Sequence[NotificationDelivery]) -> Mapping[UUID, Wishes]:
    """Per delivery the wishes of the person it goes to: the owner, or whoever of a team has that address. One query.

    What goes to a shared address, to a team's chat or to a pager obeys nobody's wishes.
    """
    open_to_wishes = [one for one in deliveries if one.channel != Channel.PAGER]
    people = {one.notification.owner.user_id for one in open_to_wishes if one.notification.owner.user_id is not None}
    asked = Q(user_id__in=people) | Q(user__email__in={one.address for one in open_to_wishes if one.via_id is None})
    chosen = list(NotificationPreference.objects.filter(asked).select_related("user")) if open_to_wishes else []
    by_person = {one.user_id: one for one in chosen}
    by_address = {one.user.email: one for one in chosen if one.user.email}
    found = {}
    for one in open_to_wishes:
        person = one.notification.owner.user_id
        shared = by_address.get(one.address) if one.via_id is None else None
        preference = by_person.get(person) if person is not None else shared
        if preference is not None:
            found[one.pk] = _wishes(preference, one.channel)
    return found


def _wishes(chosen: NotificationPreference, channel: str) -> Wishes:
    by_mail = {"P2": chosen.p2, "P3": chosen.p3, "": chosen.other}
    by_chat = {"P2": chosen.chat_p2, "P3": chosen.chat_p3, "": chosen.chat_other}
    by_pager = {"P2": chosen.pager_p2, "P3": chosen.pager_p3, "": chosen.pager_other}
    return Wishes(
        zone=zone_of(chosen.user),
        mailing={Channel.EMAIL: by_mail, Channel.CHAT: by_chat, Channel.PAGER: by_pager}[Channel(channel)],
        by_topic={topic: ways[channel] for topic, ways in chosen.events.items() if channel in ways},
        digest_at=chosen.digest_at,
        quiet_from=chosen.quiet_from,
        quiet_until=chosen.quiet_until,
    )


def channels_by_owner(owners: Collection[UUID]) -> dict[UUID, list[NotificationChannel]]:
    """The chats and pagers of these owners that are not ended. One query."""
    found: dict[UUID, list[NotificationChannel]] = {}
    if owners:
        channels = NotificationChannel.objects.filter(owner_id__in=owners, ended_at=None).select_related("owner")
        for one in channels.order_by("pk"):
            found.setdefault(one.owner_id, []).append(one)
    return found


def who_wants_pages(channels: Mapping[UUID, Sequence[NotificationChannel]]) -> dict[int, Wishes]:
    """What people with a pager want to be paged for, by person; who is not there wants none. At most one query."""
    pagers = [one.owner.user_id for group in channels.values() for one in group if one.kind == Channel.PAGER]
    people = {person for person in pagers if person is not None}
    chosen = NotificationPreference.objects.filter(user_id__in=people).select_related("user") if people else ()
    return {one.user_id: _wishes(one, Channel.PAGER) for one in chosen}


def last_sent(deliveries: Sequence[NotificationDelivery], *, since: datetime) -> dict[tuple[str, str, str], datetime]:
    """When the last message of the same cause and kind went to the same address, by (address, event, cause). At most one query."""
    asked = [one for one in deliveries if one.notification.cause]
    if not asked:
        return {}
    sent = NotificationDelivery.objects.filter(
        state=DeliveryState.SENT,
        sent_at__gt=since,
        address__in={one.address for one in asked},
        notification__cause__in={one.notification.cause for one in asked},
    )
    rows = sent.values_list("address", "notification__event", "notification__cause").annotate(last=Max("sent_at"))
    return {(address, event, cause): last for address, event, cause, last in rows}


def zone_of(user: User) -> ZoneInfo:
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
    return list(letters.select_related("notification", "instead_of").order_by("-notification__at", "-pk")[:MOST_LOGGED])


def _mark(last: Notification) -> str:
    return f"{int(last.read_at is not None)}_{last.at.isoformat()}_{last.pk}"


def _behind(mark: str) -> Q:
    try:
        read, at, pk = mark.split("_")
        later = Q(at__lt=datetime.fromisoformat(at)) | Q(at=datetime.fromisoformat(at), pk__lt=UUID(pk))
    except ValueError:
        detail = said("This page mark is not one of ours; start at the first page.")
        raise Invalid(detail, errors=[FieldError("/after", "unknown", detail)]) from None
    return Q(is_read=True) & later if read == "1" else Q(is_read=True) | later
