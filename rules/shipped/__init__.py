"""What a new installation starts with, as data."""

from rules.shipped.contracts import CONTRACTS, ShippedContract
from rules.shipped.exception_types import EXCEPTION_TYPES
from rules.shipped.people import CALENDARS, EXECUTION_OWNER, OWNERS, SLA_TARGETS, SLAS, STATUSES
from rules.shipped.routing import FLOWS, GATES, RULES
from rules.shipped.runbooks import RUNBOOKS, ShippedRunbook

__all__ = [
    "CALENDARS",
    "CONTRACTS",
    "EXCEPTION_TYPES",
    "EXECUTION_OWNER",
    "FLOWS",
    "GATES",
    "OWNERS",
    "RULES",
    "RUNBOOKS",
    "SLAS",
    "SLA_TARGETS",
    "STATUSES",
    "ShippedContract",
    "ShippedRunbook",
]
