"""States and closed lists of choices, importable by anything."""

from django.db import models


class OwnerKind(models.TextChoices):
    """Who can be accountable."""

    PERSON = "person", "Person"
    TEAM = "team", "Team"
    SYSTEM = "system", "System"


class Assignment(models.TextChoices):
    """How what comes to a team finds one of its people."""

    QUEUE = "queue", "People take it from the team's queue"
    LEAST_LOAD = "least_load", "Who is there and has the least open work gets it"


class OutOfReach(models.TextChoices):
    """Why nobody is behind an owner."""

    SWITCHED_OFF = "switched_off", "is switched off as an owner"
    ENDED = "ended", "was owner until a time that has passed"
    LEFT = "left", "has left: the account is switched off"
    EMPTY = "empty", "has neither people nor an address"


class SlaBasis(models.TextChoices):
    """What an SLA's minutes are counted in."""

    WALL = "wall", "Wall clock"
    BUSINESS = "business", "Business hours"


class FlowKind(models.TextChoices):
    """The ways a line of an order can be fulfilled."""

    WAREHOUSE = "warehouse", "Warehouse pick and pack"
    DROP_SHIP = "drop_ship", "Vendor drop-ship"
    MANUAL_REVIEW = "manual_review", "Manual review"


class GateRisk(models.TextChoices):
    """What can go wrong when a gate is opened for a while."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class Severity(models.TextChoices):
    """How bad an exception is."""

    P1 = "P1", "P1"
    P2 = "P2", "P2"
    P3 = "P3", "P3"


class Route(models.TextChoices):
    """The four next steps an exception can take."""

    RETRY = "retry", "Retry"
    REROUTE = "reroute", "Reroute"
    ESCALATE = "escalate", "Escalate to a person"
    CANCEL = "cancel", "Cancel"


TRIAGE = "triage"  # the kind of every failure whose own kind the rule book does not know


class Direction(models.TextChoices):
    """Which way the payloads of a contract travel."""

    INBOUND = "inbound", "Inbound"
    OUTBOUND = "outbound", "Outbound"


class ContractState(models.TextChoices):
    """Life of one version of a contract."""

    DRAFT = "draft", "Draft"
    ACTIVE = "active", "Active"
    DEPRECATED = "deprecated", "Deprecated"
    RETIRED = "retired", "Retired"


class RunbookState(models.TextChoices):
    """Where one version of a runbook stands."""

    PROPOSED = "proposed", "Waits for its owner"
    CURRENT = "current", "In force"
    REPLACED = "replaced", "Replaced"
    REJECTED = "rejected", "Not taken"
    WITHDRAWN = "withdrawn", "Taken back"


class Covered(models.TextChoices):
    """What a runbook can be about."""

    TYPE = "type", "Kind of exception"
    CONTRACT = "contract", "Contract"
    FLOW = "flow", "Flow"
    ALERT = "alert", "Alert"


CONTRACT_ACCEPTING = (ContractState.ACTIVE, ContractState.DEPRECATED)


class Weekday(models.IntegerChoices):
    """Monday is 0, as in Python."""

    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class Slot(models.TextChoices):
    """The three who answer for a contract, each for something of their own."""

    CONTRACT = "contract_owner", "contract owner"
    EXECUTION = "execution_owner", "execution owner"
    BUSINESS = "business_owner", "business owner"
