"""What a benchmark gives back: figures beside a floor measured in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """One figure per second, and the floor it is held against."""

    what: str
    per_second: float
    floor: float
    unit: str = "/s"


@dataclass
class Table:
    """The figures of one benchmark."""

    title: str
    floor: str
    rows: list[Row] = field(default_factory=list)

    def add(self, what: str, per_second: float, floor: float, unit: str = "/s") -> None:
        """Another figure."""
        self.rows.append(Row(what, per_second, floor, unit))

    def __str__(self) -> str:
        lines = [self.title, f"  floor: {self.floor}", f"  {'':44} {'figure':>14} {'floor':>14} {'ratio':>8}"]
        lines += [
            f"  {row.what:44} {row.per_second:>12,.0f}{row.unit} {row.floor:>12,.0f}{row.unit} {row.per_second / row.floor:>8.1%}"
            for row in self.rows
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Latency:
    """How long one thing took: half of the times, and nineteen of twenty, in milliseconds; how many questions it asked the database.

    `times` is how often the floor would have fitted into half of the times.
    """

    what: str
    p50: float
    p95: float
    queries: int
    times: float


@dataclass
class Latencies:
    """Times of one benchmark, beside the time of a floor."""

    title: str
    floor: str
    rows: list[Latency] = field(default_factory=list)

    def add(self, what: str, measured: Sequence[float], queries: int, *, floor: Sequence[float]) -> None:
        """Another line, from times in milliseconds, and those of the floor."""
        cuts = quantiles(measured, n=20, method="inclusive")
        self.rows.append(Latency(what, cuts[9], cuts[18], queries, cuts[9] / median(floor)))

    def __str__(self) -> str:
        lines = [self.title, f"  floor: {self.floor}", f"  {'':48} {'p50':>10} {'p95':>10} {'queries':>8} {'ratio':>8}"]
        lines += [
            f"  {row.what:48} {row.p50:>7,.1f} ms {row.p95:>7,.1f} ms {row.queries:>8} {row.times:>6,.1f} ×"  # noqa: RUF001 -- the sign of times
            for row in self.rows
        ]
        return "\n".join(lines)


def rate(work: Callable[[], int], *, rounds: int = ROUNDS) -> float:
    """Items per second of `work`, which returns how many it did: the median of some rounds."""
    measured = []
    for _ in range(rounds):
        started = time.perf_counter()
        count = work()
        measured.append(count / (time.perf_counter() - started))
    return median(measured)
