"""Publishing contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, IllegalTransition, Invalid
from audit.services.events import record
from rules.contracts import check_schema
from rules.errors import ContractInUse
from rules.models import Contract, ContractVersion
from rules.states import ContractState


def draft_contract_version(
    *, contract: Contract, schema: Mapping[str, Any], pii: Sequence[str], by: Actor, now: datetime
) -> ContractVersion:
    """Write the next version of a contract. Raises `Invalid` with every place that is wrong."""
    with acting(by, at=now):
        require(by, "rules.edit_rules")
        _refuse_unless_sound(schema, pii)
        latest = ContractVersion.objects.filter(contract=contract).order_by("-number").first()
        version = ContractVersion.objects.create(
            contract=contract, number=latest.number + 1 if latest else 1, schema=dict(schema), pii=list(pii)
        )
        record("contract.drafted", subject=version, contract=contract.name, number=version.number)
    return version


def publish_contract_version(*, version_id: UUID, by: Actor, now: datetime) -> ContractVersion:
    """Put a draft in force; the version before it is deprecated and still accepted.

    Raises `Invalid` when the schema is unsound, `ContractInUse` when the version was published before.
    """
    with acting(by, at=now):
        require(by, "rules.edit_rules")
        version = ContractVersion.objects.select_for_update(of=("self",)).select_related("contract").get(pk=version_id)
        if version.state != ContractState.DRAFT:
            raise ContractInUse(f"{version} is already published.")
        _refuse_unless_sound(version.schema, version.pii)
        active = ContractVersion.objects.select_for_update().filter(
            contract=version.contract_id, state=ContractState.ACTIVE
        )
        for previous in active:
            previous.deprecate()
            previous.save()
            record("contract.deprecated", subject=previous, contract=version.contract.name, number=previous.number)
        version.activate()
        version.save()
        record("contract.published", subject=version, contract=version.contract.name, number=version.number)
    return version


def retire_contract_version(*, version_id: UUID, by: Actor, now: datetime) -> ContractVersion:
    """Stop accepting a deprecated version. Raises `IllegalTransition` for one that is in force or a draft."""
    with acting(by, at=now):
        require(by, "rules.edit_rules")
        version = ContractVersion.objects.select_for_update(of=("self",)).select_related("contract").get(pk=version_id)
        if version.state != ContractState.DEPRECATED:
            raise IllegalTransition(
                f"{version} is {version.get_state_display().lower()}; only a deprecated one retires."
            )
        version.retire()
        version.save()
        record("contract.retired", subject=version, contract=version.contract.name, number=version.number)
    return version


def _refuse_unless_sound(schema: Any, pii: Sequence[str]) -> None:
    found = check_schema(schema, pii)
    if found:
        errors = [FieldError(violation.pointer, "unsound-schema", violation.detail) for violation in found]
        raise Invalid("This schema cannot be a contract: " + " ".join(error.detail for error in errors), errors=errors)
