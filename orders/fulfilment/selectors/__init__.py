"""Reads of orders, each within what the actor may see."""

from orders.fulfilment.selectors.deviations import Deviations, deviations_of
from orders.fulfilment.selectors.holds import HoldFacts, hold_named, order_holds
from orders.fulfilment.selectors.order_filters import ORDER_FILTERS, TABS
from orders.fulfilment.selectors.orders import (
    ORDER_COLUMNS,
    SEVERAL,
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
    sortable_orders,
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
from orders.fulfilment.selectors.steps import StepPanel, Steps, TraceStep, order_trace, step_panel
from orders.fulfilment.selectors.story import OrderStory, order_story
from orders.fulfilment.selectors.trace import KIND_WORDS, Waterfall, WaterfallRow, waterfall
from orders.fulfilment.selectors.why import WhyPage, why_page

__all__ = [
    "KIND_WORDS",
    "ORDER_COLUMNS",
    "ORDER_FILTERS",
    "SEVERAL",
    "TABS",
    "Deviations",
    "HoldFacts",
    "OrderFilters",
    "OrderPage",
    "OrderRow",
    "OrderStory",
    "QuarantineDetail",
    "QuarantinePage",
    "QuarantineRow",
    "StepPanel",
    "Steps",
    "TraceStep",
    "Waterfall",
    "WaterfallRow",
    "WhyPage",
    "deviations_of",
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
    "sortable_orders",
    "step_panel",
    "tab_counts",
    "waterfall",
    "why_page",
]
