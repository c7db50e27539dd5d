"""Time-limited exceptions. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import REASON, VIEW_CASE, Rule

ASKED: Final = {
    "exception": "EX-…",
    "reason": "The customer confirmed the address by phone.",
    "plan": "It is corrected in the store meanwhile.",
    "minutes": 60,
    "owner": "client-success",
}
WAIVERS: Final[dict[str, dict[str, Rule]]] = {
    "time-limited-exceptions": {"GET": Rule(VIEW_CASE), "POST": Rule("exceptions.request_waiver", ASKED)},
    "time-limited-exception": {"GET": Rule(VIEW_CASE)},
    "waiver-approve": {"POST": Rule("exceptions.decide_waiver")},
    "waiver-extend": {
        "POST": Rule("exceptions.request_waiver", {"minutes": 30, "reason": "The carrier collects only tomorrow."})
    },
    "waiver-reject": {"POST": Rule("exceptions.decide_waiver", {"comment": "Not this time"})},
    "waiver-ask-for-more": {"POST": Rule("exceptions.decide_waiver", {"question": "Who said so?"})},
    "waiver-answer": {"POST": Rule("only who asked", {"answer": "The customer did"})},
    "waiver-withdraw": {"POST": Rule("only who asked", REASON)},
    "waiver-impact": {"GET": Rule(VIEW_CASE)},
    "waiver-edit": {
        "POST": Rule(
            "only who asked",
            {"minutes": 30, "reason": "The customer confirmed it by phone.", "plan": "Corrected today."},
        )
    },
    "waiver-roll-back": {"POST": Rule("exceptions.revoke_waiver", REASON)},
    "waiver-review": {"POST": Rule("exceptions.decide_waiver", {"verdict": "justified", "comment": "It was needed"})},
    "exception-break-glass": {
        "POST": Rule(
            "exceptions.break_glass",
            {
                "gate": "ship-despite-open-case",
                "minutes": 30,
                "reason": "The truck leaves in five minutes.",
                "plan": "The address is corrected today.",
                "confirm": "NW-1",
            },
        )
    },
    "decision-plans": {"POST": Rule("exceptions.decide_waiver", {"action": "deny", "keys": ["TLX-999999"]})},
    "waiver-uses": {"GET": Rule(VIEW_CASE)},
    "waiver-watch": {"POST": Rule(VIEW_CASE)},
    "waiver-unwatch": {"POST": Rule(VIEW_CASE)},
    "waiver-revoke": {"POST": Rule("exceptions.revoke_waiver", REASON)},
    "waiver-ask-client": {"POST": Rule("exceptions.request_waiver", {"contact": "Iris Vogt"})},
}
