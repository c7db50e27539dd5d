"""Writing many records in few statements, with the version check and the before → after that one `save()` would have made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from audit.errors import StaleVersion
from audit.models import Accountable
from audit.words import said

A = TypeVar("A", bound=Accountable)
COPY_FROM = 20
CHUNK = 5_000
# What these hold is written as it is; to ask every field of every record was a tenth of taking in an order.
AS_THEY_ARE: Final = {
    models.BigIntegerField,
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.ForeignKey,
    models.PositiveIntegerField,
    models.SlugField,
    models.TextField,
    models.UUIDField,
}


def insert_rows(records: Sequence[models.Model]) -> None:
    """Insert records of one model; from a few dozen on by COPY."""
    if not records:
        return
    if len(records) < COPY_FROM:
        type(records[0])._default_manager.bulk_create(records)
        return
    fields = [field for field in type(records[0])._meta.concrete_fields if not field.generated]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{records[0]._meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in zip(*(_prepared(field, records) for field in fields), strict=True):
            copy.write_row(row)
    for record in records:
        record._state.adding = False
        record._state.db = connection.alias


def _prepared(field: "models.Field[Any, Any]", records: Sequence[models.Model]) -> list[Any]:
    """The field of each new record, as the database is given it."""
    if (
        type(field) in AS_THEY_ARE
        and not getattr(field, "auto_now", False)
        and not getattr(field, "auto_now_add", False)
    ):
        return [vars(record)[field.attname] for record in records]
    return _spelled(field, [field.pre_save(record, add=True) for record in records])


def _spelled(field: "models.Field[Any, Any]", values: list[Any]) -> list[Any]:
    """Values of a field, as the database is given them."""
    if type(field) in AS_THEY_ARE:
        return values
    database = connections[DEFAULT_DB_ALIAS]
    return [field.get_db_prep_save(value, database) for value in values]


def update_rows(records: Sequence[A], fields: Sequence[str], *, now: datetime) -> None:
    """Write these fields of records of one model, each with its next version.

    Raises `StaleVersion` when one of them was changed since it was read; then none is written by the caller's transaction.
    """
    for start in range(0, len(records), CHUNK):
        _update_chunk(records[start : start + CHUNK], fields, now)


def overwrite_rows(records: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of records of one model that keeps neither versions nor history."""
    if not records:
        return
    meta = records[0]._meta
    given = _spell(records, _columns(records[0], fields))
    sql = f"""
        UPDATE "{meta.db_table}" AS row SET {given.assignments}
        FROM unnest({given.arrays}) AS given({given.names}) WHERE row."{meta.pk.column}" = given.pk
    """  # noqa: S608 -- column names of our own models
    with connection.cursor() as cursor:
        cursor.execute(sql, given.values)


def changes_of(record: Accountable, fields: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Before → after of these fields since the record was read; call before `update_rows`."""
    before = getattr(record, "_loaded", {})
    names = [column.attname for column in _columns(record, fields) if column.name not in record.unaudited_fields]
    return {
        name: (before.get(name), getattr(record, name)) for name in names if before.get(name) != getattr(record, name)
    }


def _columns(record: models.Model, fields: Sequence[str]) -> "list[models.Field[Any, Any]]":
    wanted = set(fields)
    return [field for field in record._meta.concrete_fields if field.name in wanted]


class _Spelled(NamedTuple):
    """Records as parallel arrays, the primary key first, in the words of an UPDATE … FROM unnest(…)."""

    assignments: str
    arrays: str
    names: str
    values: list[list[Any]]


def _spell(records: Sequence[models.Model], columns: "Sequence[models.Field[Any, Any]]") -> _Spelled:
    database = connections[DEFAULT_DB_ALIAS]
    names = [f"n{index}" for index, _ in enumerate(columns)]
    types = [str(column.db_type(database)).split("(")[0] for column in columns]
    return _Spelled(
        ", ".join(f'"{column.column}" = given.{name}' for column, name in zip(columns, names, strict=True)),
        ", ".join(f"%s::{kind}[]" for kind in ("uuid", *types)),
        ", ".join(["pk", *names]),
        [
            [record.pk for record in records],
            *(_spelled(column, [getattr(record, column.attname) for record in records]) for column in columns),
        ],
    )


def _update_chunk(records: Sequence[A], fields: Sequence[str], now: datetime) -> None:
    if not records:
        return
    meta = records[0]._meta
    columns = _columns(records[0], fields)
    given = _spell(records, columns)
    sql = f"""
        UPDATE "{meta.db_table}" AS row SET {given.assignments}, version = given.version + 1, updated_at = %s
        FROM unnest({given.arrays}, %s::integer[]) AS given({given.names}, version)
        WHERE row."{meta.pk.column}" = given.pk AND row.version = given.version
    """  # noqa: S608 -- column names of our own models
    with connection.cursor() as cursor:
        cursor.execute(sql, [now, *given.values, [record.version for record in records]])
        if cursor.rowcount != len(records):
            raise StaleVersion(
                said(
                    "%(rowcount)s of %(records)s %(verbose_name_plural)s changed meanwhile.",
                    rowcount=len(records) - cursor.rowcount,
                    records=len(records),
                    verbose_name_plural=meta.verbose_name_plural,
                )
            )
    for record in records:
        record.version += 1
        loaded = getattr(record, "_loaded", {})
        record._loaded = {**loaded, **{column.attname: getattr(record, column.attname) for column in columns}}
