"""Asking the rule book what is done about what is asked of an order."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from orders.fulfilment.decisions.requests import Ruling, Stage, possible
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import Choice
from rules.states import Wish

REFUND: Final = Wish.REFUND


def rule_on(docket: Docket, kind: str, changes: Changes, *, stage: Stage = Stage.UNTOUCHED, **facts: Any) -> Ruling:
    """What is done about it by the rule book in force, as far as it can be done; `facts` as in the context "request"."""
    order = docket.order
    known = {
        "kind": str(kind),
        "stage": stage.value,
        "client": order.client.slug,
        "channel": order.channel,
        "country": order.country,
        "segment": order.segment,
        "currency": order.currency,
        "total_minor": order.total_minor,
        **facts,
    }
    said = changes.request_rules.rule_on(known)
    choice = Choice(said.answer)
    return Ruling(
        rule=said.rule,
        choice=choice if kind == REFUND else possible(kind, choice, stage),
        why=said.why,
        owner=said.owner,
        due_after=timedelta(minutes=said.due_after_minutes) if said.due_after_minutes else None,
        facts=known,
        passed=said.passed,
        book=changes.book.number,
        almost=tuple({**vars(miss), "actual": str(miss.actual)} for miss in said.near_misses),
    )


def rule_on_refund(docket: Docket, amount: Decimal, changes: Changes, *, announced: bool, condition: str) -> Ruling:
    """Whether money goes back by itself."""
    facts: dict[str, Any] = {"amount": float(amount), "announced": announced, "condition": condition}
    return rule_on(docket, REFUND, changes, **facts)
