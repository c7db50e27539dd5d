"""What flows declare of themselves, and what still keeps one from going live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import NotFound
from audit.words import listed, said
from rules.models import AssetKind, Contract, ExceptionType, Flow, OwnershipRule, Runbook
from rules.models.flows import DECLARED, REFERENCES, SYSTEMS
from rules.selectors.backups import without_backup
from rules.selectors.registry import flows_for
from rules.states import ContractState, FlowKind, RunbookState

RULES: Final = "routing_rule"
RULES_LABEL: Final = noop("Routing rule")
BEFORE_RULES: Final = "fallback"
NOT_SAID: Final = noop("Nobody has said it yet.")
# Kinds no rule chooses: what leads to them is there by itself.
CHOSEN_BY_KIND: Final = {FlowKind.REPLENISHMENT: noop("The least that has to lie in a place, of each product")}


@dataclass(frozen=True)
class Declaration:
    """One thing a flow says of itself before it goes live: what it is called, what is said, and what is wrong with that."""

    name: str
    label: str
    value: str
    problem: str = ""


@dataclass(frozen=True)
class Leads:
    """What leads to a flow: rules of the house and of clients, or kinds of content."""

    rules: Sequence[OwnershipRule]
    kinds: Sequence[AssetKind]

    @property
    def names(self) -> list[str]:
        """How they are called."""
        return [*(one.name for one in self.rules), *(one.name for one in self.kinds)]


def flow_called(by: Actor, slug: str) -> Flow:
    """The flow with all it names. Raises `Refused`, `NotFound`."""
    found = flows_for(by).select_related(*REFERENCES, "owner__backup", "sla").filter(slug=slug).first()
    if found is None:
        raise NotFound(said("There is no flow %(slug)s.", slug=slug[:80]))
    return found


def leading_to(flow: Flow, *, by: Actor | None = None) -> Leads:
    """What in use leads there; of clients only what exists for the actor, all of it without one."""
    named = ("owner__backup", "fallback", "rule_owner", "client")
    rules = OwnershipRule.objects.filter(flow=flow, is_active=True).select_related(*named).order_by("position", "slug")
    shown = [
        rule
        for rule in rules
        if by is None or by.clients is None or rule.client_id is None or by.reaches(rule.client_id)
    ]
    kinds = (
        AssetKind.objects.filter(flow=flow, is_active=True).order_by("slug") if flow.kind == FlowKind.CONTENT else ()
    )
    return Leads(shown, list(kinds))


def led_to() -> set[UUID]:
    """The flows that something in use leads to."""
    by_rule = OwnershipRule.objects.filter(is_active=True).values_list("flow", flat=True)
    by_content = AssetKind.objects.filter(is_active=True).values_list("flow", flat=True)
    by_themselves = Flow.objects.filter(kind__in=CHOSEN_BY_KIND).values_list("pk", flat=True)
    return {*by_rule, *by_content, *by_themselves}


def declarations(flow: Flow, *, by: Actor | None = None) -> list[Declaration]:
    """Everything it has to say before it goes live, in the order in which it happens."""
    return list(_declarations(flow, leading_to(flow, by=by)))


def _declarations(flow: Flow, leads: Leads) -> Iterator[Declaration]:
    gone = {error.pointer.removeprefix("/"): error.detail for error in without_backup(Flow, _owners(flow))}
    silent = set(flow.undeclared)
    for name, label in DECLARED.items():
        problem = NOT_SAID if name in silent else gone.get(name) or _out_of_use(name, getattr(flow, name))
        yield Declaration(name, label, "" if name in silent else _spelled(flow, name), problem)
        if name == BEFORE_RULES:
            led_by = CHOSEN_BY_KIND.get(FlowKind(flow.kind)) or (listed(leads.names) if leads.names else "")
            problem = "" if led_by else noop("Nothing leads to it: name it in a rule, or in a kind of content.")
            yield Declaration(RULES, RULES_LABEL, led_by, problem)


def _owners(flow: Flow) -> dict[str, Any]:
    return {name: getattr(flow, name) for name in ("owner", "fallback")}


def _spelled(flow: Flow, name: str) -> str:
    return str(getattr(flow, f"get_{name}_display")() if name in SYSTEMS else getattr(flow, name))


def _out_of_use(name: str, value: Any) -> str:
    """Why what is named is no answer: it is not in use itself."""
    if isinstance(value, Contract):
        in_force = value.is_active and value.versions.filter(state=ContractState.ACTIVE).exists()
        return "" if in_force else said("No version of %(name)s is in force.", name=value.name)
    if isinstance(value, Runbook):
        in_force = value.versions.filter(state=RunbookState.CURRENT).exists()
        return "" if in_force else said("No version of %(name)s is in force.", name=value.title)
    if isinstance(value, ExceptionType) or name == "sla":
        return "" if value.is_active else said("%(name)s is switched off.", name=value.name)
    return ""
