"""Who waits for which product, and whose turn it is. One place per line; who cannot go on steps aside and keeps it."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from orders.fulfilment.models import Hold, OrderLine
from orders.fulfilment.states import ORDER_STANDS_ASIDE, HoldState, LineState

# Units that may be promised, by product and place: nothing recalled, expired or kept back, nothing in a place that is closed.
PROMISABLE: Final = """
    WITH place AS (
        SELECT i.sku_id, l.location_id, sum(l.on_hand - l.reserved) - coalesce(max(s.units), 0) AS free
        FROM fulfilment_stocklot l
        JOIN fulfilment_stockitem i ON i.id = l.item_id
        JOIN fulfilment_location p ON p.id = l.location_id AND p.is_active
        LEFT JOIN fulfilment_safetystock s ON s.item_id = l.item_id AND s.location_id = l.location_id
        WHERE i.sku_id = ANY(%(skus)s) AND l.state = 'usable'
          AND (l.expires_on IS NULL OR l.expires_on >= coalesce(%(today)s::date, current_date))
        GROUP BY i.sku_id, l.location_id
    ), free AS (
        SELECT sku_id, sum(greatest(free, 0)) AS units FROM place GROUP BY sku_id
    )
"""
# The lines whose place in the queue, counted in units, is within that. Expects the products' rows to be locked.
NEXT_IN_LINE: Final = f"""
    {PROMISABLE}, queue AS (
        SELECT w.order_id, w.sku_id, w.queued_at, w.id,
            sum(w.quantity) OVER (PARTITION BY w.sku_id ORDER BY w.queued_at, w.id) AS upto
        FROM fulfilment_orderline w JOIN fulfilment_order o ON o.id = w.order_id
        WHERE w.sku_id = ANY(%(skus)s) AND w.state = 'back_ordered' AND o.state <> ALL(%(aside)s)
          AND NOT EXISTS (
            SELECT 1 FROM fulfilment_hold h WHERE h.order_id = o.id AND h.state = 'active'
              AND h.line_id IS NULL AND h.fulfilment_id IS NULL)
    )
    SELECT queue.order_id FROM queue JOIN free USING (sku_id) WHERE queue.upto <= free.units
    ORDER BY queue.queued_at, queue.id
"""  # noqa: S608 -- our own words
FREE: Final = f"{PROMISABLE} SELECT sku_id, units FROM free"  # noqa: S608 -- our own words


def promisable(*, sku_ids: Collection[UUID], today: date | None = None) -> dict[UUID, int]:
    """Units of each product that may be promised to somebody, everywhere together; today unless a day is given."""
    with connection.cursor() as cursor:
        cursor.execute(FREE, {"skus": list(sku_ids), "today": today})
        return {sku_id: int(units) for sku_id, units in cursor.fetchall()}


def in_queue(sku_ids: Collection[UUID]) -> QuerySet[OrderLine]:
    """The lines that wait for these products and could go on if there were units."""
    held = Hold.objects.filter(
        order=OuterRef("order"), state=HoldState.ACTIVE, line__isnull=True, fulfilment__isnull=True
    )
    waiting = OrderLine.objects.filter(sku__in=sku_ids, state=LineState.BACK_ORDERED)
    return waiting.exclude(order__state__in=ORDER_STANDS_ASIDE).exclude(Exists(held))


def first_elsewhere(*, sku_ids: Collection[UUID], order_ids: Collection[UUID]) -> dict[UUID, tuple[datetime, UUID]]:
    """Who has waited longest for each product, other than these orders: place in the queue and line, by SKU."""
    others = in_queue(sku_ids).exclude(order__in=order_ids).order_by("sku", "queued_at", "pk").distinct("sku")
    return {
        sku_id: (queued_at, pk)
        for sku_id, queued_at, pk in others.values_list("sku", "queued_at", "pk")
        if queued_at is not None
    }


def next_in_line(*, sku_ids: Collection[UUID], today: date) -> list[UUID]:
    """The orders whose turn it is for these products, longest waiting first, in one statement however many wait."""
    if not sku_ids:
        return []
    with connection.cursor() as cursor:
        aside = [state.value for state in ORDER_STANDS_ASIDE]
        cursor.execute(NEXT_IN_LINE, {"skus": list(sku_ids), "today": today, "aside": aside})
        return list(dict.fromkeys(order_id for (order_id,) in cursor.fetchall()))
