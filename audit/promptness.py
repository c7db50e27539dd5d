"""How soon something is done that was promised soon: from the rows it leaves behind, in one query, held against the promise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

MEASURE = "SELECT count(*), percentile_disc(%s) WITHIN GROUP (ORDER BY lag), max(lag) FROM ({lags}) AS done(lag)"


@dataclass(frozen=True)
class Promptness:
    """How soon `done` pieces of work were done, in seconds: `percentile` of a hundred `within` so many; no figures for none."""

    work: str
    done: int
    percentile: int
    within: float | None
    longest: float | None
    promised: float
    is_late: bool


def measured(work: str, *, lags: str, params: Sequence[Any], percentile: int, promised: float) -> Promptness:
    """Hold the seconds that the query `lags` selects against the promise; served by an index, it costs what was done, not what was kept."""
    with connection.cursor() as cursor:
        cursor.execute(MEASURE.format(lags=lags), [percentile / 100, *params])
        done, within, longest = cursor.fetchone()
    return Promptness(work, done, percentile, within, longest, promised, bool(done) and within > promised)
