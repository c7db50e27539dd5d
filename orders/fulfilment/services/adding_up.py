"""Tax, shipping and discount as a store states them: kept as told, and somebody's where they do not add up to the total."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from audit.words import said
from orders.fulfilment.decisions.money import Amounts, in_words
from orders.fulfilment.models import Order, OrderAmounts
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes

MISMATCH: Final = "payment-mismatch"


def keep_amounts(order: Order, amounts: Amounts | None, changes: Changes) -> dict[str, Any]:
    """Keep them with the order that is coming in; what is told of them in its first event."""
    if amounts is None:
        return {}
    changes.add(OrderAmounts(order=order, currency=order.currency, **asdict(amounts)))
    if amounts.unexplained:
        difference = in_words(abs(amounts.unexplained), order.currency)
        title = said("Lines, shipping and tax differ from the total by %(amount)s", amount=difference)
        evidence = {name: str(value) for name, value in asdict(amounts).items()}
        changes.openings.append(Opening(MISMATCH, order, title, "sum", evidence))
    stated = {name: f"{value:.4f}" for name, value in asdict(amounts).items() if isinstance(value, Decimal)}
    return {"amounts": stated}
