"""What a new installation starts with, as data."""

from rules.shipped.contracts import CONTRACTS, ShippedContract
from rules.shipped.exception_types import EXCEPTION_TYPES
from rules.shipped.people import CALENDARS, OWNERS, SLAS, STATUSES
from rules.shipped.routing import FLOWS, GATES, RULES

__all__ = [
    "CALENDARS",
    "CONTRACTS",
    "EXCEPTION_TYPES",
    "FLOWS",
    "GATES",
    "OWNERS",
    "RULES",
    "SLAS",
    "STATUSES",
    "ShippedContract",
]
