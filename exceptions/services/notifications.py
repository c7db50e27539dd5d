"""Telling owners what happened to them, and keeping at it until a channel took it."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, Q, QuerySet

from audit.services.heartbeats import beat
from audit.wakeups import wake
from exceptions.decisions import Plan, plan
from exceptions.models import ExceptionCase, Notification, NotificationDelivery
from exceptions.selectors.notifications import wishes_behind
from exceptions.selectors.payload import payload_of
from exceptions.states import DeliveryState
from rules.models import Owner

logger = logging.getLogger(__name__)

BATCH = 500
MOST_SINGLE = 10
MOST_PAPERS = 3
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 10
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=2)


@dataclass(frozen=True)
class Telling:
    """One thing to tell one owner: `text` says what, due when, what happens otherwise; no personal data.

    The payload of the exception `case_id` goes along with the letter. `more` counts others of the same kind that nobody put into words,
    for they would be told as one thing anyway.
    """

    owner: Owner
    event: str
    text: str
    url: str = ""
    client_id: UUID | None = None
    case_id: UUID | None = None
    more: int = 0
    severity: str = ""


@dataclass(frozen=True)
class Paper:
    """The payload of an exception, as it goes along with a letter."""

    name: str
    text: str


def notify(
    *,
    owner: Owner,
    event: str,
    text: str,
    url: str = "",
    client_id: UUID | None = None,
    case_id: UUID | None = None,
    severity: str = "",
    now: datetime,
) -> None:
    """Tell one owner, in the transaction of what is told."""
    notify_many(tellings=[Telling(owner, event, text, url, client_id, case_id, severity=severity)], now=now)


def notify_many(*, tellings: Sequence[Telling], now: datetime) -> None:
    """Tell many owners in two statements; more than a handful of one kind for one owner is told as one thing."""
    told = _gathered(tellings)
    notifications = [
        Notification(
            at=now,
            owner=one.owner,
            client_id=one.client_id,
            case_id=one.case_id,
            severity=one.severity,
            event=one.event,
            text=one.text[:300],
            url=one.url,
        )
        for one in told
    ]
    Notification.objects.bulk_create(notifications, batch_size=1_000)
    NotificationDelivery.objects.bulk_create(
        [
            NotificationDelivery(notification=notification, address=address, due_at=now)
            for notification, one in zip(notifications, told, strict=True)
            for address in one.owner.emails
        ],
        batch_size=1_000,
    )
    wake("exceptions.deliver_notifications")


def _gathered(tellings: Sequence[Telling]) -> list[Telling]:
    groups: dict[tuple[UUID, str, UUID | None], list[Telling]] = defaultdict(list)
    for one in tellings:
        groups[one.owner.pk, one.event, one.client_id].append(one)
    return [one for group in groups.values() for one in (group if _count(group) <= MOST_SINGLE else [_as_one(group)])]


def _count(group: Sequence[Telling]) -> int:
    return sum(1 + one.more for one in group)


def _as_one(group: Sequence[Telling]) -> Telling:
    first = group[0]
    more = f" And {_count(group) - 1} more of the same; they are in your queue."
    text = first.text[: 300 - len(more)] + more
    worst = min((one.severity for one in group if one.severity), default="")
    return Telling(first.owner, first.event, text, "/queue/", first.client_id, severity=worst)


def deliver_notifications(*, now: datetime, limit: int = BATCH) -> int:
    """Send what is due by e-mail, one letter per address; the number sent. A channel that is down costs lateness: the rows stay.

    What somebody wants later or not at all waits or is left out, and says why.
    """
    claimed = _claim(now, limit)
    wanted = _wanted(claimed, now)
    sent = _send_all(wanted, now) if wanted else 0
    beat(loop="notifications", at=now, oldest_due=min((d.due_at for d in claimed), default=None), worked=sent)
    return sent


def _wanted(claimed: Sequence[NotificationDelivery], now: datetime) -> list[NotificationDelivery]:
    """Those that may go now; the others are put off or left out, one statement for all with the same reason."""
    wishes = wishes_behind(claimed)
    plans: dict[Plan, list[NotificationDelivery]] = defaultdict(list)
    for one in claimed:
        theirs, told = wishes.get(one.pk), one.notification
        made = plan(theirs, severity=told.severity, told_at=told.at, now=now) if theirs is not None else Plan()
        plans[made].append(one)
    for made, deliveries in plans.items():
        if made.wait_until is not None:
            _mine(deliveries).update(due_at=made.wait_until, why=made.why, lease_until=None, attempts=F("attempts") - 1)
        elif not made.goes:
            _mine(deliveries).update(state=DeliveryState.SKIPPED, why=made.why, lease_until=None)
    return plans.get(Plan(), [])


def _send_all(claimed: Sequence[NotificationDelivery], now: datetime) -> int:
    letters: dict[str, list[NotificationDelivery]] = defaultdict(list)
    for delivery in claimed:
        letters[delivery.address].append(delivery)
    papers = _papers(letters.values(), now)
    channel = get_connection(fail_silently=False)
    try:
        channel.open()
    except (OSError, SMTPException) as failure:
        _failed(claimed, failure, now)
        return 0
    try:
        return sum(
            _send(channel, address, deliveries, _attached(deliveries, papers), now)
            for address, deliveries in letters.items()
        )
    finally:
        channel.close()


def _claim(now: datetime, limit: int) -> list[NotificationDelivery]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        due = NotificationDelivery.objects.filter(free, state=DeliveryState.PENDING, due_at__lte=now)
        rows = list(
            due.select_related("notification__owner")
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
            lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1
        )
    for row in rows:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return rows


def _papers(letters: Iterable[Sequence[NotificationDelivery]], now: datetime) -> dict[UUID, Paper]:
    """The payloads that go along with these letters; what cannot be shown goes without: a letter is never late because of its paper."""
    wanted = {case_id for deliveries in letters for case_id in _cases_in(deliveries)}
    papers = {}
    for case in ExceptionCase.objects.select_related("client", "owner", "backup").filter(pk__in=wanted):
        try:
            shown = payload_of(case, now=now)
        except (LookupError, ObjectDoesNotExist, ValueError) as failure:
            logger.warning("%s goes without its payload: %s", case.key, type(failure).__name__)
        else:
            papers[case.pk] = Paper(f"{case.key}.json", json.dumps(shown, indent=2, ensure_ascii=False))
    return papers


def _cases_in(deliveries: Sequence[NotificationDelivery]) -> list[UUID]:
    """The exceptions a letter tells of, if they are few enough to come with it."""
    told = list(dict.fromkeys(one.notification.case_id for one in deliveries if one.notification.case_id))
    return told if len(told) <= MOST_PAPERS else []


def _attached(deliveries: Sequence[NotificationDelivery], papers: Mapping[UUID, Paper]) -> list[Paper]:
    return [papers[case_id] for case_id in _cases_in(deliveries) if case_id in papers]


def _send(
    channel: BaseEmailBackend,
    address: str,
    deliveries: Sequence[NotificationDelivery],
    papers: Sequence[Paper],
    now: datetime,
) -> int:
    try:
        channel.send_messages([_letter(address, deliveries, papers)])
    except (OSError, SMTPException) as failure:
        _failed(deliveries, failure, now)
        return 0
    return _mine(deliveries).update(state=DeliveryState.SENT, sent_at=now, lease_until=None, last_error="")


def _letter(address: str, deliveries: Sequence[NotificationDelivery], papers: Sequence[Paper]) -> EmailMessage:
    told = [delivery.notification for delivery in deliveries]
    first = told[0].text.split("\n", 1)[0][:120]
    paragraphs = [f"{one.text}\n{settings.PUBLIC_URL}{one.url}" if one.url else one.text for one in told]
    return EmailMessage(
        subject=first if len(told) == 1 else f"{len(told)} things for you: {first}"[:150],
        body="\n\n".join(paragraphs) + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[address],
        headers={"Message-ID": f"<{deliveries[0].pk}@handrail>"},
        attachments=[(paper.name, paper.text, "application/json") for paper in papers],
    )


def _mine(deliveries: Sequence[NotificationDelivery]) -> QuerySet[NotificationDelivery]:
    """Those of them that nobody else has claimed since."""
    claims: dict[int, list[UUID]] = defaultdict(list)
    for delivery in deliveries:
        claims[delivery.fence].append(delivery.pk)
    held = [Q(fence=fence, pk__in=ids) for fence, ids in claims.items()]
    return NotificationDelivery.objects.filter(reduce(or_, held))


def _failed(deliveries: Sequence[NotificationDelivery], failure: Exception, now: datetime) -> None:
    """Keep at it. Only an address that was refused often enough is given up; a channel that is down never loses anything."""
    logger.warning("%s notifications not delivered: %s", len(deliveries), type(failure).__name__)
    refused = isinstance(failure, SMTPRecipientsRefused | SMTPDataError)
    for delivery in deliveries:
        pause = min(FIRST_PAUSE * 2 ** min(delivery.attempts - 1, 16), LONGEST_PAUSE)
        dead = refused and delivery.attempts >= MOST_ATTEMPTS
        _mine([delivery]).update(
            state=DeliveryState.DEAD if dead else DeliveryState.PENDING,
            due_at=now + pause,
            lease_until=None,
            last_error=type(failure).__name__,
        )
