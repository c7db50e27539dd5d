"""Everything this app plugs into the layers below, in one place."""

from orders.fulfilment.registrations import (
    events,
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
