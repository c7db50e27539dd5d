"""Orders with their parcels, customers, products, checks and fixes by hand. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import REASON, VIEW_ORDER, WORK_ORDER, Rule

ORDERS: Final[dict[str, dict[str, Rule]]] = {
    "orders": {"GET": Rule(VIEW_ORDER)},
    "order-plans": {"POST": Rule(WORK_ORDER, {"action": "hold", "keys": ["XX-1"]})},
    "order": {"GET": Rule(VIEW_ORDER)},
    "order-trace": {"GET": Rule(VIEW_ORDER)},
    "order-why": {"GET": Rule(VIEW_ORDER)},
    "order-export": {"GET": Rule("orders.export_order")},
    "exports": {"GET": Rule("orders.export_order")},
    "export": {"GET": Rule("orders.export_order")},
    "skus": {"GET": Rule(VIEW_ORDER)},
    "sku": {"GET": Rule(VIEW_ORDER)},
    "sku-stock": {"GET": Rule(VIEW_ORDER)},
    "sku-receive": {"POST": Rule(WORK_ORDER, {"quantity": 1, "lot": "L1", **REASON})},
    "sku-keep-back": {"POST": Rule(WORK_ORDER, {"location": "main", "units": 1, **REASON})},
    "sku-recall": {"POST": Rule(WORK_ORDER, {"lot": "L1", **REASON})},
    "sku-parts": {"POST": Rule(WORK_ORDER, {"parts": [], **REASON})},
    "sku-readmit": {"POST": Rule(WORK_ORDER, {"lot": "L1", **REASON})},
    "order-resubmissions": {"POST": Rule(WORK_ORDER, {"keys": ["XX-999999"]})},
    "order-holds": {"GET": Rule(VIEW_ORDER), "POST": Rule(WORK_ORDER, {"words": "Wait for the customer"})},
    "order-hold-release": {"POST": Rule("exceptions.decide_waiver", REASON)},
    "shipment-proposals": {"GET": Rule(VIEW_ORDER, shared=True)},
    "shipments": {"GET": Rule(VIEW_ORDER), "POST": Rule("orders.check_parcel", {"parcels": ["XX-1-1"], **REASON})},
    "shipment": {"GET": Rule(VIEW_ORDER)},
    "shipment-undo": {"POST": Rule("orders.check_parcel", REASON)},
    "order-cancel": {"POST": Rule(WORK_ORDER, REASON)},
    "order-return": {"POST": Rule(WORK_ORDER, REASON)},
    "order-pack": {"POST": Rule(WORK_ORDER, {"lines": [1], **REASON})},
    "order-reroute": {"POST": Rule(WORK_ORDER, {"fulfilment": "NW-1-1", "flow": "vendor-drop-ship", **REASON})},
    "order-same": {"POST": Rule(WORK_ORDER, {"into": "NW-1", **REASON})},
    "order-gift": {"POST": Rule(WORK_ORDER, {"line": "1", "wrap": "red", **REASON})},
    "order-override": {"POST": Rule(WORK_ORDER, {"field": "segment", "value": "vip", **REASON})},
    "customers": {"GET": Rule(VIEW_ORDER)},
    "customer": {"GET": Rule(VIEW_ORDER)},
    "customer-merge": {"POST": Rule(WORK_ORDER, {"into": "CU-1", **REASON})},
    "customer-split": {"POST": Rule(WORK_ORDER, REASON)},
    "duplicates": {"GET": Rule(VIEW_ORDER)},
    "duplicate": {"GET": Rule(VIEW_ORDER)},
    "duplicate-merge": {"POST": Rule(WORK_ORDER, {"keep": "CU-1", **REASON})},
    "duplicate-keep-apart": {"POST": Rule(WORK_ORDER, REASON)},
    "duplicate-ask-again": {"POST": Rule(WORK_ORDER, REASON)},
    "overrides": {
        "GET": Rule(VIEW_ORDER),
        "POST": Rule(WORK_ORDER, {"client": "northwind", "sku": "TENT-2", "value": "7", **REASON}),
    },
    "override": {"GET": Rule(VIEW_ORDER)},
    "override-accept": {"POST": Rule("orders.review_override", {"comment": "It is so"})},
    "override-reject": {"POST": Rule("orders.review_override", {"comment": "It is not so"})},
    "order-address": {
        "POST": Rule(
            WORK_ORDER,
            {"recipient": "Ida Berg", "street": "Torstraße 1", "city": "Berlin", "postcode": "10119", "country": "DE"},
        )
    },
    "order-resend-tasks": {"POST": Rule(WORK_ORDER)},
    "order-complete-address": {"POST": Rule(WORK_ORDER, REASON)},
    "order-complete-lines": {
        "POST": Rule(WORK_ORDER, {"lines": [{"sku": "TENT-2", "quantity": 1, "unit_minor": 100}], **REASON})
    },
    "checks": {"GET": Rule(VIEW_ORDER)},
    "check": {"GET": Rule(VIEW_ORDER)},
    "check-perform": {"POST": Rule("orders.check_parcel", {"code": "TENT-2"})},
    "check-photo": {"GET": Rule(VIEW_ORDER)},
    "quality-report": {"GET": Rule(VIEW_ORDER, shared=True)},
    "sku-facts": {"GET": Rule(VIEW_ORDER), "POST": Rule(WORK_ORDER, {"weight_grams": 900})},
    "fulfilment-hand-over": {"POST": Rule("orders.check_parcel", {"carrier": "DPD"})},
    "fulfilments": {"GET": Rule(VIEW_ORDER)},
    "fulfilment": {"GET": Rule(VIEW_ORDER)},
}
