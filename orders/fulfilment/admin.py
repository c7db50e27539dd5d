"""Orders in the admin: to look things up. Acts are on the order's own page, where each is checked, explained and recorded."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from orders.fulfilment.models import Fulfilment, Hold, Order, OrderIdentifier, OrderLine, Reservation, Sku, StockItem
from rules.admin.base import ReadOnlyAdmin, actor_of


class ReadOnly(ReadOnlyAdmin):
    """Shows records and their history to those who see orders of every client; writes nothing."""

    history_list_display: ClassVar[list[str]] = ["history_actor"]
    show_full_result_count = False
    view_permission = "orders.view_order"

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Its lists are not cut to single clients, so neither are its readers."""
        return actor_of(request).clients is None and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the section."""
        del obj
        return self.has_module_permission(request)


class Lines(admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """The lines of an order."""

    model = OrderLine
    fields = ("position", "sku", "quantity", "state", "flow")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the order they are lines of."""
        del request, obj
        return True


@admin.register(Order)
class OrderAdmin(ReadOnly):
    """Look up an order by key, number or any system's id."""

    list_display = ("key", "client", "number", "channel", "state", "owner", "flow", "sla_due_at", "placed_at")
    list_filter = ("state", "client", "channel", "flow")
    list_select_related = ("client", "owner", "flow")
    search_fields = ("=key", "=number", "=identifiers__external_id")
    inlines: ClassVar = [Lines]
    ordering = ("-placed_at", "-id")


@admin.register(Fulfilment)
class FulfilmentAdmin(ReadOnly):
    """Look up a parcel by key or tracking number."""

    list_display = ("key", "order", "flow", "vendor", "state", "due_at", "carrier", "tracking_number")
    list_filter = ("state", "flow")
    list_select_related = ("order", "flow")
    search_fields = ("=key", "=tracking_number")
    ordering = ("-created_at", "-id")


@admin.register(StockItem)
class StockItemAdmin(ReadOnly):
    """What lies on the shelf and what is set aside."""

    list_display = ("sku", "on_hand", "reserved", "available")
    list_select_related = ("sku",)
    search_fields = ("=sku__code",)


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    """What stops orders, and until when."""

    list_display = ("order", "reason", "words", "state", "placed_by", "placed_at", "released_at")
    list_filter = ("state", "reason")
    list_select_related = ("order",)


@admin.register(Sku)
class SkuAdmin(ReadOnly):
    """Products as clients' systems name them."""

    list_display = ("code", "client", "name", "sku_type", "vendor")
    list_filter = ("client", "sku_type")
    list_select_related = ("client",)
    search_fields = ("=code", "name")


@admin.register(OrderIdentifier)
class OrderIdentifierAdmin(ReadOnly):
    """What other systems call our orders."""

    list_display = ("system", "external_id", "order")
    list_select_related = ("order",)
    search_fields = ("=external_id",)


@admin.register(Reservation)
class ReservationAdmin(ReadOnly):
    """What is set aside for whom."""

    list_display = ("stock_item", "line", "quantity", "state")
    list_filter = ("state",)
    list_select_related = ("stock_item__sku", "line__order")
