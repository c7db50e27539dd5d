"""One quality check of each kind to begin with, switched off until somebody says for which parcels; and the exceptions about them.

One opens when a check fails, one when nobody makes it, and one when nobody downstream confirms a handoff.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as noop

from rules.shipped.steps import RESOLVED, ladder, step

OUR_OWN: Final = 'flow_kind == "warehouse"'

QUALITY_CHECKS: Final[dict[str, dict[str, Any]]] = {
    "product-and-lot": {
        "name": noop("Product and lot"),
        "why": "A product that was taken from the wrong shelf, or a lot that is held back, is found before anybody packs it.",
        "kind": "sku_lot",
        "facts_max_age_days": 365,
        "returns_say": ["wrong lot", "expired", "recalled"],
        "remediation": "Put it back. Take the product and the lot that are named here; ask Ops when the shelf has none.",
    },
    "right-contents": {
        "name": noop("Right contents"),
        "why": "Customers get what they ordered, and as many of it.",
        "kind": "scan",
        "photo": "instead",
        "returns_say": ["wrong item", "wrong product", "missing item", "not what i ordered", "incomplete"],
        "remediation": "Put back what does not belong in the parcel, fetch what is missing, and scan everything again.",
    },
    "well-packed": {
        "name": noop("Well packed"),
        "why": "What is packed badly arrives broken.",
        "kind": "checklist",
        "position": 20,
        "items": ["Nothing is broken or dirty", "It cannot move inside the box", "The papers are in the box"],
        "returns_say": ["damaged", "broken", "dirty", "no invoice"],
        "remediation": "Unpack it, replace what is broken, and pack it again.",
    },
    "weight-and-size": {
        "name": noop("Weight and size"),
        "why": "A parcel that weighs too little lacks something; one that is too large is not collected.",
        "kind": "measure",
        "position": 30,
        "tolerance_percent": 5,
        "packaging_grams": 150,
        "returns_say": ["missing item", "incomplete", "empty"],
        "remediation": "Open the parcel, compare what is in it with the order, and measure it again.",
    },
    "right-label": {
        "name": noop("Right label"),
        "why": "A parcel with the label of another one reaches a stranger.",
        "kind": "label",
        "returns_say": ["wrong address", "wrong parcel", "not my order"],
        "remediation": "Take the label off, print it again, and scan the new one.",
    },
    "in-time": {
        "name": noop("Arrives in time"),
        "why": "The customer was told a day.",
        "kind": "transit",
        "position": 20,
        "returns_say": ["too late", "arrived late", "late delivery"],
        "remediation": "Book a faster service, or have Client Success agree another day with the customer.",
    },
}
for _check in QUALITY_CHECKS.values():
    _check.update(predicate=OUR_OWN, owner="logistics", is_active=False)

QUALITY_TYPES: Final[dict[str, dict[str, Any]]] = {
    "quality-check": {
        "name": noop("A quality check failed"),
        "owner": "logistics",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "escalate",
        "route_after_minutes": 60,
        "fallback": "ops-team",
        "fallback_after_minutes": 30,
        "ladder": ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            step(
                "check",
                "See what was expected and what was found",
                how="The order's page shows every check with its evidence, and what to do when it fails.",
            ),
            step("record", "Have it put right and note what was done", fields=["done"]),
            step("decide", "Have it checked again, cancel the order, or ask for a time-limited exception"),
        ],
        "acceptance": [{"label": "Every check that failed has been passed since", "check": "order.checks_pass"}],
        "outcomes": [RESOLVED],
        "weight_eur": 120,
        "gate": "skip-quality-check",
    },
    "quality-check-late": {
        "name": "Nobody has made a quality check",
        "owner": "logistics",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "escalate",
        "route_after_minutes": 60,
        "fallback": "ops-team",
        "fallback_after_minutes": 30,
        "ladder": ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            step(
                "check",
                "Find the parcel and who was to check it",
                how="The order's page names the check, since when it could be done and until when it was due.",
            ),
            step("record", "Note why nobody looked", fields=["why"]),
            step("decide", "Have it checked now, cancel the order, or ask for a time-limited exception"),
        ],
        "acceptance": [{"label": "No check of the order is late any more", "check": "order.checks_made"}],
        "outcomes": [RESOLVED],
        "weight_eur": 80,
        "gate": "skip-quality-check",
    },
    "handoff-unverified": {
        "name": "A handoff that nobody has confirmed",
        "owner": "logistics",
        "severity": "P2",
        "sla": "exception-resolution",
        "acknowledge_within_minutes": 60,
        "route": "escalate",
        "route_after_minutes": 60,
        "fallback": "ops-team",
        "fallback_after_minutes": 30,
        "ladder": ladder((60, "backup"), (120, "owner:ops-team-review")),
        "playbook": [
            step(
                "check",
                "Ask whoever should have the parcel whether they have it",
                how="The order's page shows under “Expected” what was said here and what no system has confirmed.",
            ),
            step("record", "Note who says so, and have their system send it", fields=["who"]),
            step("decide", "Wait for their system, send the parcel again, or ask for a time-limited exception"),
        ],
        "acceptance": [
            {
                "label": "A system downstream has confirmed the handoff, or a time-limited exception allows it",
                "check": "order.handoffs_verified",
                "unless": "waived",
            }
        ],
        "outcomes": [RESOLVED],
        "weight_eur": 100,
        "gate": "close-unverified-handoff",
    },
}
