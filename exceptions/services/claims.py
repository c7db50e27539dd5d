"""Deliveries somebody holds: claimed under a lease, and changed only by whoever still holds the claim."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from audit.words import kept
from exceptions.models import NotificationDelivery
from exceptions.states import DeliveryState

LEASE = timedelta(minutes=5)


def claim(*, now: datetime, limit: int) -> list[NotificationDelivery]:
    """What is due and nobody holds, the longest due first; the attempt counts from here."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    with transaction.atomic():
        due = NotificationDelivery.objects.filter(free, state=DeliveryState.PENDING, due_at__lte=now)
        rows = list(
            due.select_related("notification__owner__user", "via")
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        NotificationDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(
            lease_until=now + LEASE, fence=F("fence") + 1, attempts=F("attempts") + 1
        )
    for row in rows:
        row.fence, row.attempts = row.fence + 1, row.attempts + 1
    return rows


def because(why: str) -> dict[str, Any]:
    """Why a delivery waits, was left out or went elsewhere, as its columns keep it."""
    return {"why": why[:200], "why_kept": kept(why)}


def held(*, deliveries: Sequence[NotificationDelivery]) -> QuerySet[NotificationDelivery]:
    """Those of them that nobody else has claimed since."""
    claims: dict[int, list[UUID]] = defaultdict(list)
    for delivery in deliveries:
        claims[delivery.fence].append(delivery.pk)
    return NotificationDelivery.objects.filter(
        reduce(or_, [Q(fence=fence, pk__in=ids) for fence, ids in claims.items()])
    )
