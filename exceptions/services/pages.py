"""Handing over to an on-call system, in the shape of PagerDuty's Events API v2: called once per cause, told when it is answered or over.

A page is open from the moment the other side took it until it is over there or here. What happens to its exceptions meanwhile is looked at
afresh in every run, so nothing that acts on an exception has to know of pages.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, prefetch_related_objects

from audit.access import system_actor
from audit.context import acting
from audit.crypto import open_secret
from audit.services.events import Entry, record_many
from audit.subject_refs import SubjectRef, subject_ref
from audit.words import at, said
from exceptions.models import NotificationDelivery, Page
from exceptions.services.claims import because, held
from exceptions.services.letters import Result, payloads_of
from exceptions.states import CASE_LIVE, DeliveryState, PageState
from exceptions.transport import MOST_KEY, MOST_SUMMARY, PAGE_SEVERITIES, Tried, page_event, send_page

LEASE: Final = timedelta(minutes=2)
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=30)
MOST_AT_ONCE: Final = 50
ACTIONS: Final = {PageState.ACKNOWLEDGED.value: "acknowledge", PageState.RESOLVED.value: "resolve"}

# What the exceptions of each open page say: those it was told of, and those that are live for the same cause and were there by then.
STANDING: Final = """
    UPDATE exceptions_page p SET wanted = s.wanted, due_at = %(now)s
    FROM (
        SELECT p.id, CASE WHEN NOT bool_or(c.state = ANY(%(live)s::text[])) THEN 'resolved'
                          WHEN NOT bool_or(c.state = 'open') THEN 'acknowledged' ELSE 'triggered' END AS wanted
        FROM exceptions_page p CROSS JOIN LATERAL (
            SELECT c.state FROM exceptions_notificationdelivery d JOIN exceptions_notification n ON n.id = d.notification_id
            JOIN exceptions_exceptioncase c ON c.id = n.case_id WHERE d.page_id = p.id
            UNION SELECT c.state FROM exceptions_exceptioncase c
            WHERE p.cause <> '' AND c.cause = p.cause AND c.opened_at <= p.last_told_at AND c.state = ANY(%(live)s::text[])
        ) c WHERE p.ended_at IS NULL GROUP BY p.id
    ) s
    WHERE s.id = p.id AND s.wanted <> p.wanted AND NOT (p.state = 'acknowledged' AND s.wanted = 'triggered')
