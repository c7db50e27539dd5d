"""States and closed lists of choices, importable by anything."""

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_noop as _


class OwnerKind(models.TextChoices):
    """Who can be accountable."""

    PERSON = "person", _("Person")
    TEAM = "team", _("Team")
    SYSTEM = "system", _("System")


class OpenWork(models.TextChoices):
    """What becomes of what somebody has open when they go away; what comes anew goes to who stands in, whatever this is."""

    BY_LENGTH = "", _("It moves when a long absence begins")
    KEEP = "keep", _("All of it stays")
    MOVE_NOW = "now", _("All of it moves now")
    MOVE_DUE = "due", _("What is due before its end moves when it begins")


class LineKind(models.TextChoices):
    """What a part of a client's business is."""

    BRAND = "brand", _("Brand")
    PRODUCT_LINE = "line", _("Product line")


class Assignment(models.TextChoices):
    """How what comes to a team finds one of its people."""

    QUEUE = "queue", _("People take it from the team's queue")
    LEAST_LOAD = "least_load", _("Who is there and has the least open work gets it")


class OutOfReach(models.TextChoices):
    """Why nobody is behind an owner."""

    SWITCHED_OFF = "switched_off", _("is switched off as an owner")
    ENDED = "ended", _("was owner until a time that has passed")
    LEFT = "left", _("has left: the account is switched off")
    EMPTY = "empty", _("has neither people nor an address")


class SlaBasis(models.TextChoices):
    """What an SLA's minutes are counted in."""

    WALL = "wall", _("Wall clock")
    BUSINESS = "business", _("Business hours")


class FlowKind(models.TextChoices):
    """The ways a line of an order can be fulfilled, and what follows when content is published or a shelf runs low."""

    WAREHOUSE = "warehouse", _("Warehouse pick and pack")
    DROP_SHIP = "drop_ship", _("Vendor drop-ship")
    MANUAL_REVIEW = "manual_review", _("Manual review")
    CONTENT = "content", _("Content follow-up")
    REPLENISHMENT = "replenishment", _("Replenishment")


SENDING = (FlowKind.WAREHOUSE, FlowKind.DROP_SHIP)


class FlowState(models.TextChoices):
    """Whether a flow may be chosen."""

    DRAFT = "draft", _("Not live yet")
    ACTIVE = "active", _("Live now")
    PAUSED = "paused", _("Paused")


class Layer(models.TextChoices):
    """What a system is for."""

    PIM = "pim", _("Product information")
    ERP = "erp", "ERP"
    STORE = "store", _("Store")
    MARKETPLACE = "marketplace", _("Marketplace")
    OMS = "oms", _("Order management")
    WMS = "wms", _("Warehouse")
    VENDOR = "vendor", _("Vendor portal")
    CARRIER = "carrier", _("Carrier")
    CRM = "crm", "CRM"
    PAYMENT = "payment", _("Payment provider")
    BILLING = "billing", _("Billing")
    ANALYTICS = "analytics", _("Analytics")
    CMS = "cms", _("Content system")
    DAM = "dam", _("Digital assets")
    LOCALIZATION = "localization", _("Localization")
    CDN = "cdn", "CDN"
    ADS = "ads", _("Ad platform")
    OTHER = "other", _("Other")


# Where orders come from: each of these tells of them and of what customers want changed.
SELLING = (Layer.STORE, Layer.MARKETPLACE, Layer.OMS)
HERE = "handrail"
# Whose word counts where two systems tell the same thing differently: ours, or that of a kind of system.
RECORD_KEEPERS = [(HERE, "Handrail"), *Layer.choices]


class CheckPoint(models.TextChoices):
    """The step of a parcel that a quality check comes before."""

    PICK = "pick", _("Before it is picked")
    BOOKING = "booking", _("Before it gets its label")
    HAND_OVER = "hand_over", _("Before the carrier takes it")


