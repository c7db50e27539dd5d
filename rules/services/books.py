"""Freezing rule books."""

from __future__ import annotations

from datetime import datetime

from audit.access import require
from audit.canonical import canonical_json, sha256_hex
from audit.context import Actor, acting
from audit.errors import FieldError, Invalid
from audit.services.events import record
from rules import handlers, rulebook, selectors
from rules.models import RuleBookVersion


def freeze_rule_book(*, by: Actor, now: datetime, note: str = "") -> RuleBookVersion:
    """Make everything that is active now the rule book in force; nothing new to freeze gives the one in force.

    Raises `Invalid` naming every place of the document that leads nowhere, `Refused` without the permission.
    """
    with acting(by, at=now, reason=note):
        require(by, "rules.freeze_rules")
        current = RuleBookVersion.objects.select_for_update().filter(is_active=True).first()
        document = selectors.document_to_freeze(at=now)
        _refuse_unless_sound(document, now)
        digest = sha256_hex(canonical_json(document))
        if current is not None and current.sha256 == digest:
            return current
        if current is not None:
            current.is_active = False
            current.save(update_fields=["is_active"])
        book = RuleBookVersion.objects.create(
            number=current.number + 1 if current else 1,
            document=document,
            sha256=digest,
            frozen_at=now,
            frozen_by=by.id,
            note=note,
            is_active=True,
        )
        record("rules.frozen", subject=book, reason=note, number=book.number, sha256=digest)
        handlers.book_frozen(before=current.document if current else {}, after=document, now=now)
    return book


def _refuse_unless_sound(document: dict[str, object], now: datetime) -> None:
    found = rulebook.findings(document, at=now)
    if found:
        errors = [FieldError(finding.pointer, "unsound", finding.detail) for finding in found]
        raise Invalid("These rules cannot be frozen: " + " ".join(error.detail for error in errors), errors=errors)
