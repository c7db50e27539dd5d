"""Everything configured, for who may see the rules. What is of one client exists for those who work for it."""

from django.db.models import Model, Prefetch, Q, QuerySet

from audit.access import require
from audit.context import Actor
from audit.errors import NotFound
from rules.models import (
    AssetKind,
    Client,
    Contract,
    ContractVersion,
    Decision,
    ExceptionType,
    Flow,
    Gate,
    Owner,
    OwnershipRule,
    RuleBookVersion,
)
from rules.models.flows import REFERENCES
from rules.selectors.people import clients_of

PERMISSION = "rules.view_rules"


def clients_for(by: Actor) -> QuerySet[Client]:
    """The clients that exist for the actor. Raises `Refused` without the permission, as all of these do."""
    require(by, PERMISSION)
    return clients_of(by)


def owners_for(by: Actor) -> QuerySet[Owner]:
    """Everyone who can be accountable."""
    require(by, PERMISSION)
    return Owner.objects.select_related("backup", "calendar", "team").order_by("slug")


def flows_for(by: Actor) -> QuerySet[Flow]:
    """The ways from trigger to outcome."""
    require(by, PERMISSION)
    return Flow.objects.select_related("owner", "sla", *REFERENCES).order_by("slug")


def rules_for(by: Actor) -> QuerySet[OwnershipRule]:
    """The ownership rules of the house and of the actor's clients as they are edited; what decides is in the rule books."""
    require(by, PERMISSION)
    named = ("client", "line", "owner", "flow", "sla", "fallback", "rule_owner")
    rules = OwnershipRule.objects.select_related(*named).order_by("position", "slug")
    return rules if by.clients is None else rules.filter(Q(client=None) | Q(client_id__in=by.clients))


def is_of_house_or_reached(by: Actor, record: Model) -> bool:
    """Whether a configured record exists for the actor: of the house, or of one of the actor's clients."""
    client_id = getattr(record, "client_id", None)
    return client_id is None or by.reaches(client_id)


def books_for(by: Actor) -> QuerySet[RuleBookVersion]:
    """The frozen rule books."""
    require(by, PERMISSION)
    return RuleBookVersion.objects.defer("document").order_by("-number")


def contracts_for(by: Actor) -> QuerySet[Contract]:
    """The contracts with their versions."""
    require(by, PERMISSION)
    versions = Prefetch("versions", ContractVersion.objects.order_by("number"))
    owners = ("contract_owner", "execution_owner", "business_owner")
    return Contract.objects.select_related(*owners).prefetch_related(versions).order_by("name")


def decisions_for(by: Actor) -> QuerySet[Decision]:
    """Decisions about the actor's clients."""
    require(by, PERMISSION)
    decisions = Decision.objects.select_related("client", "book").defer("book__document").order_by("-at", "-id")
    return decisions if by.clients is None else decisions.filter(client_id__in=by.clients)


def exception_types() -> QuerySet[ExceptionType]:
    """The kinds of exception there are."""
    return ExceptionType.objects.order_by("slug")


def asset_kinds() -> QuerySet[AssetKind]:
    """The kinds of content there are."""
    return AssetKind.objects.order_by("slug")


def gates() -> QuerySet[Gate]:
    """The gates a time-limited exception can open."""
    return Gate.objects.order_by("slug")


def gates_for(by: Actor) -> QuerySet[Gate]:
    """All of them, with who answers for what each asks for; they are of the house. Raises `Refused` without the permission."""
    require(by, PERMISSION)
    return Gate.objects.select_related("content_owner").order_by("slug")


def gate_called(slug: str) -> Gate:
    """The gate. Raises `NotFound`."""
    found = Gate.objects.select_related("content_owner").filter(slug=slug).first()
    if found is None:
        raise NotFound("There is no such gate.")
    return found


def may_describe(by: Actor, gate: Gate) -> bool:
    """Whether the actor says what the gate asks for: as its content owner, in person or in the team that is it, or as an admin."""
    return gate.content_owner_id in by.owners or by.may("rules.edit_rules")
