"""Fulfilments for programs and pages, within what the actor may see."""

from uuid import UUID

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from orders.fulfilment.models import Fulfilment, Hold, Order, Sku


def fulfilments_for(by: Actor) -> QuerySet[Fulfilment]:
    """The fulfilments that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    parcels = Fulfilment.objects.select_related("order", "client", "flow", "owner")
    return parcels if by.clients is None else parcels.filter(client_id__in=by.clients)


def skus_for(by: Actor) -> QuerySet[Sku]:
    """The products of the actor's clients. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    skus = Sku.objects.select_related("client")
    return skus if by.clients is None else skus.filter(client_id__in=by.clients)


def orders_having(path: str, value: str) -> QuerySet[Order, UUID]:
    """Ids of orders with a related row like this; a subquery, so that no order is listed twice."""
    return Order.objects.filter(**{path: value}).values_list("pk", flat=True)


def active_holds(reason: str) -> QuerySet[Hold]:
    """What stops orders for this reason."""
    return Hold.objects.filter(state="active", reason=reason)
