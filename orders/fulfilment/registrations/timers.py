"""What happens when nobody answers."""

from exceptions import timer_kinds
from orders.fulfilment.selectors import overrides as by_hand
from orders.fulfilment.services import (
    announcing,
    asking,
    at_risk,
    expiring,
    falling_back,
    holding,
    holds,
    keeping,
    looking,
    notices,
    override_clocks,
    pausing,
    paying,
    quality,
    refunds,
    settling,
    silence,
    unwinding,
    unwinds,
)

timer_kinds.register(silence.CUSTOMER_HOLD, silence.still_unresolved, lock=silence.lock_orders_of)
timer_kinds.register(holding.HOLD_EXPIRY, holds.on_expiry, lock=holds.lock_orders_of)
timer_kinds.register(paying.REFUND_WATCH, refunds.still_unseen, lock=refunds.lock_orders_of)
timer_kinds.register(unwinds.UNWIND_WATCH, unwinding.on_silence, lock=unwinding.lock_orders_of)
timer_kinds.register(
    keeping.RESERVATION_EXPIRY, expiring.on_expired, lock=keeping.lock_orders, puts_back=pausing.orders_themselves
)
timer_kinds.register(
    pausing.TELL_LATER, notices.on_emergency_over, lock=keeping.lock_orders, puts_back=pausing.orders_themselves
)
timer_kinds.register(settling.QUEUE_LOOK, settling.on_look_again)
timer_kinds.register(settling.SIBLING_LOOK, settling.on_sibling_look, lock=keeping.lock_orders)
timer_kinds.register(asking.REQUEST_DUE, announcing.not_come, lock=announcing.lock_orders_of)
timer_kinds.register(quality.CHECK_DUE, looking.nobody_looked, lock=looking.lock_orders_of)
timer_kinds.register(at_risk.AT_RISK, at_risk.on_at_risk, lock=silence.lock_orders_of)
timer_kinds.register(falling_back.FALLBACK, falling_back.on_fallback, lock=keeping.lock_orders)
timer_kinds.register(by_hand.REVIEW_DUE, override_clocks.on_overdue)
timer_kinds.register(
    by_hand.EXPIRY,
    override_clocks.on_expired,
    lock=override_clocks.lock_records_of,
    puts_back=override_clocks.records_of,
)
