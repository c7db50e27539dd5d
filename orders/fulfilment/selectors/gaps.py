"""Orders that are not finished, by who has them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Count, QuerySet

from audit.context import Actor
from audit.words import said
from exceptions.gaps import OpenItem
from orders.fulfilment.models import Order
from orders.fulfilment.states import ORDER_FINAL


def count_orders(owners: Collection[UUID]) -> Mapping[UUID, int]:
    """How many orders each of these owners has."""
    return dict(_open(owners).order_by().values("owner").annotate(n=Count("pk")).values_list("owner", "n"))


def list_orders(owners: Collection[UUID], *, by: Actor, most: int) -> list[OpenItem]:
    """Their orders that exist for the actor, the soonest deadline first."""
    orders = _open(owners) if by.clients is None else _open(owners).filter(client_id__in=by.clients)
    shown = orders.order_by("sla_due_at", "pk").only("key", "state")[:most]
    return [OpenItem(order.key, said(order.get_state_display()), f"/orders/{order.key}/") for order in shown]


def _open(owners: Collection[UUID]) -> QuerySet[Order]:
    return Order.objects.filter(owner__in=owners).exclude(state__in=ORDER_FINAL)
