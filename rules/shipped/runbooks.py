"""The runbooks a new installation starts with. Their texts are documents anybody can read while the product is down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rules.shipped.contracts import CONTRACTS

TEXTS: Final = Path(__file__).resolve().parents[2] / "docs" / "runbooks"


@dataclass(frozen=True)
class ShippedRunbook:
    """A runbook: who decides about it, and what it is about (see `rules.runbooks`). `slug` names its text."""

    slug: str
    title: str
    owner: str
    covers: tuple[str, ...]

    @property
    def body(self) -> str:
        """The text without its heading, which is the title."""
        return (TEXTS / f"{self.slug}.md").read_text().partition("\n")[2].strip()


RUNBOOKS: Final = (
    ShippedRunbook(
        "escalation-stopped",
        "Escalation has stopped",
        "integrations",
        ("alert:broker", "alert:database", "alert:timers"),
    ),
    ShippedRunbook(
        "letters-not-sent",
        "Letters and messages do not go out",
        "integrations",
        ("alert:notifications",),
    ),
    ShippedRunbook(
        "messages-refused",
        "A message was refused",
        "integrations",
        ("type:contract-violation", "type:id-conflict", *(f"contract:{contract.name}" for contract in CONTRACTS)),
    ),
    ShippedRunbook(
        "system-not-reached",
        "A system cannot be reached, or is told too late",
        "integrations",
        ("alert:delivery", "alert:intake", "alert:sync", "type:delivery-failure", "type:sync-lag"),
    ),
    ShippedRunbook(
        "unforeseen-failure",
        "A failure nobody has foreseen",
        "ops-team-review",
        ("type:automation-failure", "type:triage"),
    ),
)
