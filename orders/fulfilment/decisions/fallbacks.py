"""Whether an order has gone on, and whose it is when it has not. A decision's outcome and states in, an answer out: no database."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from orders.fulfilment.states import FULFILMENT_UNCONFIRMED, FulfilmentState, OrderState

# Where whom the rule named has the order and something of it can still be unanswered; elsewhere the owner of that state has it.
AWAITED: Final = (OrderState.PAID, OrderState.IN_FULFILMENT, OrderState.PARTLY_SHIPPED)
UNANSWERED: Final = (FulfilmentState.PLANNED, *FULFILMENT_UNCONFIRMED)


def has_gone_on(state: str, parcels: Collection[str]) -> bool:
    """Whether it left where its rule put it: it stands elsewhere, or whoever sends its parcels confirmed each that is not cancelled."""
    live = [one for one in parcels if one != FulfilmentState.CANCELLED]
    return state not in AWAITED or (bool(live) and not any(one in UNANSWERED for one in live))


def ruled_owner(outcome: Mapping[str, Any], *, fell_back: bool) -> str:
    """By slug, whose the order is by its decision: the rule's owner's, or its fallback's once that has taken over."""
    return str(outcome["fallback" if fell_back else "owner"])


def falls_back_at(outcome: Mapping[str, Any], begins: datetime) -> datetime | None:
    """When the fallback takes over what comes to the owner at `begins`; None where both are one."""
    if outcome["fallback"] == outcome["owner"]:
        return None
    return begins + timedelta(minutes=outcome["fallback_after_minutes"])
