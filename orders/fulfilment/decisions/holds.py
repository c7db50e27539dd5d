"""Release conditions of holds: one expression for each kind."""

import json
from collections.abc import Mapping
from typing import Any

CONTEXT = "hold"


def condition_of(release_when: Mapping[str, Any]) -> str:
    """The expression over the context `hold` that lets go of a hold; empty where only a person or a reservation does.

    A hold for stock goes with the units that are set aside for it, never before: routing lets go of it in the same act.
    """
    if release_when["kind"] == "confirmation":
        return f"fulfilments.exists(f, f.key == {json.dumps(release_when['fulfilment'])} && f.confirmed)"
    if release_when["kind"] == "case":
        return f"!cases.exists(c, c.key == {json.dumps(release_when['case'])})"
    return str(release_when.get("when", ""))
