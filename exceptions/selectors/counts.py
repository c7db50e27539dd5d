"""Counts a page says, all of them in one statement and none further than the page says."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


def capped_counts(querysets: Sequence[QuerySet[Any]], *, most: int) -> list[int]:
    """How many rows each has, counted in its own order and no further than `most` + 1."""
    if not querysets:
        return []
    compiled = [_capped(found, most) for found in querysets]
    counts = ", ".join(f"(SELECT count(*) FROM ({sql}) AS counted)" for sql, _ in compiled)  # noqa: S608 -- compiled by Django
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for _, values in compiled for value in values])
        return list(cursor.fetchone())


def _capped(found: QuerySet[Any], most: int) -> tuple[str, tuple[Any, ...]]:
    try:
        return found.values("pk")[: most + 1].query.sql_with_params()
    except EmptyResultSet:  # nobody to own any: Django asks no such question
        return "SELECT WHERE false", ()
