"""What a new installation does about what is asked of an order that is under way."""

from __future__ import annotations

from typing import Any, Final

MONTH: Final = 30 * 24 * 60
UNTOUCHED, IN_HOUSE, GONE = 'stage == "untouched"', 'stage == "in_house"', 'stage == "gone"'

# What such rules may ask, in books that do not say so themselves.
REQUEST_CONTEXT: Final[dict[str, Any]] = {
    "name": "request",
    "attributes": {
        "kind": "text",
        "stage": "text",
        "days_since_delivery": "whole",
        "units": "whole",
        "amount": "number",
        "currency": "text",
        "announced": "flag",
        "condition": "text",
        "client": "text",
        "channel": "text",
        "country": "text",
        "segment": "text",
        "total_minor": "whole",
    },
}


def _rule(
    slug: str, name: str, predicate: str, answer: str, words: str, owner: str, why: str, due: int | None = None
) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": name,
        "why": why,
        "kind": slug.split("-", maxsplit=1)[0],
        "predicate": predicate,
        "answer": answer,
        "words": words,
        "owner": owner,
        "due_after_minutes": due,
        "rule_owner": owner,
    }


_ALL: Final = [
    _rule(
        "cancel-before-pick",
        "Cancelled before it is picked",
        UNTOUCHED,
        "at_once",
        "Nothing of it is off the shelf yet.",
        "client-success",
        "Somebody would be asked about what costs nothing.",
    ),
    _rule(
        "cancel-after-pick",
        "Cancelled after it was picked",
        IN_HOUSE,
        "ask",
        "It is picked or packed: somebody has to stop it, or let it go.",
        "logistics",
        "A parcel would be packed and sent although the customer does not want it.",
    ),
    _rule(
        "cancel-after-hand-over",
        "Cancelled after it has left",
        GONE,
        "ask",
        "It has left: somebody calls it back, or lets it go.",
        "logistics",
        "Money would go back while the customer keeps the goods.",
    ),
    _rule(
        "change-before-pick",
        "Changed before it is picked",
        UNTOUCHED,
        "at_once",
        "Nothing of it is off the shelf yet.",
        "client-success",
        "Somebody would be asked about what costs nothing.",
    ),
    _rule(
        "change-after-pick",
        "Changed after it was picked",
        IN_HOUSE,
        "ask",
        "It is picked or packed: somebody has to open it again.",
        "client-success",
        "The parcel would not hold what the order says.",
    ),
    _rule(
        "change-after-hand-over",
        "Changed after it has left",
        GONE,
        "ask",
        "It has left as it was ordered first.",
        "client-success",
        "The customer would wait for what nobody sends.",
    ),
    _rule(
        "address-before-label",
        "Another address before the label",
        UNTOUCHED,
        "at_once",
        "No label is printed yet.",
        "client-success",
        "Somebody would be asked about what costs nothing.",
    ),
    _rule(
        "address-after-label",
        "Another address after the label",
        IN_HOUSE,
        "ask",
        "The label shows the old address.",
        "client-success",
        "The parcel would go where nobody is any more.",
    ),
    _rule(
        "address-after-hand-over",
        "Another address after it has left",
        GONE,
        "ask",
        "The carrier has it, with the old address.",
        "client-success",
        "The customer would believe it comes to the new address.",
    ),
    _rule(
        "return-after-a-year",
        "Returns after a year",
        "days_since_delivery != null && days_since_delivery > 365",
        "refuse",
        "{days_since_delivery} days after its delivery: after a year nothing is taken back.",
        "support",
        "Somebody would be asked about what nobody promised.",
    ),
    _rule(
        "return-in-time",
        "Returns in time",
        "days_since_delivery == null || days_since_delivery <= 30",
        "expect",
        "Within 30 days of its delivery.",
        "support",
        "Customers would wait for what they were promised.",
        MONTH,
    ),
    _rule(
        "return-too-late",
        "Returns after their time",
        "days_since_delivery > 30",
        "ask",
        "{days_since_delivery} days after its delivery; 30 were promised.",
        "support",
        "A good customer would be turned away by a clock.",
    ),
    _rule(
        "refund-damaged",
        "Came back damaged",
        'condition == "damaged"',
        "ask",
        "It came back damaged.",
        "finance-ops",
        "We would pay for what the customer or the carrier broke.",
    ),
    _rule(
        "refund-unannounced",
        "Came back unannounced",
        "!announced",
        "ask",
        "It came back without having been announced.",
        "finance-ops",
        "Money would go back for what nobody expected.",
    ),
    _rule(
        "refund-small",
        "Small amounts",
        "amount <= 200.0",
        "at_once",
        "Not more than 200.",
        "finance-ops",
        "Looking at it would cost more than it is worth.",
    ),
    _rule(
        "refund-large",
        "Large amounts",
        "amount > 200.0",
        "ask",
        "More than 200.",
        "finance-ops",
        "A mistake would be dear before anybody saw it.",
    ),
]

REQUEST_RULES: Final[list[dict[str, Any]]] = [{**row, "position": 10 * n} for n, row in enumerate(_ALL, start=1)]
