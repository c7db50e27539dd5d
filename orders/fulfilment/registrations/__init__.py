"""Everything this app plugs into the layers below, in one place."""

from orders.fulfilment.registrations import (
    events,
    flows,
    folds,
    followers,
    gaps,
    invariants,
    orders,
    quality,
    runs,
    stock,
    timers,
    words,
)

__all__ = [
    "events",
    "flows",
    "folds",
    "followers",
    "gaps",
    "invariants",
    "orders",
    "quality",
    "runs",
    "stock",
    "timers",
    "words",
]
