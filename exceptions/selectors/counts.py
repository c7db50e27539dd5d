"""Counts a page says, all of them in one statement and none further than the page says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


@dataclass(frozen=True)
class Capped:
    """A question for rows, in the words of the database, that goes no further than a page says."""

    sql: str
    values: tuple[Any, ...]


def capped_counts(querysets: Sequence[QuerySet[Any]], *, most: int) -> list[int]:
    """How many rows each has, counted in its own order and no further than `most` + 1."""
    return counts_of([capped(found, most) for found in querysets])


def counts_of(asked: Sequence[Capped]) -> list[int]:
    """How many rows each has, in one statement."""
    if not asked:
        return []
    counts = ", ".join(f"(SELECT count(*) FROM ({one.sql}) AS counted)" for one in asked)  # noqa: S608 -- compiled by Django
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for one in asked for value in one.values])
        return list(cursor.fetchone())


def capped(found: QuerySet[Any], most: int) -> Capped:
    """The question for these rows and no more than `most` + 1 of them."""
    try:
        return Capped(*found.values("pk")[: most + 1].query.sql_with_params())
    except EmptyResultSet:  # nobody to own any: Django asks no such question
        return Capped("SELECT WHERE false", ())
