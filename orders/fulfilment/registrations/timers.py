"""What happens when nobody answers."""

from exceptions import timer_kinds
from orders.fulfilment.services import silence

timer_kinds.register(silence.CUSTOMER_HOLD, silence.still_unresolved, lock=silence.lock_orders_of)
