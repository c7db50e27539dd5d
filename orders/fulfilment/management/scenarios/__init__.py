"""Scenarios: a crowd of orders sent through the real doors, and what became of each."""

from collections.abc import Callable, Mapping
from datetime import datetime

from orders.fulfilment.management.scenarios.plans import Scenario, hundred_orders, weekend_preorder

SCENARIOS: Mapping[str, Callable[[int, datetime], Scenario]] = {
    "hundred-orders": hundred_orders,
    "weekend-preorder": weekend_preorder,
}

__all__ = ["SCENARIOS", "Scenario"]
