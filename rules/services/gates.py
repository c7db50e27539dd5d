"""Gates: what the content owner of one may do, and nobody else but an admin."""

from __future__ import annotations

from datetime import datetime

from audit.access import require
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid, Refused
from audit.texts import reason_given
from audit.words import said
from rules.models import Gate
from rules.selectors import registry
from rules.services.editing import save_edited

LONGEST_BLOCKS, LONGEST_NEEDS = 200, 1_000


def describe_gate(
    *, slug: str, blocks: str, needs: str, reason: str, by: Actor, now: datetime, seen: int | None = None
) -> Gate:
    """Say anew what a gate stops and what it asks for; the next rule book says so. How it is opened stays as it is.

    Its content owner does, in person or in the team that is it, or an admin. Raises `NotFound`, `Refused`, `Invalid` naming every text that
    is missing, too long or the same as before, and `StaleVersion` when it changed since it was `seen`.
    """
    with acting(by, at=now, reason=reason):
        require(by, registry.PERMISSION)
        gate = registry.gate_called(slug)
        if not registry.may_describe(by, gate):
            owner = gate.content_owner.name
            raise Refused(
                said("Only the content owner of “%(gate)s” does this: %(owner)s.", gate=gate, owner=owner),
                permission="rules.edit_rules",
            )
        why = reason_given(reason)
        told = {"blocks": blocks.strip(), "needs": needs.strip()}
        _refuse_unsound(gate, told)
        for field, text in told.items():
            setattr(gate, field, text)
        save_edited(
            edited=gate,
            by=by,
            now=now,
            seen=gate.version if seen is None else seen,
            reason=why,
            permission=registry.PERMISSION,
            told_as="gate.described",
        )
    return gate


def _refuse_unsound(gate: Gate, told: dict[str, str]) -> None:
    errors = [
        FieldError(f"/{field}", "out-of-range", said("Enter 1 to %(longest)s characters.", longest=longest))
        for field, longest in (("blocks", LONGEST_BLOCKS), ("needs", LONGEST_NEEDS))
        if not 1 <= len(told[field]) <= longest
    ]
    if not errors and told == {field: getattr(gate, field) for field in told}:
        errors.append(FieldError("/needs", "unchanged", "This is what the gate says already."))
    if errors:
        raise Invalid(" ".join(error.detail for error in errors), errors=errors)
