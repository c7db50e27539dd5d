"""What people wait for about orders: seen as it is written, so that exceptions that wait for it wake."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from exceptions import services as exceptions
from orders.fulfilment.models import Fulfilment, Hold
from orders.fulfilment.states import FulfilmentState, HoldReason, HoldState

STOCK_THERE: Final = "stock-there"
BY_STATE: Final[Mapping[str, str]] = {
    FulfilmentState.CONFIRMED: "vendor-confirmed",
    FulfilmentState.HANDED_OVER: "carrier-has-it",
    FulfilmentState.DELIVERED: "delivered",
}
WAKES: Final[Mapping[str, str]] = {
    "vendor-confirmed": noop("a parcel of it is confirmed"),
    "carrier-has-it": noop("the carrier has a parcel of it"),
    "delivered": noop("a parcel of it is delivered"),
    STOCK_THERE: noop("it no longer waits for stock"),
}
News = Mapping[str, set[UUID]]


def seen_in(parcels: Iterable[Fulfilment], holds: Iterable[Hold]) -> News:
    """The orders of which each of these things is seen, in records that change their state now."""
    news: dict[str, set[UUID]] = defaultdict(set)
    for parcel in parcels:
        if parcel.state in BY_STATE:
            news[BY_STATE[parcel.state]].add(parcel.order_id)
    for hold in holds:
        if hold.state == HoldState.RELEASED and hold.reason == HoldReason.STOCK:
            news[STOCK_THERE].add(hold.order_id)
    return news


def wake_all(news: News, *, now: datetime) -> None:
    """Those that wait for it are somebody's again; the orders are locked."""
    for event, orders in sorted(news.items()):
        ids = {str(order) for order in orders}
        exceptions.wake_cases(event=event, subject_type="fulfilment.order", subject_ids=ids, now=now)
