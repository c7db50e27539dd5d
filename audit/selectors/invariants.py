"""Every declared invariant, run as a read with a time budget; one that could not be finished has failed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from time import perf_counter

from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from audit.checks import Invariant, invariants

SHOWN = 5


@dataclass(frozen=True)
class Outcome:
    """How one invariant stands: violations found (None: it could not be finished, `trouble` says why) and the first offenders."""

    id: str
    statement: str
    violations: int | None
    offenders: tuple[str, ...] = ()
    trouble: str = ""
    milliseconds: int = 0

    @property
    def holds(self) -> bool:
        """Whether it was checked to the end and nothing violates it."""
        return self.violations == 0


def check_all(*, only: Collection[str] = ()) -> Iterator[Outcome]:
    """Check every invariant, or those named. Raises `OperationalError` when the database is away: that says nothing about them."""
    for invariant in invariants():
        if not only or invariant.id in only:
            yield _check(invariant)


def _check(invariant: Invariant) -> Outcome:
    begun = perf_counter()
    counted = (
        f"SELECT count(*), (array_agg(o::text))[1:{SHOWN}] FROM ({invariant.sql.rstrip().rstrip(';')}) AS found(o)"  # noqa: S608 -- registered SQL
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {invariant.budget_ms}")
            cursor.execute(counted)
            violations, offenders = cursor.fetchone()
            cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    except OperationalError as failed:
        if not isinstance(failed.__cause__, QueryCanceled):
            raise
        return Outcome(invariant.id, invariant.statement, None, trouble=f"not finished within {invariant.budget_ms} ms")
    except DatabaseError as broken:
        return Outcome(invariant.id, invariant.statement, None, trouble=str(broken).splitlines()[0])
    took = round((perf_counter() - begun) * 1000)
    return Outcome(invariant.id, invariant.statement, violations, tuple(offenders or ()), milliseconds=took)
