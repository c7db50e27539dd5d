"""Contracts ready to check payloads against."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from audit.errors import NotFound
from rules.contracts import CompiledContract, Violation
from rules.models import ContractVersion
from rules.states import CONTRACT_ACCEPTING, ContractState


def contract(name: str, version: int | None = None) -> CompiledContract:
    """The active version of a contract, or the stated one while it is accepted; compiled once per process.

    Raises `NotFound` in the sender's words.
    """
    versions = ContractVersion.objects.filter(contract__name=name, contract__is_active=True)
    if version is None:
        found = versions.filter(state=ContractState.ACTIVE)
    else:
        found = versions.filter(number=version, state__in=CONTRACT_ACCEPTING)
    version_id = found.values_list("pk", flat=True).first()
    if version_id is None:
        stated = "" if version is None else f" in version {version}"
        raise NotFound(f"There is no contract {name}{stated} in force.", code="unknown-contract")
    return _compiled(version_id)


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
