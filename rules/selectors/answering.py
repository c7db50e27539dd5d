"""Contracts as those who answer for them see them: which are theirs, what waits for their act, what there is to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from rules.models import Contract, ContractVersion
from rules.selectors.contracts import contract_version, holds_slot, may_act_as
from rules.selectors.registry import contracts_for
from rules.states import ContractState, Slot

ACT_OF: Final = {ContractState.DRAFT.value: "publish", ContractState.DEPRECATED.value: "retire"}
WHY: Final = {
    ContractState.DRAFT.value: noop("Version %(number)s is written and not in force."),
    ContractState.DEPRECATED.value: noop("Version %(number)s was replaced and is still accepted."),
}


@dataclass(frozen=True)
class Waiting:
    """An act a contract waits for, and whose it is: `why` in words, `number` of the version where it is about one."""

    contract: Contract
    slot: Slot
    act: str
    why: str
    number: int | None = None


@dataclass(frozen=True)
class ContractRow:
    """A contract in the list, with what the reader answers for and the version in force."""

    contract: Contract
    slots: Sequence[Slot]
    in_force: int | None


@dataclass(frozen=True)
class ContractsPage:
    """What waits for the reader, and the contracts: the reader's own, or all of them."""

    waiting: Sequence[Waiting]
    rows: Sequence[ContractRow]
    shows_all: bool
    own_count: int
    all_count: int


@dataclass(frozen=True)
class VersionRow:
    """One version, and what can be done with it now: "publish", "retire" or nothing."""

    version: ContractVersion
    act: str


@dataclass(frozen=True)
class ContractPage:
    """One contract: who answers for what, what waits, and its versions with the schema of the one that is shown.

    `mine` is what the reader answers for, `open_to` for what the reader may act: admins also for others, but for what is risked.
    """

    contract: Contract
    mine: Sequence[Slot]
    open_to: Sequence[Slot]
    waiting: Sequence[Waiting]
    versions: Sequence[VersionRow]
    shown: ContractVersion | None
    schema: str


def contracts_page(*, by: Actor, shows_all: bool = False) -> ContractsPage:
    """The page. Raises `Refused` without the permission to see the rules."""
    found = [contract for contract in contracts_for(by) if contract.is_active]
    rows = [ContractRow(one, slots_of(by, one), _in_force(one)) for one in found]
    own = [row for row in rows if row.slots]
    shows_all = shows_all or not own
    waiting = [one for row in own for one in waiting_for(row.contract) if one.slot in row.slots]
    return ContractsPage(waiting, rows if shows_all else own, shows_all, len(own), len(rows))


def contract_page(*, by: Actor, name: str, number: int | None = None) -> ContractPage:
    """One contract, with the schema of this version, of the newest without one. Raises `Refused`, `NotFound`."""
    contract = whole_contract(by=by, name=name)
    versions = list(contract.versions.all())[::-1]
    shown = contract_version(contract, number) if number is not None else next(iter(versions), None)
    return ContractPage(
        contract=contract,
        mine=slots_of(by, contract),
        open_to=[slot for slot in Slot if may_act_as(by, contract, slot)],
        waiting=waiting_for(contract),
        versions=[VersionRow(one, ACT_OF.get(one.state, "")) for one in versions],
        shown=shown,
        schema=json.dumps(shown.schema, indent=2, ensure_ascii=False) if shown else "",
    )


def whole_contract(*, by: Actor, name: str) -> Contract:
    """The contract with its owners and versions. Raises `Refused`, `NotFound`."""
    backups = [f"{slot}__backup" for slot in Slot]
    found = contracts_for(by).select_related(*backups).filter(name=name).first()
    if found is None:
        raise NotFound(said("There is no contract %(name)s.", name=name[:80]))
    return found


def slots_of(by: Actor, contract: Contract) -> list[Slot]:
    """What of the contract the actor answers for, in person or in a team."""
    return [slot for slot in Slot if holds_slot(by, contract, slot)]


def waiting_for(contract: Contract) -> list[Waiting]:
    """What a contract (with its versions) waits for, of whoever answers for it."""
    found = [
        Waiting(contract, Slot.CONTRACT, ACT_OF[one.state], said(WHY[one.state], number=one.number), one.number)
        for one in contract.versions.all()
        if one.state in ACT_OF
    ]
    if not contract.runbook:
        found.append(
            Waiting(contract, Slot.EXECUTION, "runbook", said("Nobody has written what to do when it breaks."))
        )
    active = next((one for one in contract.versions.all() if one.state == ContractState.ACTIVE), None)
    if contract.risk_accepted_at is None:
        why = said("Nobody has said what is known to go wrong with it, and accepted that.")
        found.append(Waiting(contract, Slot.BUSINESS, "accept-risk", why))
    elif active is not None and active.updated_at > contract.risk_accepted_at:
        why = said("Version %(number)s came into force after its risk was accepted.", number=active.number)
        found.append(Waiting(contract, Slot.BUSINESS, "accept-risk", why))
    return found


def _in_force(contract: Contract) -> int | None:
    return next((one.number for one in contract.versions.all() if one.state == ContractState.ACTIVE), None)
