"""What a new installation starts with, as data."""

from rules.shipped.clients import BACKUP, LINES_APART, LINES_FROM, OWN, TEMPLATES, ClientTemplate
from rules.shipped.content import ASSET_KINDS
from rules.shipped.contract import ShippedContract
from rules.shipped.contracts import CONTRACTS
from rules.shipped.exception_types import EXCEPTION_TYPES
from rules.shipped.people import CALENDARS, EXECUTION_OWNER, OWNERS, SLA_TARGETS, SLAS, STATUSES
from rules.shipped.quality import QUALITY_CHECKS
from rules.shipped.requests import REQUEST_CONTEXT, REQUEST_RULES
from rules.shipped.routing import FLOWS, GATES, RULES, SAYS_NOTHING
from rules.shipped.runbooks import RUNBOOKS, ShippedRunbook

__all__ = [
    "ASSET_KINDS",
    "BACKUP",
    "CALENDARS",
    "CONTRACTS",
    "EXCEPTION_TYPES",
    "EXECUTION_OWNER",
    "FLOWS",
    "GATES",
    "LINES_APART",
    "LINES_FROM",
    "OWN",
    "OWNERS",
    "QUALITY_CHECKS",
    "REQUEST_CONTEXT",
    "REQUEST_RULES",
    "RULES",
    "RUNBOOKS",
    "SAYS_NOTHING",
    "SLAS",
    "SLA_TARGETS",
    "STATUSES",
    "TEMPLATES",
    "ClientTemplate",
    "ShippedContract",
    "ShippedRunbook",
]
