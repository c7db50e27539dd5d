"""Contracts: what each of the three who answer for one may do, and nobody else.

The contract owner says what it means and puts versions in force, the execution owner writes the runbook, and the business owner accepts
what remains risky. Admins can do the first two; what is risked is the business owner's alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid, Refused, StaleVersion
from audit.services.events import record
from audit.texts import reason_given
from audit.words import said
from rules import selectors
from rules.contracts import check_schema
from rules.errors import ContractInUse
from rules.models import Contract, ContractVersion
from rules.states import ContractState, Slot

LONGEST_TEXT = 10_000


def draft_contract_version(
    *, contract: Contract, schema: Mapping[str, Any], pii: Sequence[str], by: Actor, now: datetime
) -> ContractVersion:
    """Write the next version of a contract. Raises `Invalid` with every place that is wrong, `Refused` for whose it is not."""
    with acting(by, at=now):
        refuse_unless_theirs(by=by, contract=contract, slot=Slot.CONTRACT)
        _refuse_unless_sound(schema, pii)
        latest = ContractVersion.objects.filter(contract=contract).order_by("-number").first()
        version = ContractVersion.objects.create(
            contract=contract, number=latest.number + 1 if latest else 1, schema=dict(schema), pii=list(pii)
        )
        record("contract.drafted", subject=version, contract=contract.name, number=version.number)
    return version


def publish_contract_version(
    *, version_id: UUID, by: Actor, now: datetime, reason: str | None = None, seen: int | None = None
) -> ContractVersion:
    """Put a draft in force; the version before it is deprecated and still accepted.

    `reason` is None where nobody was asked for one. Raises `Invalid` when the schema is unsound or the reason too short, `ContractInUse`
    when the version was published before, `StaleVersion` when it is not as it was looked at.
    """
    with acting(by, at=now):
        version, why = _locked(version_id, by, reason, seen), reason or ""
        name = version.contract.name
        if version.state != ContractState.DRAFT:
            raise ContractInUse(said("%(version)s is already published.", version=version))
        _refuse_unless_sound(version.schema, version.pii)
        active = ContractVersion.objects.select_for_update().filter(
            contract=version.contract_id, state=ContractState.ACTIVE
        )
        for previous in active:
            previous.deprecate()
            previous.save()
            record("contract.deprecated", subject=previous, reason=why, contract=name, number=previous.number)
        version.activate()
        version.save()
        record("contract.published", subject=version, reason=why, contract=name, number=version.number)
    return version


def retire_contract_version(
    *, version_id: UUID, by: Actor, now: datetime, reason: str | None = None, seen: int | None = None
) -> ContractVersion:
    """Stop accepting a deprecated version. Raises `IllegalTransition` for any other, else as `publish_contract_version`."""
    with acting(by, at=now):
        version = _locked(version_id, by, reason, seen)
        if version.state != ContractState.DEPRECATED:
            raise IllegalTransition(
                said(
                    "%(version)s is %(state)s; only a deprecated one retires.",
                    version=version,
                    state=version.get_state_display().lower(),
                )
            )
        version.retire()
        version.save()
        name, why = version.contract.name, reason or ""
        record("contract.retired", subject=version, reason=why, contract=name, number=version.number)
    return version


def _locked(version_id: UUID, by: Actor, reason: str | None, seen: int | None) -> ContractVersion:
    version = ContractVersion.objects.select_for_update(of=("self",)).select_related("contract").get(pk=version_id)
    refuse_unless_theirs(by=by, contract=version.contract, slot=Slot.CONTRACT)
    if reason is not None:
        reason_given(reason)
    if seen not in {None, version.version}:
        raise StaleVersion(
            said("%(version)s was changed since you looked at it. Look again, then decide.", version=version)
        )
    return version


def describe_contract(*, name: str, description: str, by: Actor, now: datetime, seen: int | None = None) -> Contract:
    """Say anew what a contract means. Raises `Invalid` for nothing said, `Refused`, `NotFound`, `StaleVersion`."""
    return _write(name, Slot.CONTRACT, "contract.described", {"description": _said(description)}, by, now, seen)


def write_runbook(*, name: str, runbook: str, by: Actor, now: datetime, seen: int | None = None) -> Contract:
    """Say what to do when a contract breaks, and what runs by itself. Raises as `describe_contract`."""
    return _write(name, Slot.EXECUTION, "contract.runbook_written", {"runbook": _said(runbook)}, by, now, seen)


def accept_contract_risk(*, name: str, risk: str, by: Actor, now: datetime, seen: int | None = None) -> Contract:
    """Accept in person what is known to go wrong with a contract; the last word stands. Raises as `describe_contract`."""
    accepted = {
        "residual_risk": _said(risk),
        "risk_accepted_at": now,
        "risk_accepted_by": by.id,
        "risk_accepted_by_name": by.name,
    }
    return _write(name, Slot.BUSINESS, "contract.risk_accepted", accepted, by, now, seen)


def _write(
    name: str, slot: Slot, event: str, fields: Mapping[str, Any], by: Actor, now: datetime, seen: int | None
) -> Contract:
    with acting(by, at=now):
        contract = selectors.contract_named(name)
        refuse_unless_theirs(by=by, contract=contract, slot=slot)
        contract = Contract.objects.select_for_update().get(pk=contract.pk)
        if seen not in {None, contract.version}:
            raise StaleVersion(
                said("%(contract)s was changed since you looked at it. Look again, then decide.", contract=contract)
            )
        for field, value in fields.items():
            setattr(contract, field, value)
        contract.save()
        record(event, subject=contract, changes={}, fields=sorted(fields))
    return contract


def refuse_unless_theirs(*, by: Actor, contract: Contract, slot: Slot) -> None:
    """Raise `Refused`, naming whose it is, unless the actor may do what is this owner's."""
    require(by, "rules.view_rules")
    if selectors.may_act_as(by, contract, slot):
        return
    owner = getattr(contract, slot).name
    if slot == Slot.BUSINESS:
        raise Refused(
            said("Only the business owner of %(contract)s accepts its risk: %(owner)s.", contract=contract, owner=owner)
        )
    raise Refused(
        said(
            "Only the %(label)s of %(contract)s does this: %(owner)s.", label=slot.label, contract=contract, owner=owner
        ),
        permission="rules.edit_rules",
    )


def _said(text: str) -> str:
    return reason_given(text, field="text", longest=LONGEST_TEXT)


def _refuse_unless_sound(schema: Any, pii: Sequence[str]) -> None:
    found = check_schema(schema, pii)
    if found:
        errors = [FieldError(violation.pointer, "unsound-schema", violation.detail) for violation in found]
        raise Invalid("This schema cannot be a contract: " + " ".join(error.detail for error in errors), errors=errors)
