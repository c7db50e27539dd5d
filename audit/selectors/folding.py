"""Where records stand according to the trail alone, compared with what is stored."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import connection

from audit import folds


@dataclass(frozen=True)
class Folded:
    """One kind of record: how many were made again from the trail, and the first of those that came out differently."""

    name: str
    records: int
    different: int
    first: tuple[tuple[str, str, str], ...]


def fold_all(*, only: Collection[str] = (), shown: int = 20) -> Iterator[Folded]:
    """Make every registered column of every record again, or those named; `first` holds (name, stored, told)."""
    for fold in (one for one in folds.registered() if not only or one.name in only):
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT count(*), count(*) FILTER (WHERE f.stored IS DISTINCT FROM f.told),
                    (array_agg(ARRAY[f.key, f.stored, f.told]) FILTER (WHERE f.stored IS DISTINCT FROM f.told))[1:{int(shown)}]
                FROM ({fold.sql}) AS f(key, stored, told)
                """  # noqa: S608 -- built from registered folds
            )
            records, different, first = cursor.fetchone()
        yield Folded(fold.name, records, different, tuple(tuple(row) for row in first or ()))
