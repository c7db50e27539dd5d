"""Keeping at it until a way was found: what is due goes out, what somebody wants later waits, what failed goes another way."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from audit.services.heartbeats import beat
from audit.words import said, within
from exceptions.decisions import ALWAYS, ONE_PER_CAUSE_IN, Plan, after_the_last, plan
from exceptions.models import NotificationDelivery
from exceptions.selectors.notifications import last_sent, wishes_behind
from exceptions.services.claims import because, claim, held
from exceptions.services.letters import Result, send_chats, send_letters
from exceptions.services.notifications import tell_who_stands_behind
from exceptions.services.pages import call_out, settle_pages
from exceptions.states import CHANNEL_LADDER, Channel, DeliveryState
from exceptions.transport import Tried

logger = logging.getLogger(__name__)

BATCH: Final = 500
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=2)
# How often one way is tried before another is: what presses for a minute and a half, the rest for a quarter of an hour.
TRIES_WHEN_PRESSING: Final = 3
TRIES: Final = 6


def deliver_notifications(*, now: datetime, limit: int = BATCH) -> int:
    """Send what is due, one message per address; the number sent. A channel that is down costs lateness and loses nothing.

    What somebody wants later or not at all waits or is left out, and says why.
    """
    claimed = claim(now=now, limit=limit)
    wanted = _wanted(claimed, now)
    sent = _send(wanted, now) if wanted else 0
    settle_pages(now=now)
    beat(loop="notifications", at=now, oldest_due=min((d.due_at for d in claimed), default=None), worked=sent)
    return sent


def _presses(one: NotificationDelivery) -> bool:
    return one.notification.urgent or one.notification.severity in ALWAYS


def _wanted(claimed: Sequence[NotificationDelivery], now: datetime) -> list[NotificationDelivery]:
    """Those that may go now; the others are put off or left out, one statement for all with the same reason."""
    wishes = wishes_behind(claimed)
    sent = last_sent(claimed, since=now - ONE_PER_CAUSE_IN)
    plans: dict[Plan, list[NotificationDelivery]] = defaultdict(list)
    for one in claimed:
        theirs, told = wishes.get(one.pk), one.notification
        made = Plan()
        if not (told.urgent or one.instead_of_id or theirs is None):
            made = plan(theirs, severity=told.severity, event=told.event, told_at=told.at, now=now)
        last = sent.get((one.address, told.event, told.cause))
        if made.goes and last is not None and not _presses(one):
            made = after_the_last(last, now=now)
        plans[made].append(one)
    for made, deliveries in plans.items():
        if made.wait_until is not None:
            held(deliveries=deliveries).update(
                **because(made.why), due_at=made.wait_until, lease_until=None, attempts=F("attempts") - 1
            )
        elif not made.goes:
            held(deliveries=deliveries).update(**because(made.why), state=DeliveryState.SKIPPED, lease_until=None)
    return plans.get(Plan(), [])


def _send(wanted: Sequence[NotificationDelivery], now: datetime) -> int:
    """Whoever is paged comes first. What was taken is written down message by message, so that a crash repeats at most one."""
    by_channel: dict[str, list[NotificationDelivery]] = defaultdict(list)
    for one in wanted:
        by_channel[one.channel].append(one)
    results = chain(
        call_out(deliveries=by_channel[Channel.PAGER], now=now),
        send_letters(deliveries=by_channel[Channel.EMAIL], now=now),
        send_chats(deliveries=by_channel[Channel.CHAT]),
    )
    sent, failed = 0, []
    for result in results:
        if result.tried.taken:
            sent += held(deliveries=result.deliveries).update(
                state=DeliveryState.SENT, sent_at=now, lease_until=None, last_error=""
            )
        else:
            failed.append(result)
    _failed(failed, now)
    return sent


def _failed(failed: Sequence[Result], now: datetime) -> None:
    """Keep at it, or go another way: what was refused is given up, what is down is tried again for as long as there is no other way."""
    if not failed:
        return
    for deliveries, tried in failed:
        logger.warning("%s notifications not delivered: %s", len(deliveries), tried.error)
    others = _siblings([one for deliveries, _ in failed for one in deliveries if _is_spent(one)])
    with transaction.atomic():
        unreached = []
        for deliveries, tried in failed:
            spent = [one for one in deliveries if _is_spent(one)]
            _try_again([one for one in deliveries if not _is_spent(one)], tried.error, now)
            unreached += _go_another_way(spent, others, tried, now)
        if unreached:
            notices = {one.notification_id: one.notification for one in unreached}
            why = said("%(way)s failed.", way=said(str(Channel(unreached[0].channel).label)))
            tell_who_stands_behind(notifications=list(notices.values()), why=why, now=now)


def _tries(one: NotificationDelivery) -> int:
    return TRIES_WHEN_PRESSING if _presses(one) else TRIES


def _is_spent(one: NotificationDelivery) -> bool:
    return one.attempts >= _tries(one)


def _try_again(deliveries: Iterable[NotificationDelivery], error: str, now: datetime) -> None:
    by_pause: dict[timedelta, list[NotificationDelivery]] = defaultdict(list)
    for one in deliveries:
        by_pause[min(FIRST_PAUSE * 2 ** min(one.attempts - 1, 16), LONGEST_PAUSE)].append(one)
    for pause, alike in by_pause.items():
        held(deliveries=alike).update(due_at=now + pause, lease_until=None, last_error=error[:200])


Siblings = Mapping[UUID, list[NotificationDelivery]]


def _siblings(spent: Sequence[NotificationDelivery]) -> Siblings:
    """The other ways the same was or will be told, those that come first on the ladder first; not those that end now too."""
    found: dict[UUID, list[NotificationDelivery]] = defaultdict(list)
    ids = {one.pk for one in spent}
    if spent:
        told = NotificationDelivery.objects.filter(notification__in={one.notification_id for one in spent})
        for one in told.exclude(pk__in=ids).order_by("pk"):
            found[one.notification_id].append(one)
    for ways in found.values():
        ways.sort(key=lambda one: CHANNEL_LADDER.index(Channel(one.channel)))
    return found


def _go_another_way(
    spent: Sequence[NotificationDelivery], others: Siblings, tried: Tried, now: datetime
) -> list[NotificationDelivery]:
    """Give these up where there is another way, which is taken even if it was not wished for; those without one, when that is news."""
    instead, stuck = [], []
    reached: dict[str, list[NotificationDelivery]] = defaultdict(list)
    for one in spent:
        ways = others.get(one.notification_id, [])
        going = next((way for way in ways if _goes(way)), None)
        left_out = next((way for way in ways if way.state == DeliveryState.SKIPPED and way.address), None)
        if going is not None:
            reached[going.channel].append(one)
        elif left_out is not None:
            way = _in_place_of(one, left_out, now)
            ways.append(way)
            instead.append(way)
            reached[way.channel].append(one)
        else:
            stuck.append(one)
    for channel, given_up in reached.items():
        _give_up(given_up, tried, why=said("Goes by %(way)s instead.", way=within(str(Channel(channel).label))))
    NotificationDelivery.objects.bulk_create(instead, ignore_conflicts=True)
    if tried.refused:
        _give_up(stuck, tried, why=said("There is no other way."))
        return stuck
    _try_again(stuck, tried.error, now)
    return [one for one in stuck if one.attempts == _tries(one)]


def _give_up(deliveries: Sequence[NotificationDelivery], tried: Tried, *, why: str) -> None:
    if deliveries:
        held(deliveries=deliveries).update(
            **because(why), state=DeliveryState.DEAD, lease_until=None, last_error=tried.error[:200]
        )


def _goes(way: NotificationDelivery) -> bool:
    return way.state in {DeliveryState.PENDING, DeliveryState.SENT} or way.page_id is not None


def _in_place_of(one: NotificationDelivery, way: NotificationDelivery, now: datetime) -> NotificationDelivery:
    return NotificationDelivery(
        notification=one.notification,
        channel=way.channel,
        address=way.address,
        via_id=way.via_id,
        instead_of=one,
        **because(said("Instead of %(way)s, which failed.", way=within(str(Channel(one.channel).label)))),
        due_at=now,
    )
