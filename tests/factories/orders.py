"""Orders as stores tell of them, and what the other systems answer."""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any

from orders.fulfilment.decisions.news import News
from orders.fulfilment.models import Order
from rules.models import Calendar, Client

BERLIN = {"recipient": "Ida Berg", "street": "Torstraße 12", "postcode": "10119", "city": "Berlin", "country": "DE"}
numbers = count(1001)
Place = Callable[..., Order]
Tell = Callable[..., None]


def client_named(slug: str = "northwind", prefix: str = "NW", *, name: str = "Northwind Outdoor") -> Client:
    """A client with the shipped Berlin calendar; the shipped configuration must be installed, and somebody must be acting."""
    calendar = Calendar.objects.get(slug="berlin-business")
    return Client.objects.create(
        slug=slug, name=name, key_prefix=prefix, time_zone="Europe/Berlin", calendar=calendar, currency="EUR"
    )


def line(sku: str = "TENT-2", quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A line of an order.placed event."""
    return {"sku": sku, "quantity": quantity, "unit_minor": 9_900, "sku_type": "stock", **more}


def news(kind: str, client: Client, order: str, at: datetime, /, *, system: str = "store", **data: Any) -> News:
    """One event, with an id of its own."""
    return News(f"{kind}-{order}-{next(numbers)}", kind, system, order, client.pk, at, data)


def placed(client: Client, at: datetime, /, *, order: str = "", system: str = "store", **data: Any) -> News:
    """An order.placed event; a valid Berlin address and one tent unless told otherwise."""
    number = order or f"W-{next(numbers)}"
    body = {
        "client": client.slug,
        "order": number,
        "channel": "web",
        "currency": "EUR",
        "total_minor": 9_900,
        "placed_at": at.isoformat(),
        "lines": [line()],
        "address": BERLIN,
        **data,
    }
    return news("order.placed", client, number, at, system=system, **body)


def stock(client: Client, at: datetime, sku: str, available: int) -> News:
    """A stock.changed event."""
    return news("stock.changed", client, sku, at, system="wms", sku=sku, available=available)
