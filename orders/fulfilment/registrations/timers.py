"""What happens when nobody answers."""

from exceptions import timer_kinds
from orders.fulfilment.services import silence
from orders.fulfilment.services.dispatch import CONFIRMATION

timer_kinds.register(CONFIRMATION, silence.confirmations_missed, lock=silence.lock_orders_of)
timer_kinds.register(silence.CUSTOMER_HOLD, silence.still_unresolved, lock=silence.lock_orders_of)
