"""Orders in the admin: to look things up. Acts are on the order's own page, where each is checked, explained and recorded."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from orders.fulfilment.models import (
    BundlePart,
    Customer,
    EarlyNotice,
    Export,
    Fulfilment,
    GoodsReceipt,
    Hold,
    Likeness,
    Location,
    Order,
    OrderBundle,
    OrderGift,
    OrderIdentifier,
    OrderLine,
    OrderRequest,
    Override,
    Payment,
    Refund,
    Replenishment,
    Reservation,
    SafetyStock,
    Shipment,
    Sku,
    StockItem,
    StockLot,
    Unwind,
    UnwindStep,
)
from rules.admin.base import AnyInline, ReadOnlyAdmin, VersionedAdmin, actor_of


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


class Rows(AnyInline):
    """What belongs to a record, beside it."""

    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the record they belong to."""
        del request, obj
        return True


class Lines(Rows):
    """The lines of an order."""

    model = OrderLine
    fields = ("position", "sku", "quantity", "state", "flow")


@admin.register(Order)
class OrderAdmin(ReadOnly):
    """Look up an order by key, number or any system's id."""

    list_display = ("key", "client", "number", "channel", "state", "owner", "flow", "sla_due_at", "placed_at")
    list_filter = ("state", "client", "channel", "flow")
    list_select_related = ("client", "owner", "flow")
    search_fields = ("=key", "=number", "=identifiers__external_id")
    inlines: ClassVar = [Lines]
    ordering = ("-placed_at", "-id")


@admin.register(Customer)
class CustomerAdmin(ReadOnly):
    """Who orders, and who stands for whom."""

    list_display = ("key", "client", "state", "head")
    list_filter = ("state",)
    list_select_related = ("client", "head")
    search_fields = ("=key",)
    ordering = ("-id",)


@admin.register(Likeness)
class LikenessAdmin(ReadOnly):
    """Customers that look alike, and what people said about them."""

    list_display = ("one", "other", "client", "state", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("one", "other", "client")
    search_fields = ("=one__key", "=other__key")
    ordering = ("-id",)


@admin.register(OrderBundle)
class OrderBundleAdmin(ReadOnly):
    """What was sold as one."""

    list_display = ("order", "position", "code", "name", "quantity")
    list_select_related = ("order",)
    search_fields = ("=order__key", "=code")


@admin.register(OrderGift)
class OrderGiftAdmin(ReadOnly):
    """What of an order is given to somebody; card and address are shown only on the order's page."""

    list_display = ("order", "position", "wrap", "is_active")
    list_select_related = ("order",)
    search_fields = ("=order__key",)


@admin.register(BundlePart)
class BundlePartAdmin(VersionedAdmin):
    """What is in a bundle; orders keep the parts that were in force when they came."""

    list_display = ("bundle", "part", "quantity", "price_share", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("bundle", "part")
    readonly_after_creation = ("bundle", "part")
    raw_id_fields = ("bundle", "part")
    search_fields = ("=bundle__code", "=part__code")
    client_path = "bundle__client"
    ordering = ("bundle__code", "part__code")


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


@admin.register(Location)
class LocationAdmin(VersionedAdmin):
    """Where products lie, and from where orders are sent first."""

    list_display = ("slug", "client", "name", "country", "priority", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("client",)
    readonly_after_creation = ("client", "slug")
    client_path = "client"
    ordering = ("client", "priority", "slug")


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


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    """What was promised and what has arrived."""

    list_display = ("reference", "order", "amount", "currency", "state", "authorised_at", "captured_at")
    list_filter = ("state", "currency")
    list_select_related = ("order",)
    search_fields = ("=reference", "=order__key")


@admin.register(Refund)
class RefundAdmin(ReadOnly):
    """What goes back, by which rule or by whom."""

    list_display = ("order", "amount", "currency", "state", "rule", "decided_by", "due_since", "issued_at")
    list_filter = ("state", "rule")
    list_select_related = ("order",)
    search_fields = ("=reference", "=order__key")


@admin.register(OrderRequest)
class OrderRequestAdmin(ReadOnly):
    """What was asked of orders under way, and what was done about it."""

    list_display = ("order", "kind", "rule", "choice", "state", "owner", "asked_at", "decided_by")
    list_filter = ("kind", "state", "choice")
    list_select_related = ("order", "owner")
    search_fields = ("=order__key", "=reference")
    exclude = ("change",)  # it may hold an address


@admin.register(Override)
class OverrideAdmin(ReadOnly):
    """What people set by hand, and who reviewed it."""

    list_display = ("number", "about", "client", "field", "canonical", "local", "state", "placed_by", "reviewed_by")
    list_filter = ("state", "field")
    list_select_related = ("client",)
    search_fields = ("=about", "=number")


@admin.register(Shipment)
class ShipmentAdmin(ReadOnly):
    """Parcels of several orders that go together."""

    list_display = ("number", "client", "location", "state", "placed_by", "placed_at", "ended_at")
    list_filter = ("state",)
    list_select_related = ("client", "location")
    search_fields = ("=number",)
    exclude = ("destination",)


class Steps(Rows):
    """What is undone, from the last step down."""

    model = UnwindStep
    fields = ("position", "kind", "state", "asked_at", "undone_at", "evidence")
    ordering = ("position",)


@admin.register(Unwind)
class UnwindAdmin(ReadOnly):
    """What was done for parcels and is taken back, so that they go another way."""

    list_display = ("order", "fulfilment", "to_flow", "state", "asked_by", "asked_at", "ended_at")
    list_filter = ("state",)
    list_select_related = ("order", "fulfilment", "to_flow")
    search_fields = ("=order__key",)
    inlines: ClassVar = [Steps]


@admin.register(Export)
class ExportAdmin(ReadOnly):
    """Which exports there are; each is read on its order's page and in the feed."""

    list_display = ("number", "order", "facts_hash", "created_at")
    list_select_related = ("order",)
    search_fields = ("=number", "=order__key")
    exclude = ("document",)


@admin.register(EarlyNotice)
class EarlyNoticeAdmin(ReadOnly):
    """News about orders that had not arrived yet."""

    list_display = ("order_name", "client", "system", "event_type", "happened_at", "told_at")
    list_filter = ("event_type",)
    list_select_related = ("client",)
    search_fields = ("=order_name",)
    exclude = ("data",)  # as a system told it, address and all


@admin.register(StockLot)
class StockLotAdmin(ReadOnly):
    """Which units lie where, until when they may be sent, and whether they are recalled."""

    list_display = ("item", "location", "code", "expires_on", "counted_at", "on_hand", "reserved", "state")
    list_filter = ("state",)
    list_select_related = ("item__sku", "location")
    search_fields = ("=code", "=item__sku__code")


@admin.register(GoodsReceipt)
class GoodsReceiptAdmin(ReadOnly):
    """What came to which place, and when."""

    list_display = ("item", "location", "quantity", "received_at")
    list_select_related = ("item__sku", "location")
    search_fields = ("=item__sku__code",)


@admin.register(SafetyStock)
class SafetyStockAdmin(ReadOnly):
    """How many units are kept back."""

    list_display = ("item", "location", "units", "reorder_at", "reorder_units", "low_since")
    list_select_related = ("item__sku", "location")
    search_fields = ("=item__sku__code",)


@admin.register(Replenishment)
class ReplenishmentAdmin(ReadOnly):
    """What was asked for because too few were left."""

    list_display = ("key", "client", "units", "asked_at", "due_at", "state")
    list_filter = ("state", "client")
    list_select_related = ("client",)
    search_fields = ("key",)
