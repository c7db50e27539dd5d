"""The kinds of exceptions a new installation knows, each with a named owner, a deadline and a way on."""

from __future__ import annotations

from typing import Any, Final

RESOLVED: Final = {"slug": "resolved", "label": "Solved, goes on"}
CANCELLED: Final = {"slug": "cancelled", "label": "Order cancelled"}
REROUTED: Final = {"slug": "rerouted", "label": "Sent another way"}


def _ladder(*steps: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"after_minutes": minutes, "to": to} for minutes, to in steps]


def _step(kind: str, label: str, **more: Any) -> dict[str, Any]:
    return {"label": label, "kind": kind, **more}


EXCEPTION_TYPES: Final[dict[str, dict[str, Any]]] = {
    "address": {
        "name": "Address cannot be delivered to",
        "owner": "client-success",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "retry",
        "fallback": "ops-team",
        "ladder": _ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            _step(
                "check",
                "Compare the address with what the customer wrote",
                how="The order's page shows the address as it came and what is wrong with it.",
            ),
            _step("record", "Ask the customer and note the answer", fields=["answer"]),
            _step(
                "do",
                "Correct the address",
                action="order.correct_address",
                fields=["recipient", "street", "postcode", "city", "region", "country"],
            ),
            _step("decide", "Accept the address as it is, or cancel the order"),
        ],
        "acceptance": [{"label": "The address passes the check", "check": "person"}],
        "outcomes": [RESOLVED, CANCELLED],
        "weight_eur": 120,
        "gate": "ship-despite-open-case",
    },
    "inventory": {
        "name": "Not enough stock",
        "owner": "ops-team",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "reroute",
        "fallback": "ops-team-review",
        "ladder": _ladder((60, "backup"), (120, "owner:revenue-ops-review")),
        "playbook": [
            _step("check", "Count the stock on the shelf"),
            _step("do", "Look again whether it is there now", action="order.look_again"),
            _step("decide", "Wait for stock, ship a part, or send it another way"),
            _step("record", "Tell the customer when it comes", fields=["promised"]),
        ],
        "acceptance": [{"label": "Every line is reserved, back-ordered or cancelled", "check": "person"}],
        "outcomes": [RESOLVED, REROUTED, CANCELLED],
        "weight_eur": 150,
    },
    "carrier-rejection": {
        "name": "Carrier refused the shipment",
        "owner": "logistics",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "reroute",
        "fallback": "ops-team",
        "ladder": _ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            _step("check", "Read the carrier's reason"),
            _step("do", "Give it to the warehouse again", action="order.resend_tasks"),
            _step("decide", "Repack, relabel or choose another carrier"),
        ],
        "acceptance": [{"label": "A carrier has taken the parcel", "check": "person"}],
        "outcomes": [RESOLVED, REROUTED, CANCELLED],
        "weight_eur": 100,
    },
    "vendor-no-confirmation": {
        "name": "Vendor did not confirm",
        "owner": "ops-team-review",
        "severity": "P1",
        "sla": "vendor-exception",
        "acknowledge_within_minutes": 30,
        "route": "escalate",
        "fallback": "revenue-ops-review",
        "ladder": _ladder((30, "backup"), (120, "owner:revenue-ops-review")),
        "playbook": [
            _step("check", "Look at the last three attempts to reach the vendor"),
            _step(
                "record",
                "Call the vendor and note who said what",
                how="The number of the vendor's desk is on the system's page. A promise counts only with a time.",
                fields=["spoke_to", "answer"],
            ),
            _step("do", "Send the task again", action="order.resend_tasks"),
            _step(
                "do",
                "Send it from our own warehouse",
                action="order.reroute_to_warehouse",
                when="1 in steps_done || 2 in steps_done",
                needs="a look at the attempts, or the vendor's word",
            ),
            _step("decide", "Wait, send it another way, or hold and tell the customer"),
        ],
        "acceptance": [{"label": "The vendor has confirmed, or the order goes another way", "check": "person"}],
        "outcomes": [RESOLVED, REROUTED, CANCELLED],
        "weight_eur": 200,
        "gate": "skip-vendor-confirmation",
    },
    "late-parcel": {
        "name": "A parcel is late",
        "owner": "logistics",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "escalate",
        "fallback": "ops-team",
        "ladder": _ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            _step(
                "check",
                "See which step is missing, and who has to take it",
                how="The order's page shows what was expected of each parcel, and what was seen.",
            ),
            _step("record", "Ask them and note the answer", fields=["spoke_to", "answer"]),
            _step("decide", "Wait, send it again, or cancel; tell the customer when the promised date is lost"),
        ],
        "acceptance": [{"label": "The missing step was seen, or the customer knows the new date", "check": "person"}],
        "outcomes": [RESOLVED, REROUTED, CANCELLED],
        "weight_eur": 80,
    },
    "high-risk-review": {
        "name": "High-risk order to be reviewed",
        "owner": "revenue-ops-review",
        "severity": "P1",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 30,
        "route": "escalate",
        "fallback": "ops-team-review",
        "ladder": _ladder((30, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            _step("check", "Compare payer, address and order history"),
            _step("decide", "Release the order or cancel it"),
        ],
        "acceptance": [{"label": "Somebody has decided, with a reason", "check": "person"}],
        "outcomes": [{"slug": "released", "label": "Looked at and released"}, CANCELLED],
        "weight_eur": 400,
        "gate": "ship-despite-open-case",
    },
    "contract-violation": {
        "name": "Payload breaks its contract",
        "owner": "integrations",
        "severity": "P2",
        "sla": "sync-failure-p2",
        "acknowledge_within_minutes": 120,
        "route": "retry",
        "fallback": "ops-team",
        "ladder": _ladder((120, "backup"), (240, "owner:ops-team-review")),
        "playbook": [
            _step("check", "Read which field breaks which contract"),
            _step("record", "Tell the sender what to change", fields=["told"]),
            _step("decide", "Replay the corrected event, or discard it with a reason"),
        ],
        "acceptance": [{"label": "The event was applied or discarded", "check": "person"}],
        "outcomes": [{"slug": "replayed", "label": "Replayed"}, {"slug": "discarded", "label": "Discarded"}],
        "weight_eur": 80,
    },
    "delivery-failure": {
        "name": "A system could not be reached",
        "owner": "integrations",
        "severity": "P1",
        "sla": "sync-failure-p1",
        "acknowledge_within_minutes": 30,
        "route": "retry",
        "fallback": "ops-team",
        "ladder": _ladder((30, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            _step("check", "Read the last three attempts"),
            _step("record", "Ask the system's owner and note the answer", fields=["answer"]),
            _step("decide", "Send again, or do it by hand and say so"),
        ],
        "acceptance": [{"label": "The message was delivered or is no longer needed", "check": "person"}],
        "outcomes": [
            {"slug": "replayed", "label": "Sent again"},
            {"slug": "discarded", "label": "Not needed any more"},
        ],
        "weight_eur": 100,
    },
    "ownership-gap": {
        "name": "Nobody could be found to own it",
        "owner": "ops-team-review",
        "severity": "P1",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 30,
        "route": "escalate",
        "fallback": "revenue-ops-review",
        "ladder": _ladder((30, "backup"), (60, "owner:revenue-ops-review")),
        "playbook": [
            _step(
                "check",
                "Read which rule could not be decided, and why",
                how="The decision on the order's page names the rule and the attribute that was missing.",
                required=True,
            ),
            _step("decide", "Name an owner, and correct the rule or the data"),
        ],
        "acceptance": [{"label": "It has an owner who knows", "check": "person"}],
        "outcomes": [RESOLVED, CANCELLED],
        "weight_eur": 120,
    },
    "id-conflict": {
        "name": "The same id with different content",
        "owner": "integrations",
        "severity": "P2",
        "sla": "sync-failure-p2",
        "acknowledge_within_minutes": 120,
        "route": "escalate",
        "fallback": "ops-team",
        "ladder": _ladder((120, "backup"), (240, "owner:ops-team-review")),
        "playbook": [
            _step(
                "check",
                "Compare both contents",
                how="Both are kept: the first in the record, the second with the refused event.",
                required=True,
            ),
            _step("decide", "Keep the first, or correct the record by hand"),
        ],
        "acceptance": [{"label": "One content is known to be right", "check": "person"}],
        "outcomes": [RESOLVED, {"slug": "discarded", "label": "Second content discarded"}],
        "weight_eur": 80,
    },
}
