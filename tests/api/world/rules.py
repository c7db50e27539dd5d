"""The trail, clients and what admins edit. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import GET_RULES, REASON, RUNBOOK, VIEW_RULES, Rule

NEW_CLIENT: Final = {
    "template": "shipped:own-warehouse",
    "slug": "acme",
    "name": "Acme",
    "key_prefix": "AC",
    "currency": "EUR",
    "time_zone": "Europe/Vienna",
    "people": ["bo"],
    "dry_run": True,
    **REASON,
}
LINE: Final = {
    "slug": "robots",
    "name": "Robots",
    "kind": "brand",
    "owner": "logistics",
    "fallback": "ops-team",
    "flow": "warehouse-pick-pack",
    "sla": "expedited-dispatch",
    "channels": ["robots"],
    "dry_run": True,
    **REASON,
}
RULES: Final[dict[str, dict[str, Rule]]] = {
    "audit-events": {"GET": Rule("audit.view_trail")},
    "audit-event": {"GET": Rule("audit.view_trail")},
    "seals": {"GET": Rule("audit.verify", shared=True)},
    "seal": {"GET": Rule("audit.verify", shared=True)},
    "audit-verifications": {
        "GET": Rule("audit.verify", shared=True),
        "POST": Rule("audit.verify", {"from_start": False}, shared=True),
    },
    "audit-chains": {"GET": Rule("audit.verify")},
    "audit-records": {"GET": Rule("audit.view_trail")},
    "audit-token-check": {"POST": Rule("audit.verify", {"text": "no token"}, shared=True)},
    "clients": {"GET": Rule(VIEW_RULES)},
    "client": {"GET": Rule(VIEW_RULES)},
    "client-readiness": {"GET": Rule(VIEW_RULES)},
    "client-report": {"GET": Rule(VIEW_RULES)},
    "client-lines": {"POST": Rule("rules.edit_rules", LINE)},
    "set-up-templates": {"GET": Rule("rules.edit_rules")},
    "set-up": {"POST": Rule("rules.edit_rules", NEW_CLIENT, shared=True)},
    "owners": GET_RULES,
    "owner": GET_RULES,
    "flows": GET_RULES,
    "flow": GET_RULES,
    "flow-activate": {"POST": Rule("rules.edit_rules", REASON, shared=True)},
    "flow-pause": {"POST": Rule("rules.edit_rules", REASON, shared=True)},
    "gates": GET_RULES,
    "gate": GET_RULES,
    "rules": GET_RULES,
    "rule": GET_RULES,
    "rule-versions": {**GET_RULES, "POST": Rule("rules.freeze_rules", {"note": "Autumn"}, shared=True)},
    "rule-version": GET_RULES,
    "contracts": GET_RULES,
    "contract": GET_RULES,
    "runbooks": {
        "GET": Rule("rules.view_runbook", shared=True),
        "POST": Rule("rules.write_runbook", {"title": "Rain", "owner": "logistics", **RUNBOOK}, shared=True),
    },
    "runbook": {"GET": Rule("rules.view_runbook", shared=True)},
    "runbook-propose": {"POST": Rule("rules.write_runbook", {"base": 1, **RUNBOOK}, shared=True)},
    "runbook-read": {"POST": Rule("rules.view_runbook", {"number": 1}, shared=True)},
    "decisions": {"GET": Rule(VIEW_RULES)},
    "decision": {"GET": Rule(VIEW_RULES)},
}
