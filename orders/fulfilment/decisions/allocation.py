"""Who gets what when there is not enough: first come, first served, whole lines only."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
L = TypeVar("L")


@dataclass(frozen=True)
class Demand(Generic[L, K]):
    """A line that wants so many units of an item."""

    line: L
    item: K
    quantity: int


@dataclass(frozen=True)
class Allocation(Generic[L, K]):
    """The demands that are met, those that are not, and how many units of each item that takes."""

    granted: tuple[Demand[L, K], ...]
    short: tuple[Demand[L, K], ...]
    taken: Mapping[K, int]


def allocate(available: Mapping[K, int], demands: Iterable[Demand[L, K]]) -> Allocation[L, K]:
    """Grant demands in the order given while units last; a demand too big for the rest does not stop a smaller one after it."""
    left = dict(available)
    granted, short = [], []
    taken: dict[K, int] = defaultdict(int)
    for demand in demands:
        if demand.quantity <= left.get(demand.item, 0):
            left[demand.item] -= demand.quantity
            taken[demand.item] += demand.quantity
            granted.append(demand)
        else:
            short.append(demand)
    return Allocation(tuple(granted), tuple(short), dict(taken))
