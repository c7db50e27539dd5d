"""What should happen, as rows that admins edit; decisions read only what is frozen of them."""

from rules.models.books import Decision, RuleBookVersion
from rules.models.calendars import Calendar, Holiday, OpeningHours, Sla
from rules.models.clients import Client, ClientAccess, ProductLine, Team, TeamMember
from rules.models.content import AssetKind
from rules.models.contracts import Contract, ContractVersion
from rules.models.flows import Flow
from rules.models.lending import TemporaryOwnership
from rules.models.owners import Absence, Owner
from rules.models.quality import QualityCheck
from rules.models.routing import ExceptionType, Gate, HoldRule, OwnershipRule, RequestRule, StatusOwnership
from rules.models.runbooks import Runbook, RunbookReading, RunbookVersion
from rules.models.targets import SlaTarget
from rules.models.tokens import ApiToken, ApiTokenClient

__all__ = [
    "Absence",
    "ApiToken",
    "ApiTokenClient",
    "AssetKind",
    "Calendar",
    "Client",
    "ClientAccess",
    "Contract",
    "ContractVersion",
    "Decision",
    "ExceptionType",
    "Flow",
    "Gate",
    "HoldRule",
    "Holiday",
    "OpeningHours",
    "Owner",
    "OwnershipRule",
    "ProductLine",
    "QualityCheck",
    "RequestRule",
    "RuleBookVersion",
    "Runbook",
    "RunbookReading",
    "RunbookVersion",
    "Sla",
    "SlaTarget",
    "StatusOwnership",
    "Team",
    "TeamMember",
    "TemporaryOwnership",
]
