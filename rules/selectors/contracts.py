"""Contracts ready to check payloads against."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any
from uuid import UUID

from audit import statements
from audit.arrays import text_array
from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from rules.contracts import CompiledContract, Violation
from rules.models import Contract, ContractVersion
from rules.states import CONTRACT_ACCEPTING, ContractState, Slot

Wanted = tuple[str, int | None]
ACCEPTING = ", ".join(f"'{state}'" for state in CONTRACT_ACCEPTING)
# Asked with every event: to put the same question together anew took longer than to answer it.
IN_FORCE = f"""
    SELECT contract.name, version.number, version.state, version.id
    FROM rules_contractversion version JOIN rules_contract contract ON contract.id = version.contract_id
    WHERE contract.name = ANY(%s::text[]) AND contract.is_active AND version.state IN ({ACCEPTING})
"""  # noqa: S608 -- our own states


def contracts(wanted: Collection[Wanted]) -> dict[Wanted, CompiledContract]:
    """For each (name, version) the active version of the contract, or the stated one while it is accepted; compiled once per process.

    One query for any number; what is not in force is not among the keys.
    """
    rows = statements.ask(IN_FORCE, [text_array([name for name, _ in wanted])])
    accepted: dict[Wanted, UUID] = {}
    for name, number, state, version_id in rows:
        accepted[name, number] = version_id
        if state == ContractState.ACTIVE:
            accepted[name, None] = version_id
    return {one: _compiled(accepted[one]) for one in set(wanted) if one in accepted}


def contract(name: str, version: int | None = None) -> CompiledContract:
    """As `contracts`, for one. Raises `NotFound` in the sender's words."""
    found = contracts([(name, version)]).get((name, version))
    if found is None:
        raise NotFound(not_in_force(name, version), code="unknown-contract")
    return found


def not_in_force(name: str, version: int | None) -> str:
    """Why there is no contract to hold a payload against, in the sender's words."""
    stated = "" if version is None else f" in version {version}"
    return f"There is no contract {name}{stated} in force."


def validate_payload(contract_name: str, version: int | None, payload: Any) -> list[Violation]:
    """Everything in which a payload breaks its contract; empty when it keeps it. Raises `NotFound`."""
    return contract(contract_name, version).violations(payload)


def redact(contract_name: str, version: int | None, payload: Any) -> Any:
    """The payload without personal and undeclared values. Raises `NotFound`."""
    return contract(contract_name, version).redact(payload)


@lru_cache(maxsize=256)
def _compiled(version_id: UUID) -> CompiledContract:
    # Only published versions come here, and those never change.
    row = ContractVersion.objects.only("schema", "pii").get(pk=version_id)
    return CompiledContract(row.schema, tuple(row.pii))


def contract_named(name: str) -> Contract:
    """The contract with its owners. Raises `NotFound`."""
    owners = ("contract_owner", "execution_owner", "business_owner")
    found = Contract.objects.select_related(*owners).filter(name=name).first()
    if found is None:
        raise NotFound(said("There is no contract %(name)s.", name=name[:80]))
    return found


def contract_version(contract: Contract, number: int) -> ContractVersion:
    """One version of a contract. Raises `NotFound`."""
    found = ContractVersion.objects.filter(contract=contract, number=number).first()
    if found is None:
        raise NotFound(said("%(contract)s has no version %(number)s.", contract=contract, number=number))
    return found


def holds_slot(by: Actor, contract: Contract, slot: Slot) -> bool:
    """Whether the actor answers for the contract as this: in person, or in the team that does."""
    return getattr(contract, f"{slot}_id") in by.owners


def may_act_as(by: Actor, contract: Contract, slot: Slot) -> bool:
    """Whether the actor may do what is this owner's: who holds the slot, and admins, but risk is accepted by its owner alone, in person."""
    holds = holds_slot(by, contract, slot)
    if slot == Slot.BUSINESS:
        return holds and by.kind == "person"
    return holds or by.may("rules.edit_rules")


def business_owners(names: Collection[str]) -> dict[str, str]:
    """Who decides between two who disagree about one of these contracts: name → owner's slug, in one query."""
    rows = Contract.objects.filter(name__in=names).values_list("name", "business_owner__slug")
    return dict(rows)
