"""Base of every record an operator can be asked about: versioned, with history no writer can avoid."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

from django.db import models
from django.db.models.base import ModelBase
from simple_history.models import HistoricalRecords

from audit.identifiers import uuid7
from audit.triggers import ACCOUNTABLE

M_co = TypeVar("M_co", bound=models.Model, covariant=True)
Changed = dict[str, tuple[Any, Any]]
# So many different new values are a statement each; beyond, one statement says for each row what it gets.
FEW_VALUES, EACH_BATCH = 4, 200


class HistoryRow(models.Model):
    """What every history row says beside the record's columns; all of it is written by the database."""

    history_actor = models.CharField(max_length=160)
    history_request_id = models.CharField(max_length=80)
    history_transaction = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.history_actor} {self.pk}"


class History(HistoricalRecords):  # type: ignore[misc]
    """History is read by record and written with every change: it keeps no index but that of the record."""

    def fields_included(self, model: type[models.Model]) -> list[Any]:
        """Every field but the generated ones: what the database computes, no history table can be told."""
        return [field for field in super().fields_included(model) if not field.generated]

    def copy_fields(self, model: type[models.Model]) -> dict[str, Any]:
        """As upstream, which indexes every relation and every slug."""
        fields: dict[str, Any] = super().copy_fields(model)
        for name in fields.keys() - {model._meta.pk.name}:
            fields[name].db_index = False
        return fields

    def get_extra_fields(self, model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
        """As upstream, which indexes who it was."""
        extra: dict[str, Any] = super().get_extra_fields(model, fields)
        extra["history_user"].db_index = False
        return extra


class AccountableQuerySet(models.QuerySet[M_co]):
    """Set-based writes count versions like any other write."""

    def update(self, **kwargs: Any) -> int:
        """As Django's, with the next version; the guard trigger refuses an update that forgets it."""
        return super().update(**{"version": models.F("version") + 1, **kwargs})

    update.alters_data = True  # type: ignore[attr-defined]

    def save_changes(self, records: "Sequence[Accountable]", *, at: datetime) -> None:
        """As `save()` of each, for locked records: one statement for all with the same new values.

        Where hardly two of them get the same values, those that change in the same columns share one.
        """
        alike: dict[tuple[str, ...], dict[str, list[tuple[Accountable, Changed]]]] = {}
        for record in records:
            changed = record.unsaved_changes()
            after = [pair[1] for pair in changed.values()]
            alike.setdefault(tuple(changed), {}).setdefault(repr(after), []).append((record, changed))
        for names, groups in alike.items():
            if len(groups) <= FEW_VALUES:
                for group in groups.values():
                    self._set_alike(group, at)
            else:
                self._set_each(names, [pair for group in groups.values() for pair in group], at)

    def _set_alike(self, group: "Sequence[tuple[Accountable, Changed]]", at: datetime) -> None:
        after = {name: pair[1] for name, pair in group[0][1].items()}
        self.filter(pk__in=[record.pk for record, _ in group]).update(**after, updated_at=at)
        for record, changed in group:
            record.note_saved(changed, at=at)

    def _set_each(self, names: Sequence[str], rows: "Sequence[tuple[Accountable, Changed]]", at: datetime) -> None:
        for record, _ in rows:
            record.updated_at = at
        self.bulk_update([record for record, _ in rows], [*names, "updated_at"], batch_size=EACH_BATCH)  # type: ignore[misc]
        for record, changed in rows:
            record.note_saved(changed, at=at)

    save_changes.alters_data = True  # type: ignore[attr-defined]


AccountableManager = models.Manager.from_queryset(AccountableQuerySet)


@cache
def _audited_columns(model: "type[Accountable]") -> tuple[str, ...]:
    """What events tell of: all that a person or the product sets."""
    fields = (field for field in model._meta.concrete_fields if not field.generated)
    return tuple(field.attname for field in fields if field.attname not in model.unaudited_fields)


class Accountable(models.Model):
    """A record with an identity, a version and a history.

    History rows are written by the database for every way of writing; an update must carry version + 1 and happen inside `acting()`;
    a row is never deleted.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = History(
        inherit=True,
        bases=[HistoryRow],
        history_id_field=models.BigAutoField(),
        history_change_reason_field=models.TextField(null=True),
        user_db_constraint=False,
    )
    objects = AccountableManager()

    skip_history_when_saving = True
    unaudited_fields: ClassVar[frozenset[str]] = frozenset({"version", "created_at", "updated_at"})

    class Meta:
        abstract = True
        triggers: ClassVar = ACCOUNTABLE

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **kwargs: Any) -> Self:
        """Remember the loaded values, so that an event can say before → after."""
        record = super().from_db(db, field_names, values, **kwargs)
        record._loaded = dict(zip(field_names, values, strict=False))
        return record

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Insert, or update with the next version; keeps what changed for the event that follows."""
        if not self._state.adding:
            self.version += 1
            if update_fields is not None:
                update_fields = {*update_fields, "version", "updated_at"}
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)
        self._note_changes()

    def unsaved_changes(self) -> dict[str, tuple[Any, Any]]:
        """What differs from the loaded row, as attribute → (before, after); nothing for a record that was never loaded."""
        before = getattr(self, "_loaded", {})
        if not before:
            return {}
        return {name: (before.get(name), value) for name, value in self._audited() if before.get(name) != value}

    def note_saved(self, changed: dict[str, tuple[Any, Any]], *, at: datetime) -> None:
        """Be what the row is now that a statement for many has written what was changed."""
        self.version, self.updated_at = self.version + 1, at
        self._last_changes = changed
        self._loaded = {**getattr(self, "_loaded", {}), **{name: after for name, (_, after) in changed.items()}}

    def _note_changes(self) -> None:
        self._last_changes = self.unsaved_changes()
        self._loaded = {**getattr(self, "_loaded", {}), **dict(self._audited())}

    def _audited(self) -> Iterator[tuple[str, Any]]:
        values = self.__dict__
        return ((name, values[name]) for name in _audited_columns(type(self)) if name in values)

    def last_changes(self) -> Mapping[str, tuple[Any, Any]]:
        """What the last `save()` changed, as attribute → (before, after); empty after an insert."""
        return getattr(self, "_last_changes", {})
