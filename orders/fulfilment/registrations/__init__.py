"""Everything this app plugs into the layers below, in one place."""

from orders.fulfilment.registrations import events, gaps, invariants, orders, runs, timers, words

__all__ = ["events", "gaps", "invariants", "orders", "runs", "timers", "words"]
