"""What the shipped kinds of exceptions are spelled with."""

from __future__ import annotations

from typing import Any, Final

RESOLVED: Final = {"slug": "resolved", "label": "Solved, goes on"}
CANCELLED: Final = {"slug": "cancelled", "label": "Order cancelled"}
NOT_NEEDED: Final = {"slug": "discarded", "label": "Not needed any more"}
REROUTED: Final = {"slug": "rerouted", "label": "Sent another way"}


def ladder(*steps: tuple[int, str]) -> list[dict[str, Any]]:
    """Who gets it after so many minutes."""
    return [{"after_minutes": minutes, "to": to} for minutes, to in steps]


def step(kind: str, label: str, **more: Any) -> dict[str, Any]:
    """One step of a playbook."""
    return {"label": label, "kind": kind, **more}
