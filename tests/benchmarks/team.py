"""Several processes at work at the same time, each with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Self

from django.db import connection, connections

from tests.benchmarks.table import ROUNDS

Work = Callable[[], int]
FORK = get_context("fork")
_start: Barrier


class Team:
    """So many processes, begun before anything is timed; each returns how many things it did."""

    def __init__(self, processes: int) -> None:
        connections.close_all()
        self.processes = processes
        barrier = FORK.Barrier(processes)
        self._pool = ProcessPoolExecutor(processes, mp_context=FORK, initializer=_join, initargs=(barrier,))

    def __enter__(self) -> Self:
        self.do([int] * self.processes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def do(self, works: Sequence[Work]) -> float:
        """One of these for each process, all at once; things per second, from the first that begins to the last that ends."""
        counts, starts, ends = zip(*self._pool.map(_timed, works), strict=True)
        return sum(counts) / (max(ends) - min(starts))

    def rate(self, work: Work, *, rounds: int = ROUNDS) -> float:
        """The same work for each; the median of some rounds."""
        return median(self.do([work] * self.processes) for _ in range(rounds))


def _join(start: Barrier) -> None:
    global _start  # noqa: PLW0603 -- a barrier can only be inherited
    _start = start
    connection.ensure_connection()


def _timed(work: Work) -> tuple[int, float, float]:
    """Nobody begins before everybody is there, so nobody does two."""
    _start.wait()
    started = perf_counter()
    return work(), started, perf_counter()
