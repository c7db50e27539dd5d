"""Fulfilments for programs and pages, within what the actor may see."""

from uuid import UUID

from django.db.models import QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from orders.fulfilment.models import Fulfilment, Hold, Order, Sku


def fulfilments_for(by: Actor) -> QuerySet[Fulfilment]:
    """The fulfilments that exist for the actor. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    parcels = Fulfilment.objects.select_related("order", "client", "flow", "owner", "shipment")
    return parcels if by.clients is None else parcels.filter(client_id__in=by.clients)


def skus_for(by: Actor) -> QuerySet[Sku]:
    """The products of the actor's clients. Raises `Refused` without the permission to see orders."""
    require(by, "orders.view_order")
    skus = Sku.objects.select_related("client")
    return skus if by.clients is None else skus.filter(client_id__in=by.clients)


def sku_for(by: Actor, sku_id: UUID, *, having: str = "client") -> Sku:
    """The product, `having` a relation loaded. Raises `NotFound` for none and for another client's alike, `Refused`."""
    sku = skus_for(by).select_related(having).filter(pk=sku_id).first()
    if sku is None:
        raise NotFound(said("There is no such product, or it is not yours to see."))
    return sku


def orders_having(path: str, value: str) -> QuerySet[Order, UUID]:
    """Ids of orders with a related row like this; a subquery, so that no order is listed twice."""
    return Order.objects.filter(**{path: value}).values_list("pk", flat=True)


def active_holds(reason: str) -> QuerySet[Hold]:
    """What stops orders for this reason."""
    return Hold.objects.filter(state="active", reason=reason)
