"""Which of our doors hears which event."""

from collections.abc import Sequence
from datetime import datetime

from audit.context import Actor
from orders.fulfilment.decisions.news import News
from orders.fulfilment.errors import StaleBase
from orders.fulfilment.services import arrivals, describing, intake, news, shipments
from orders.sync import handlers
from orders.sync.errors import Unprocessable
from orders.sync.models import InboundEvent

NEWS_TYPES = (
    "payment.authorised",
    "payment.captured",
    "order.changed",
    "order.cancelled",
    "return.requested",
    "return.received",
    "refund.issued",
    "task.acknowledged",
    "task.confirmed",
    "task.refused",
    "task.cancelled",
    "shipment.picked",
    "shipment.packed",
    "shipment.handed_over",
    "shipment.delivered",
    "shipment.rejected",
    "shipment.delayed",
)


def orders_placed(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
    """Orders come in."""
    intake.place_orders(news=_as_news(events), by=by, now=now)


def news_heard(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
    """Something happened to orders or parcels."""
    try:
        news.take_news(news=shipments.with_siblings(_as_news(events)), by=by, now=now)
    except StaleBase as stale:
        causes = {event.pk: stale.causes.get((event.system.slug, event.event_id), "") for event in events}
        raise Unprocessable({pk: cause for pk, cause in causes.items() if cause}) from stale


def stock_counted(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
    """Somebody counted a shelf."""
    news.count_stock(news=_as_news(events), by=by, now=now)


def stock_received(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
    """Goods came in."""
    arrivals.hear_arrivals(news=_as_news(events), by=by, now=now)


def products_described(events: Sequence[InboundEvent], *, by: Actor, now: datetime) -> None:
    """Somebody says what is known of products."""
    describing.hear_products(news=_as_news(events), by=by, now=now)


def _as_news(events: Sequence[InboundEvent]) -> list[News]:
    """Events as news; every one of them has to say whose order it is about."""
    homeless: dict[object, str] = {
        event.pk: "It does not say which client it is for." for event in events if event.client_id is None
    }
    if homeless:
        raise Unprocessable(homeless)
    return [
        News(
            event_id=event.event_id,
            type=event.type,
            system=event.system.slug,
            subject=event.subject,
            client_id=event.client_id,
            happened_at=event.time,
            data=event.data,
            correlation_id=event.correlation_id,
            based_on=event.based_on,
        )
        for event in events
        if event.client_id is not None
    ]


handlers.register("order.placed", orders_placed)
handlers.register("stock.received", stock_received)
handlers.register("stock.changed", stock_counted, replaces=True)
handlers.register("product.changed", products_described, replaces=True)
for event_type in NEWS_TYPES:
    handlers.register(event_type, news_heard)
