"""The flows, rules, gates and exception types a new installation starts with."""

from __future__ import annotations

from typing import Any, Final

from rules.shipped.people import CONTENT_OWNER

# slug: name, kind, owner, SLA
FLOWS: Final[dict[str, tuple[str, str, str, str]]] = {
    "warehouse-pick-pack": ("Warehouse pick and pack", "warehouse", "ops-team", "standard-dispatch"),
    "vendor-drop-ship": ("Vendor drop-ship", "drop_ship", "fulfillment-service-vendor", "vendor-confirmation"),
    "manual-review": ("Manual review", "manual_review", "revenue-ops-review", "exception-resolution"),
    "content-follow-up": ("Content follow-up", "content", "client-success", "content-follow-up"),
}

RULES: Final[list[dict[str, Any]]] = [
    {
        "slug": "high-risk-review",
        "name": "High risk goes to a person",
        "why": "An order that looks like fraud must not leave the house before somebody has looked at it.",
        "position": 10,
        "predicate": "fraud_score != null && fraud_score >= 70",
        "owner": "revenue-ops-review",
        "flow": "manual-review",
        "sla": "exception-resolution",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "rule_owner": "revenue-ops-review",
    },
    {
        "slug": "high-risk-account",
        "name": "High-risk accounts go to a person",
        "why": "Whoever has cheated us before gets nothing before somebody has looked at it, whatever the score says.",
        "position": 15,
        "predicate": 'segment == "high-risk"',
        "owner": "revenue-ops-review",
        "flow": "manual-review",
        "sla": "exception-resolution",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "rule_owner": "revenue-ops-review",
    },
    {
        "slug": "marketplace-preorder",
        "name": "Marketplace preorders go to the vendor",
        "why": "Marketplaces punish late confirmations, and only the vendor knows when a preorder arrives.",
        "position": 20,
        "predicate": 'channel == "marketplace" && lines.exists(l, l.sku_type == "preorder")',
        "owner": "fulfillment-service-vendor",
        "flow": "vendor-drop-ship",
        "sla": "vendor-confirmation",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "rule_owner": "ops-team-review",
    },
    {
        "slug": "vendor-stock",
        "name": "What the vendor stocks, the vendor ships",
        "why": "These items are never in our warehouse, so a picker would look for them in vain.",
        "position": 30,
        "predicate": 'lines.exists(l, l.sku_type == "drop_ship")',
        "owner": "fulfillment-service-vendor",
        "flow": "vendor-drop-ship",
        "sla": "vendor-confirmation",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "rule_owner": "ops-team-review",
    },
    {
        "slug": "expedited",
        "name": "Expedited orders are watched by logistics",
        "why": "The customer paid for speed; the carrier's collection is missed when nobody watches.",
        "position": 40,
        "predicate": 'delivery_sla == "expedited"',
        "owner": "logistics",
        "flow": "warehouse-pick-pack",
        "sla": "expedited-dispatch",
        "fallback": "ops-team",
        "fallback_after_minutes": 120,
        "rule_owner": "logistics",
    },
    {
        "slug": "key-accounts",
        "name": "Key accounts are owned by Client Success",
        "why": "These customers were promised one person who answers.",
        "position": 50,
        "predicate": 'segment in ["vip", "key-account"]',
        "owner": "client-success",
        "flow": "warehouse-pick-pack",
        "sla": "standard-dispatch",
        "fallback": "ops-team",
        "fallback_after_minutes": 120,
        "rule_owner": "client-success",
    },
    {
        "slug": "everything-else",
        "name": "Everything else is picked and packed by us",
        "why": "No order may be without an owner.",
        "position": 1000,
        "predicate": "true",
        "owner": "ops-team",
        "flow": "warehouse-pick-pack",
        "sla": "standard-dispatch",
        "fallback": "ops-team-review",
        "fallback_after_minutes": 120,
        "rule_owner": "ops-team",
        "is_default": True,
    },
]

# slug: name, blocks, needs, who answers for it, at most this many hours, who approves, risk, hours in an emergency
GATES: Final[dict[str, tuple[str, str, str, str, int, str, str, int]]] = {
    "ship-despite-open-case": (
        "Ship despite an open case",
        "An order with an open address, quality or risk case is not handed to the warehouse or the carrier.",
        "An address that passes the check, and the answer of whoever has the case.",
        CONTENT_OWNER,
        48,
        "ops_lead",
        "medium",
        4,
    ),
    "skip-vendor-confirmation": (
        "Skip the vendor's confirmation",
        "A vendor's task is not taken as accepted before the vendor has confirmed it.",
        "The vendor's confirmation, by message or entered by hand with who said so.",
        "ops-team-review",
        24,
        "ops_lead",
        "low",
        4,
    ),
    "skip-quality-check": (
        "Go on without a quality check",
        "A parcel is not picked, labelled or handed over before it has passed its quality checks.",
        "Every check that is due is done and passed; what failed is put right and checked again.",
        "logistics",
        24,
        "ops_lead",
        "medium",
        2,
    ),
}
