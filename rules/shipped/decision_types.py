"""The kinds of exceptions in which somebody decides what is done about an order: a late wish, a return, money."""

from __future__ import annotations

from typing import Any, Final

from rules.shipped.steps import CANCELLED, RESOLVED, ladder, step

DECISION_TYPES: Final[dict[str, dict[str, Any]]] = {
    "late-cancellation": {
        "name": "Cancelled when it was off the shelf already",
        "owner": "logistics",
        "severity": "P1",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 30,
        "route": "escalate",
        "route_after_minutes": 30,
        "fallback": "ops-team",
        "fallback_after_minutes": 30,
        "ladder": ladder((30, "backup"), (60, "owner:ops-team-review")),
        "playbook": [
            step("check", "See on the order's page how far each line has come"),
            step("record", "Ask the warehouse or the carrier what can still be done", fields=["spoke_to", "answer"]),
            step("decide", "Stop it in the house, call it back, or let it go to the customer"),
        ],
        "acceptance": [{"label": "Whoever has the parcel knows what is done with it", "check": "person"}],
        "outcomes": [
            {"slug": "stop", "label": "Stopped in the house"},
            {"slug": "recall", "label": "Called back from the carrier"},
            {"slug": "let-go", "label": "Goes to the customer after all"},
        ],
        "weight_eur": 150,
    },
    "late-change": {
        "name": "Changed when it was off the shelf already",
        "owner": "client-success",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 30,
        "route": "escalate",
        "route_after_minutes": 30,
        "fallback": "ops-team",
        "fallback_after_minutes": 60,
        "ladder": ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            step("check", "Compare what is asked with what is packed"),
            step(
                "record",
                "Ask the warehouse whether the parcel can be opened or labelled anew",
                fields=["spoke_to", "answer"],
            ),
            step("decide", "Do as asked, or leave it as it was ordered and tell the customer"),
        ],
        "acceptance": [{"label": "The customer knows what comes, and where", "check": "person"}],
        "outcomes": [
            {"slug": "accept", "label": "Changed as asked"},
            {"slug": "let-go", "label": "Left as it was"},
        ],
        "weight_eur": 100,
    },
    "return-request": {
        "name": "Return asked for after its time",
        "owner": "support",
        "severity": "P3",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 240,
        "route": "escalate",
        "route_after_minutes": 240,
        "fallback": "client-success",
        "fallback_after_minutes": 240,
        "ladder": ladder((240, "backup"), (480, "owner:ops-team-review")),
        "playbook": [
            step("check", "See when it was delivered, and why the customer sends it back"),
            step("decide", "Take it back all the same, or decline and say why"),
        ],
        "acceptance": [{"label": "The customer was told", "check": "person"}],
        "outcomes": [
            {"slug": "expect", "label": "Taken back"},
            {"slug": "let-go", "label": "Declined"},
        ],
        "weight_eur": 60,
    },
    "refund-decision": {
        "name": "Money to be paid back",
        "owner": "finance-ops",
        "severity": "P2",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 240,
        "route": "escalate",
        "route_after_minutes": 240,
        "fallback": "revenue-ops-review",
        "fallback_after_minutes": 240,
        "ladder": ladder((240, "backup"), (480, "owner:revenue-ops-review")),
        "playbook": [
            step("check", "Compare what came back or was cancelled with what was paid"),
            step("decide", "Pay it back, or decline and say why"),
        ],
        "acceptance": [{"label": "The amount is right", "check": "person"}],
        "outcomes": [
            {"slug": "approved", "label": "To be paid back"},
            {"slug": "declined", "label": "Not paid back"},
        ],
        "weight_eur": 120,
    },
    "payment-mismatch": {
        "name": "Payment does not fit the order",
        "owner": "finance-ops",
        "severity": "P2",
        "sla": "exception-remediation",
        "acknowledge_within_minutes": 120,
        "route": "escalate",
        "route_after_minutes": 120,
        "fallback": "revenue-ops-review",
        "fallback_after_minutes": 120,
        "ladder": ladder((120, "backup"), (240, "owner:revenue-ops-review")),
        "playbook": [
            step("check", "Compare the payments on the order's page with those of the payment service"),
            step("record", "Ask the payment service and note the answer", fields=["answer"]),
            step("decide", "Correct it there, or pay the difference back"),
        ],
        "acceptance": [{"label": "What was paid is what it costs, or the difference is explained", "check": "person"}],
        "outcomes": [RESOLVED, CANCELLED],
        "weight_eur": 100,
    },
}