"""

Call = tuple[UUID, str]


def call_out(*, deliveries: Sequence[NotificationDelivery], now: datetime) -> Iterator[Result]:
    """Call once per pager and cause; where somebody was called for it already, that call counts for these too."""
    calls: dict[Call, list[NotificationDelivery]] = defaultdict(list)
    prefetch_related_objects([one.notification for one in deliveries], "case")
    for one in deliveries:
        if one.via_id is not None:
            calls[one.via_id, _key(one)].append(one)
    is_open = _open_pages(calls)
    firsts = [told[0].notification.case_id for call, told in calls.items() if call not in is_open]
    papers = payloads_of([one for one in firsts if one], now=now)
    for (channel, key), told in calls.items():
        if (page := is_open.get((channel, key))) is not None:
            _join(page, told, now)
            continue
        tried = _trigger(key, told, papers, now)
        if tried.taken:
            _opened(channel, key, told, now)
        yield Result(told, tried)


def _key(one: NotificationDelivery) -> str:
    told = one.notification
    case = f"EX-{told.case.number}" if told.case else f"notice-{told.pk}"
    return f"handrail/{told.cause or case}"[:MOST_KEY]


def _open_pages(calls: dict[Call, list[NotificationDelivery]]) -> dict[Call, Page]:
    if not calls:
        return {}
    found = Page.objects.filter(
        ended_at=None, channel_id__in={one for one, _ in calls}, key__in={key for _, key in calls}
    )
    return {(page.channel_id, page.key): page for page in found}


def _join(page: Page, told: Sequence[NotificationDelivery], now: datetime) -> None:
    things = sum(one.notification.count for one in told)
    why = because(said("Somebody was called for this: %(opened)s.", opened=at(page.opened_at)))
    with transaction.atomic():
        held(deliveries=told).update(state=DeliveryState.SKIPPED, page=page, lease_until=None, **why)
        Page.objects.filter(pk=page.pk).update(count=F("count") + things, last_told_at=now)


def _trigger(key: str, told: Sequence[NotificationDelivery], papers: Mapping[UUID, Any], now: datetime) -> Tried:
    """With the standard payload of the exception it tells of, as letters have it."""
    first, via = told[0].notification, told[0].via
    if via is None:
        return Tried("there is no pager", refused=True)
    things = sum(one.notification.count for one in told)
    case = first.case
    payload = {
        "summary": first.text[:MOST_SUMMARY],
        "source": urlsplit(settings.PUBLIC_URL).netloc,
        "severity": PAGE_SEVERITIES.get(first.severity, "info"),
        "timestamp": now.isoformat(),
        "component": case.type if case else first.event,
        "group": first.cause,
        "class": first.event,
        "custom_details": {
            "things": things,
            "owner": first.owner.name,
            "due_at": case.due_at.isoformat() if case else "",
            "acknowledge_by": case.acknowledge_by.isoformat() if case else "",
            **({"exception": papers[case.pk]} if case and case.pk in papers else {}),
        },
    }
    url, runbook = (f"{settings.PUBLIC_URL}{path}" if path else "" for path in (first.url, first.runbook_url))
    secret = open_secret(via.sealed)
    event = page_event("trigger", key=key, routing_key=secret, payload=payload, url=url, runbook=runbook)
    return send_page(via.endpoint, event)


def _opened(channel: UUID, key: str, told: Sequence[NotificationDelivery], now: datetime) -> None:
    """Keep that the other side has it; where somebody else called at the same moment, theirs is the page (there it is one as well)."""
    first = told[0].notification
    page = Page(
        channel_id=channel,
        key=key,
        cause=first.cause,
        case=first.case,
        count=sum(one.notification.count for one in told),
        opened_at=now,
        last_told_at=now,
        due_at=now,
    )
    with acting(system_actor("notifications"), at=now):
        Page.objects.bulk_create([page], ignore_conflicts=True)
        kept = Page.objects.get(channel_id=page.channel_id, key=key, ended_at=None)
        held(deliveries=told).update(page=kept)
        record_many([_entry("page.triggered", kept)])


def _entry(event: str, page: Page, **data: object) -> Entry:
    """Told in the chain of its exception, where there is one."""
    subject = subject_ref(page.case) if page.case else SubjectRef("exceptions.page", str(page.pk))
    return Entry(event, subject, data={"key": page.key, "channel": str(page.channel_id), "things": page.count, **data})


def settle_pages(*, now: datetime) -> int:
    """Tell the on-call systems what was answered or is over here; how many were told. One that is down is told later."""
    if not Page.objects.filter(ended_at=None).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(STANDING, {"now": now, "live": list(CASE_LIVE)})
    told = 0
    for page in _claim(now):
        event = page_event(ACTIONS[page.wanted], key=page.key, routing_key=open_secret(page.channel.sealed))
        told += _settled(page, send_page(page.channel.endpoint, event), now)
    return told


def _claim(now: datetime) -> list[Page]:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        due = Page.objects.filter(free, ended_at=None, due_at__lte=now).exclude(state=F("wanted"))
        rows = list(
            due.exclude(wanted=PageState.TRIGGERED)
            .select_related("channel", "case")
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]
        )
        Page.objects.filter(pk__in=[row.pk for row in rows]).update(
            lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1
        )
    for row in rows:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return rows


def _settled(page: Page, tried: Tried, now: datetime) -> int:
    mine = Page.objects.filter(pk=page.pk, fence=page.fence, ended_at=None)
    if not tried.taken:
        pause = min(FIRST_PAUSE * 2 ** min(page.attempts - 1, 16), LONGEST_PAUSE)
        mine.update(lease_until=None, due_at=now + pause, last_error=tried.error[:200])
        return 0
    over = now if page.wanted == PageState.RESOLVED else None
    with acting(system_actor("notifications"), at=now):
        done = mine.update(state=page.wanted, ended_at=over, lease_until=None, attempts=0, last_error="")
        if done:
            record_many([_entry(f"page.{page.wanted}", page)])
    return done
