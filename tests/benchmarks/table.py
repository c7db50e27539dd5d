"""What a benchmark gives back: figures beside a floor measured in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

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


def rate(work: Callable[[], int], *, rounds: int = ROUNDS) -> float:
    """Items per second of `work`, which returns how many it did: the median of some rounds."""
    measured = []
    for _ in range(rounds):
        started = time.perf_counter()
        count = work()
        measured.append(count / (time.perf_counter() - started))
    return median(measured)
