"""People: who stands in for whom, what they look at and how they are told. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import GET_RULES, REASON, TODAY, TOMORROW, VIEW_CASE, Rule

PEOPLE: Final[dict[str, dict[str, Rule]]] = {
    "ownership-gaps": GET_RULES,
    "rotation": {**GET_RULES, "POST": Rule("rules.edit_rules", {"kind": "flow", "slug": "manual-review"}, shared=True)},
    "temporary-ownerships": {
        **GET_RULES,
        "POST": Rule(
            "rules.manage_absence",
            {"what": "type:address", "holder": "logistics", "ends_at": TOMORROW, **REASON},
            shared=True,
        ),
    },
    "people": {"GET": Rule(VIEW_CASE)},
    "delegations": {
        "GET": Rule(VIEW_CASE),
        "POST": Rule("exceptions.decide_waiver", {"to": "mara", "starts_at": TODAY, "ends_at": TOMORROW, **REASON}),
    },
    "views": {
        "GET": Rule(VIEW_CASE),
        "POST": Rule(VIEW_CASE, {"page": "mine", "title": "Late", "query": "due=overdue"}),
    },
    "view-first": {"POST": Rule(VIEW_CASE, {"page": "mine"})},
    "notifications": {"GET": Rule(VIEW_CASE), "POST": Rule(VIEW_CASE, {"ids": []})},
    "notification-preferences": {"GET": Rule(VIEW_CASE), "POST": Rule(VIEW_CASE, {"digest_at": "08:00"})},
}
