"""What deciding an order anew would change, and why some are not decided anew. Outcomes and states in, words out: no database."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from orders.fulfilment.states import ORDER_FINAL, ORDER_LEFT_THE_HOUSE, LineState, OrderState
from rules.decisions import Outcome

# What a decision settles, in the order people ask for it.
SETTLED: Final = ("owner", "flow", "sla", "fallback", "fallback_after_minutes")


def is_untouched(lines: Collection[str], parcels: int) -> bool:
    """Whether nothing of it is set aside, waited for or given out: only then may it go another way because a rule says so."""
    return not parcels and all(state == LineState.OPEN for state in lines)


def differences(before: Mapping[str, Any], after: Outcome, *, may_turn: bool) -> tuple[str, ...]:
    """What would be different; the flow only where it may still turn."""
    new = after.as_json()
    return tuple(name for name in SETTLED if before.get(name) != new[name] and (may_turn or name != "flow"))


def is_past_deciding(state: str) -> bool:
    """Whether it has left or ended."""
    return state in {*ORDER_FINAL, *ORDER_LEFT_THE_HOUSE}


def waits_for_a_review(state: str) -> bool:
    """Whether a person looks at it, whose answer has it decided anew."""
    return state == OrderState.MANUAL_REVIEW
