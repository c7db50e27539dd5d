"""How a contract is shipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ShippedContract:
    """A contract as it is shipped: name, direction, meaning, schema and personal pointers."""

    name: str
    direction: str
    description: str
    schema: dict[str, Any]
    pii: tuple[str, ...] = ()
    business_owner: str = "client-success"
