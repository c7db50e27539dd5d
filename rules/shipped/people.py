"""The calendars, owners and promises a new installation starts with."""

from __future__ import annotations

from datetime import time
from typing import Any, Final

WORKDAYS: Final = range(5)
MIDNIGHT: Final = time(0)

# slug: name, time zone, country and subdivision of its public holidays, opening hours by weekday
CALENDARS: Final[dict[str, dict[str, Any]]] = {
    "always": {
        "name": "Round the clock",
        "time_zone": "UTC",
        "hours": [(weekday, MIDNIGHT, MIDNIGHT) for weekday in range(7)],
    },
    "berlin-business": {
        "name": "Business hours Berlin",
        "time_zone": "Europe/Berlin",
        "country": "DE",
        "subdivision": "BE",
        "hours": [(weekday, time(8), time(18)) for weekday in WORKDAYS],
    },
    "london-business": {
        "name": "Business hours London",
        "time_zone": "Europe/London",
        "country": "GB",
        "subdivision": "ENG",
        "hours": [(weekday, time(9), time(17, 30)) for weekday in WORKDAYS],
    },
    "new-york-business": {
        "name": "Business hours New York",
        "time_zone": "America/New_York",
        "country": "US",
        "subdivision": "NY",
        "hours": [(weekday, time(9), time(17, 30)) for weekday in WORKDAYS],
    },
}

# slug: name, kind, backup, calendar
OWNERS: Final[dict[str, tuple[str, str, str, str]]] = {
    "client-success": ("Client Success", "team", "ops-team", "berlin-business"),
    "ops-team": ("Ops", "team", "ops-team-review", "berlin-business"),
    "ops-team-review": ("Ops Review", "team", "revenue-ops-review", "berlin-business"),
    "revenue-ops-review": ("Revenue Ops Review", "team", "ops-team-review", "berlin-business"),
    "logistics": ("Logistics", "team", "ops-team", "berlin-business"),
    "fulfillment-service-vendor": ("Fulfilment service vendor", "system", "ops-team-review", "always"),
    "support": ("Support", "team", "client-success", "berlin-business"),
    "finance-ops": ("Finance Ops", "team", "revenue-ops-review", "berlin-business"),
    "integrations": ("Integrations", "team", "ops-team", "berlin-business"),
}

# Who answers for what everything else rests on: that what is asked for is right, that it can be sent, that systems speak as agreed.
CONTENT_OWNER: Final = "client-success"
FULFILMENT_OWNER: Final = "ops-team"
EXECUTION_OWNER: Final = "integrations"

# slug: name, minutes, basis
SLAS: Final[dict[str, tuple[str, int, str]]] = {
    "exception-resolution": ("2 business hours", 120, "business"),
    "vendor-confirmation": ("60 min", 60, "wall"),
    "vendor-fallback": ("2 h to the fallback owner", 120, "wall"),
    "vendor-exception": ("2 h", 120, "wall"),
    "crm-tag": ("2 h after publish", 120, "wall"),
    "sales-enablement-deck": ("48 h after publish", 48 * 60, "wall"),
    "backup-takeover": ("48 h to the backup owner", 48 * 60, "wall"),
    "sync-delay": ("15 min", 15, "wall"),
    "sync-failure-p1": ("4 h", 4 * 60, "wall"),
    "sync-failure-p2": ("24 h", 24 * 60, "wall"),
    "exception-remediation": ("24 h", 24 * 60, "wall"),
    "content-draft": ("50 business hours", 50 * 60, "business"),
    "content-review": ("20 business hours", 20 * 60, "business"),
    "content-publish": ("10 business hours", 600, "business"),
    "content-follow-up": ("24 h after publish", 24 * 60, "wall"),
    "standard-dispatch": ("10 business hours", 600, "business"),
    "expedited-dispatch": ("4 business hours", 240, "business"),
    "vendor-shipping": ("20 business hours", 20 * 60, "business"),
    "override-review": ("24 h", 24 * 60, "wall"),
    "override-expiry": ("72 h after the review was due", 72 * 60, "wall"),
    "payment": ("3 days", 72 * 60, "wall"),
    "replenishment": ("30 business hours", 30 * 60, "business"),
    "carrier-delivery": ("50 business hours", 50 * 60, "business"),
}

# slug: name, exception type, severity, minutes to answer, SLA. A sync failure is due by how bad it is, whatever its type.
SLA_TARGETS: Final[dict[str, tuple[str, str, str, int, str]]] = {
    "delivery-failure-p2": ("A system could not be reached, P2", "delivery-failure", "P2", 120, "sync-failure-p2"),
    "sync-lag-p2": ("A system is not told in time, P2", "sync-lag", "P2", 120, "sync-failure-p2"),
    "contract-violation-p1": ("Payload breaks its contract, P1", "contract-violation", "P1", 30, "sync-failure-p1"),
    "id-conflict-p1": ("The same id with different content, P1", "id-conflict", "P1", 30, "sync-failure-p1"),
}

# Who has what rests in a status, when no rule says otherwise.
STATUSES: Final[dict[str, str]] = {
    "awaiting_payment": "finance-ops",
    "payment_authorised": "finance-ops",
    "partly_paid": "finance-ops",
    "paid": "ops-team",
    "quarantined": "integrations",
    "address_invalid": "client-success",
    "manual_review": "revenue-ops-review",
    "paid_no_stock": FULFILMENT_OWNER,
    "partly_fulfilled": FULFILMENT_OWNER,
    "in_fulfilment": "ops-team",
    "vendor_refused": "ops-team-review",
    "carrier_rejected": "logistics",
    "on_hold": "ops-team",
    "rerouting": "ops-team-review",
    "change_undecided": "client-success",
    "cancel_undecided": "logistics",
    "partly_shipped": "logistics",
    "shipped": "logistics",
    "delivered": "support",
    "return_announced": "support",
    "partly_returned": "support",
    "returned": "support",
    "returning": "logistics",
    "cancelled": "support",
    "merged": "support",
}
