"""What is being fulfilled."""

from orders.fulfilment.models.bundles import BundlePart, OrderBundle
from orders.fulfilment.models.checks import CheckResult, ParcelCheck
from orders.fulfilment.models.customers import Customer, CustomerSign, Likeness
from orders.fulfilment.models.exports import Export, ExportReading, FeedPlace
from orders.fulfilment.models.gifts import GiftCard, OrderGift
from orders.fulfilment.models.holds import Hold
from orders.fulfilment.models.identity import EarlyNotice, OrderAddress, OrderIdentifier
from orders.fulfilment.models.lines import OrderLine
from orders.fulfilment.models.money import OrderAmounts, Payment, Refund
from orders.fulfilment.models.orders import Order
from orders.fulfilment.models.overrides import Override, OverrideSecret
from orders.fulfilment.models.parcels import Fulfilment, FulfilmentLine
from orders.fulfilment.models.places import Location
from orders.fulfilment.models.products import ProductFacts
from orders.fulfilment.models.replenishments import Replenishment
from orders.fulfilment.models.requests import OrderRequest
from orders.fulfilment.models.shipments import Shipment
from orders.fulfilment.models.skus import Sku
from orders.fulfilment.models.stock import GoodsReceipt, Reservation, SafetyStock, StockItem, StockLot
from orders.fulfilment.models.unwinds import Unwind, UnwindStep

__all__ = [
    "BundlePart",
    "CheckResult",
    "Customer",
    "CustomerSign",
    "EarlyNotice",
    "Export",
    "ExportReading",
    "FeedPlace",
    "Fulfilment",
    "FulfilmentLine",
    "GiftCard",
    "GoodsReceipt",
    "Hold",
    "Likeness",
    "Location",
    "Order",
    "OrderAddress",
    "OrderAmounts",
    "OrderBundle",
    "OrderGift",
    "OrderIdentifier",
    "OrderLine",
    "OrderRequest",
    "Override",
    "OverrideSecret",
    "ParcelCheck",
    "Payment",
    "ProductFacts",
    "Refund",
    "Replenishment",
    "Reservation",
    "SafetyStock",
    "Shipment",
    "Sku",
    "StockItem",
    "StockLot",
    "Unwind",
    "UnwindStep",
]
