"""Telling owners what happened to them, and keeping at it until a channel took it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, Q

from audit.services.heartbeats import beat
from audit.wakeups import wake
from exceptions.models import Notification, NotificationDelivery
from exceptions.states import DeliveryState
from rules.models import Owner

logger = logging.getLogger(__name__)

BATCH = 100
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 10
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=2)


@dataclass(frozen=True)
class Telling:
    """One thing to tell one owner: `text` says what, due when, what happens otherwise; no personal data."""

    owner: Owner
    event: str
    text: str
    url: str = ""
    client_id: UUID | None = None


def notify(*, owner: Owner, event: str, text: str, url: str = "", client_id: UUID | None = None, now: datetime) -> None:
    """Tell one owner, in the transaction of what is told."""
    notify_many(tellings=[Telling(owner, event, text, url, client_id)], now=now)


def notify_many(*, tellings: Sequence[Telling], now: datetime) -> None:
    """Tell many owners in two statements."""
    notifications = [
        Notification(
            at=now, owner=one.owner, client_id=one.client_id, event=one.event, text=one.text[:300], url=one.url
        )
        for one in tellings
    ]
    Notification.objects.bulk_create(notifications, batch_size=1_000)
    NotificationDelivery.objects.bulk_create(
        [
            NotificationDelivery(notification=notification, address=address, due_at=now)
            for notification, one in zip(notifications, tellings, strict=True)
            for address in one.owner.emails
        ],
        batch_size=1_000,
    )
    wake("exceptions.deliver_notifications")


def deliver_notifications(*, now: datetime, limit: int = BATCH) -> int:
    """Send what is due by e-mail; the number sent. A channel that is down costs lateness: the rows stay."""
    claimed = _claim(now, limit)
    sent = sum(_send(delivery, now) for delivery in claimed)
    beat(loop="notifications", at=now, oldest_due=min((d.due_at for d in claimed), default=None), worked=sent)
    return sent


def _claim(now: datetime, limit: int) -> list[NotificationDelivery]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        due = NotificationDelivery.objects.filter(free, state=DeliveryState.PENDING, due_at__lte=now)
        rows = list(
            due.select_related("notification")
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
            lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1
        )
    for row in rows:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return rows


def _send(delivery: NotificationDelivery, now: datetime) -> bool:
    notification = delivery.notification
    link = f"\n\n{settings.PUBLIC_URL}{notification.url}" if notification.url else ""
    message = EmailMessage(
        subject=notification.text.split("\n", 1)[0][:120],
        body=f"{notification.text}{link}\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[delivery.address],
        headers={"Message-ID": f"<{delivery.pk}@handrail>"},
    )
    try:
        get_connection(fail_silently=False).send_messages([message])
    except (OSError, SMTPException) as failure:
        _failed(delivery, failure, now)
        return False
    mine = NotificationDelivery.objects.filter(pk=delivery.pk, fence=delivery.fence)
    return bool(mine.update(state=DeliveryState.SENT, sent_at=now, lease_until=None, last_error=""))


def _failed(delivery: NotificationDelivery, failure: Exception, now: datetime) -> None:
    logger.warning(
        "notification %s not delivered, attempt %s: %s", delivery.pk, delivery.attempts, type(failure).__name__
    )
    pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
    dead = delivery.attempts >= MOST_ATTEMPTS
    NotificationDelivery.objects.filter(pk=delivery.pk, fence=delivery.fence).update(
        state=DeliveryState.DEAD if dead else DeliveryState.PENDING,
        due_at=now + pause,
        lease_until=None,
        last_error=type(failure).__name__,
    )
