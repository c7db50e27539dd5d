"""Where people and teams are reached outside the product."""

from uuid import UUID

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from exceptions.models import NotificationChannel
from exceptions.states import Channel
from rules.models import Owner


def channels_for(by: Actor) -> QuerySet[NotificationChannel]:
    """All of them, for who may keep them. Raises `Refused`."""
    require(by, "exceptions.edit_channel")
    return NotificationChannel.objects.select_related("owner")


def own_channels(by: Actor) -> list[NotificationChannel]:
    """The chats and pagers of this person and of the person's teams."""
    own = NotificationChannel.objects.filter(owner__in=by.owners, ended_at=None)
    return list(own.select_related("owner").order_by("owner__name", "name", "pk"))


def addresses_of_person(by: Actor) -> list[str]:
    """The e-mail addresses this person is told things at; a team's are not the person's to try out."""
    owned = Owner.objects.filter(user_id=by.user_id, is_active=True) if by.user_id else Owner.objects.none()
    return list(dict.fromkeys(str(address) for owner in owned.order_by("pk") for address in owner.emails))


def pager_answering(channel_id: UUID) -> NotificationChannel | None:
    """The pager whose answers come to this address."""
    pagers = NotificationChannel.objects.filter(kind=Channel.PAGER, ended_at=None).exclude(answers_sealed="")
    return pagers.filter(pk=channel_id).first()
