"""What comes in from other systems and goes out to them. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import REASON, VIEW_ORDER, VIEW_SYSTEM, Rule

SYNC: Final[dict[str, dict[str, Rule]]] = {
    "events": {"GET": Rule(VIEW_SYSTEM)},
    "event": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letters": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letter": {"GET": Rule(VIEW_SYSTEM)},
    "dead-letter-replay": {"POST": Rule("sync.replay", REASON)},
    "dead-letter-discard": {"POST": Rule("sync.replay", REASON)},
    "dead-letter-plans": {"POST": Rule("sync.replay", {"action": "replay", "keys": ["DL-999999"]})},
    "outbox": {"GET": Rule(VIEW_SYSTEM)},
    "message": {"GET": Rule(VIEW_SYSTEM)},
    "runs": {"GET": Rule(VIEW_ORDER)},
    "run": {"GET": Rule(VIEW_ORDER)},
    "systems": {"GET": Rule(VIEW_SYSTEM)},
    "system": {"GET": Rule(VIEW_SYSTEM)},
    "system-lag": {"GET": Rule(VIEW_SYSTEM)},
    "system-pause": {"POST": Rule("sync.pause_system", REASON | {"until": "2026-11-20T12:00:00Z"})},
    "system-resume": {"POST": Rule("sync.pause_system", REASON)},
    "system-call": {"POST": Rule("sync.pause_system")},
}
