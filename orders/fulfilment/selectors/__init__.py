"""Reads of orders, each within what the actor may see."""

from orders.fulfilment.selectors.holds import HoldFacts, hold_named, order_holds
from orders.fulfilment.selectors.orders import (
    ORDER_COLUMNS,
    SEVERAL,
    TABS,
    OrderFilters,
    OrderPage,
    OrderRow,
    exported_orders,
    filtered,
    order_for,
    order_page,
    orders_for,
    other_order,
    rows_of,
    tab_counts,
)
from orders.fulfilment.selectors.quarantine import (
    QuarantineDetail,
    QuarantinePage,
    QuarantineRow,
    quarantine_detail,
    quarantine_page,
    quarantined,
)
from orders.fulfilment.selectors.story import OrderStory, TraceStep, order_story, order_trace
from orders.fulfilment.selectors.trace import KIND_WORDS, Waterfall, WaterfallRow, waterfall

__all__ = [
    "KIND_WORDS",
    "ORDER_COLUMNS",
    "SEVERAL",
    "TABS",
    "HoldFacts",
    "OrderFilters",
    "OrderPage",
    "OrderRow",
    "OrderStory",
    "QuarantineDetail",
    "QuarantinePage",
    "QuarantineRow",
    "TraceStep",
    "Waterfall",
    "WaterfallRow",
    "exported_orders",
    "filtered",
    "hold_named",
    "order_for",
    "order_holds",
    "order_page",
    "order_story",
    "order_trace",
    "orders_for",
    "other_order",
    "quarantine_detail",
    "quarantine_page",
    "quarantined",
    "rows_of",
    "tab_counts",
    "waterfall",
]
