"""What an address of the API needs of who calls it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from audit import clock

VIEW_RULES: Final = "rules.view_rules"
VIEW_ORDER: Final = "orders.view_order"
WORK_ORDER: Final = "orders.work_order"
VIEW_CASE: Final = "exceptions.view_case"
WORK_CASE: Final = "exceptions.work_case"
VIEW_SYSTEM: Final = "sync.view_system"
REASON: Final = {"reason": "Because it has to be."}
TODAY: Final = clock.now().isoformat()
TOMORROW: Final = (clock.now() + timedelta(days=1)).isoformat()
DAY: Final = clock.now().date().isoformat()
RUNBOOK: Final = {"body": "Take an umbrella.", "covers": [], "note": "There was none"}


@dataclass(frozen=True)
class Rule:
    """What a method of an address needs; `shared` records belong to no client."""

    permission: str
    body: dict[str, Any] | None = None
    shared: bool = False


GET_RULES: Final = {"GET": Rule(VIEW_RULES, shared=True)}
