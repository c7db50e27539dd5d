"""Pages of orders: lists and stories, and what people do about one by hand."""

from orders.fulfilment.views.bulk import bulk
from orders.fulfilment.views.by_hand import announce, override, override_stock, overrides, reroute, resend, review
from orders.fulfilment.views.checks import checks, hand_over, parcel, photo, product, quality
from orders.fulfilment.views.clients import client, client_store, clients, new_client, new_line
from orders.fulfilment.views.customers import customer, duplicate, duplicates, merge, split
from orders.fulfilment.views.doubts import doubt
from orders.fulfilment.views.gifts import gift
from orders.fulfilment.views.lists import order_values, orders, orders_csv, orders_json
from orders.fulfilment.views.merging import same_order
from orders.fulfilment.views.order import (
    cancel,
    export,
    holds,
    order,
    quarantine,
    quarantined,
    release,
    trace,
    verify,
    why,
)
from orders.fulfilment.views.packing import pack
from orders.fulfilment.views.reports import report, report_csv, report_pdf
from orders.fulfilment.views.resubmitting import resubmit
from orders.fulfilment.views.shipments import shipment, shipments
from orders.fulfilment.views.stock import keep_back, parts, readmit, recall, receive, stock, stock_of

__all__ = [
    "announce",
    "bulk",
    "cancel",
    "checks",
    "client",
    "client_store",
    "clients",
    "customer",
    "doubt",
    "duplicate",
    "duplicates",
    "export",
    "gift",
    "hand_over",
    "holds",
    "keep_back",
    "merge",
    "new_client",
    "new_line",
    "order",
    "order_values",
    "orders",
    "orders_csv",
    "orders_json",
    "override",
    "override_stock",
    "overrides",
    "pack",
    "parcel",
    "parts",
    "photo",
    "product",
    "quality",
    "quarantine",
    "quarantined",
    "readmit",
    "recall",
    "receive",
    "release",
    "report",
    "report_csv",
    "report_pdf",
    "reroute",
    "resend",
    "resubmit",
    "review",
    "same_order",
    "shipment",
    "shipments",
    "split",
    "stock",
    "stock_of",
    "trace",
    "verify",
    "why",
]
