"""What people call the records that events are about: by key, by one made of their number, by code or slug. One query for all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast

from audit.models import Accountable

Subject = tuple[str, str]
CALLED: Final = (
    "key",
    "number",
    "code",
    "slug",
)  # the first of these fields a model has is what its records are called by


def keys_of(subjects: Iterable[Subject]) -> Mapping[Subject, str]:
    """The key of each of these (type, id) that has one and is still there."""
    ids: dict[str, set[UUID]] = defaultdict(set)
    for kind, record in subjects:
        if _field_of(kind):
            ids[kind].add(UUID(record))
    asked = [_names(kind, wanted) for kind, wanted in sorted(ids.items())]
    if not asked:
        return {}
    first, *others = asked
    rows = first.union(*others, all=True) if others else first
    return {(kind, record): _key(kind, name) for kind, record, name in rows}


def _names(kind: str, ids: Iterable[UUID]) -> QuerySet[Any, tuple[str, str, str]]:
    found = apps.get_model(kind)._default_manager.filter(pk__in=list(ids)).order_by()
    named: QuerySet[Any, tuple[str, str, str]] = found.values_list(
        Value(kind, TextField()), Cast("pk", TextField()), Cast(_field_of(kind), TextField())
    )
    return named


@cache
def _field_of(kind: str) -> str:
    """The field its records are called by; empty for what has none, and for what nobody answers for."""
    try:
        model = apps.get_model(kind)
    except (LookupError, ValueError):
        return ""
    if not (issubclass(model, Accountable) and isinstance(model._meta.pk, models.UUIDField)):
        return ""
    names = {field.name for field in model._meta.concrete_fields}
    return next((name for name in CALLED if name in names and (name != "number" or hasattr(model, "key"))), "")


def _key(kind: str, name: str) -> str:
    if _field_of(kind) != "number":
        return name
    made_of: dict[str, Any] = {"number": int(name)}
    record: Any = apps.get_model(kind)(**made_of)
    return str(record.key)
