"""Whether whoever is named to answer for something is there, and has a backup who is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import ForeignKey, Model

from audit.errors import FieldError
from audit.words import said
from rules.models import Absence, Owner, TemporaryOwnership

# These name owners for a time; nobody answers for anything by them.
NOT_APPOINTING = (Absence, TemporaryOwnership)


def owner_fields(model: type[Model]) -> list[ForeignKey[Owner, Owner]]:
    """The columns of a record that say who answers for it."""
    if issubclass(model, NOT_APPOINTING):
        return []
    return [
        field for field in model._meta.concrete_fields if isinstance(field, ForeignKey) and field.related_model is Owner
    ]


def without_backup(model: type[Model], given: Mapping[str, Any]) -> list[FieldError]:
    """What is wrong with the owners among these values: switched off, or with a backup who is. Records that are switched off may stay."""
    return list(_mistakes(model, given)) if given.get("is_active", True) else []


def _mistakes(model: type[Model], given: Mapping[str, Any]) -> Iterator[FieldError]:
    for field in owner_fields(model):
        named = given.get(field.name)
        if named is None:
            continue
        if not named.is_active:
            yield FieldError(
                f"/{field.name}",
                "switched-off",
                said("%(name)s is switched off: name somebody who is there.", name=named.name),
            )
        elif not named.backup.is_active:
            detail = said(
                "%(name)s has no backup who is there: %(name_2)s is switched off. Name another backup first.",
                name=named.name,
                name_2=named.backup.name,
            )
            yield FieldError(f"/{field.name}", "no-backup", detail)
