"""What a shipped connector is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ShippedConnector:
    """A mapping for one topic of a vendor; a record of a file means its event where the condition `when` over `payload` holds."""

    slug: str
    name: str
    topic: str
    event_type: str
    mapping: Mapping[str, Any]
    when: str = ""
