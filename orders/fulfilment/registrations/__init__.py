"""Everything this app plugs into the layers below, in one place."""

from orders.fulfilment.registrations import invariants, orders, timers, words

__all__ = ["invariants", "orders", "timers", "words"]
