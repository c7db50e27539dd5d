"""Writing many records in few statements, with the version check and the before → after that one `save()` would have made."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, models

from audit.errors import StaleVersion
from audit.models import Accountable

A = TypeVar("A", bound=Accountable)
COPY_FROM = 200
CHUNK = 5_000


def insert_rows(records: Sequence[models.Model]) -> None:
    """Insert records of one model; from a few hundred on by COPY."""
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
        for record in records:
            copy.write_row([field.get_db_prep_save(field.pre_save(record, add=True), connection) for field in fields])
    for record in records:
        record._state.adding = False
        record._state.db = connection.alias


def update_rows(records: Sequence[A], fields: Sequence[str], *, now: datetime) -> None:
    """Write these fields of records of one model, each with its next version.

    Raises `StaleVersion` when one of them was changed since it was read; then none is written by the caller's transaction.
    """
    for start in range(0, len(records), CHUNK):
        _update_chunk(records[start : start + CHUNK], fields, now)


def changes_of(record: Accountable, fields: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Before → after of these fields since the record was read; call before `update_rows`."""
    before = getattr(record, "_loaded", {})
    names = [column.attname for column in _columns(record, fields)]
    return {
        name: (before.get(name), getattr(record, name)) for name in names if before.get(name) != getattr(record, name)
    }


def _columns(record: Accountable, fields: Sequence[str]) -> "list[models.Field[Any, Any]]":
    wanted = set(fields)
    return [field for field in record._meta.concrete_fields if field.name in wanted]


def _update_chunk(records: Sequence[A], fields: Sequence[str], now: datetime) -> None:
    if not records:
        return
    meta = records[0]._meta
    columns = _columns(records[0], fields)
    types = ["uuid", "integer", *(str(column.db_type(connection)).split("(")[0] for column in columns)]
    names = ["id", "version", *(f"n{index}" for index, _ in enumerate(columns))]
    assignments = ", ".join(f'"{column.column}" = given.n{index}' for index, column in enumerate(columns))
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    values: list[list[Any]] = [[record.pk for record in records], [record.version for record in records]]
    values += [
        [column.get_db_prep_save(getattr(record, column.attname), connection) for record in records]
        for column in columns
    ]
    sql = f"""
        UPDATE "{meta.db_table}" AS row SET {assignments}, version = given.version + 1, updated_at = %s
        FROM unnest({arrays}) AS given({", ".join(names)})
        WHERE row.id = given.id AND row.version = given.version
    """  # noqa: S608 -- column names of our own models
    with connection.cursor() as cursor:
        cursor.execute(sql, [now, *values])
        if cursor.rowcount != len(records):
            raise StaleVersion(
                f"{len(records) - cursor.rowcount} of {len(records)} {meta.verbose_name_plural} changed meanwhile."
            )
    for record in records:
        record.version += 1
        loaded = getattr(record, "_loaded", {})
        record._loaded = {**loaded, **{column.attname: getattr(record, column.attname) for column in columns}}