class CheckKind(models.TextChoices):
    """What a quality check compares."""

    SKU_LOT = "sku_lot", _("Product and lot")
    SCAN = "scan", _("Barcode or photo")
    CHECKLIST = "checklist", _("Packing checklist")
    MEASURE = "measure", _("Weight and size")
    LABEL = "label", _("Carrier's label")
    TRANSIT = "transit", _("Delivery date")


class PhotoRule(models.TextChoices):
    """Whether a photo is part of a quality check."""

    OPTIONAL = "optional", _("May be added")
    REQUIRED = "required", _("Has to be added")
    INSTEAD = "instead", _("Is enough, instead of scanning")


CHECK_POINTS = (CheckPoint.PICK, CheckPoint.BOOKING, CheckPoint.HAND_OVER)
POINT_OF_CHECK = {
    CheckKind.SKU_LOT: CheckPoint.PICK,
    CheckKind.SCAN: CheckPoint.BOOKING,
    CheckKind.CHECKLIST: CheckPoint.BOOKING,
    CheckKind.MEASURE: CheckPoint.BOOKING,
    CheckKind.LABEL: CheckPoint.HAND_OVER,
    CheckKind.TRANSIT: CheckPoint.HAND_OVER,
}


class GateRisk(models.TextChoices):
    """What can go wrong when a gate is opened for a while."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class Severity(models.TextChoices):
    """How bad an exception is."""

    P1 = "P1", "P1"
    P2 = "P2", "P2"
    P3 = "P3", "P3"


class Route(models.TextChoices):
    """The four next steps an exception can take."""

    RETRY = "retry", _("Retry")
    REROUTE = "reroute", _("Reroute")
    ESCALATE = "escalate", _("Escalate to a person")
    CANCEL = "cancel", _("Cancel")


class Wish(models.TextChoices):
    """What is asked of an order that is under way, or follows from that."""

    CANCEL = "cancel", _("Cancel")
    CHANGE = "change", _("Change lines")
    ADDRESS = "address", _("Send it elsewhere")
    RETURN = "return", _("Return")
    REFUND = "refund", _("Pay back")


class Answer(models.TextChoices):
    """What a rule says to what is asked."""

    AT_ONCE = "at_once", _("Done at once")
    EXPECT = "expect", _("Expect it back")
    ASK = "ask", _("Ask a person")
    REFUSE = "refuse", _("Refuse")


ANSWERS_TO: Mapping[str, tuple[str, ...]] = {
    Wish.CANCEL: (Answer.AT_ONCE, Answer.ASK),
    Wish.CHANGE: (Answer.AT_ONCE, Answer.ASK, Answer.REFUSE),
    Wish.ADDRESS: (Answer.AT_ONCE, Answer.ASK, Answer.REFUSE),
    Wish.RETURN: (Answer.EXPECT, Answer.ASK, Answer.REFUSE),
    Wish.REFUND: (Answer.AT_ONCE, Answer.ASK),
}


TRIAGE = "triage"  # the kind of every failure whose own kind the rule book does not know


class Direction(models.TextChoices):
    """Which way the payloads of a contract travel."""

    INBOUND = "inbound", _("Inbound")
    OUTBOUND = "outbound", _("Outbound")


class ContractState(models.TextChoices):
    """Life of one version of a contract."""

    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    DEPRECATED = "deprecated", _("Deprecated")
    RETIRED = "retired", _("Retired")


class RunbookState(models.TextChoices):
    """Where one version of a runbook stands."""

    PROPOSED = "proposed", _("Waits for its owner")
    CURRENT = "current", _("In force")
    REPLACED = "replaced", _("Replaced")
    REJECTED = "rejected", _("Not taken")
    WITHDRAWN = "withdrawn", _("Taken back")


class Covered(models.TextChoices):
    """What a runbook can be about."""

    TYPE = "type", _("Kind of exception")
    CONTRACT = "contract", _("Contract")
    FLOW = "flow", _("Flow")
    ALERT = "alert", _("Alert")


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

    CONTRACT = "contract_owner", _("contract owner")
    EXECUTION = "execution_owner", _("execution owner")
    BUSINESS = "business_owner", _("business owner")
