"""Who gets what, and from where, when there is not enough: first come, first served, whole lines only, one place for a line."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
L = TypeVar("L")


@dataclass(frozen=True)
class Pile(Generic[K]):
    """Units of one lot in one place that may be promised."""

    lot: K
    place: K
    free: int


@dataclass(frozen=True)
class Shelf(Generic[K]):
    """Where an item lies: its piles, those to be used up first first, and how many units each place keeps back."""

    piles: Sequence[Pile[K]]
    kept: Mapping[K, int]

    @property
    def places(self) -> dict[K, int]:
        """Units that may be promised, by place."""
        there: dict[K, int] = defaultdict(int)
        for pile in self.piles:
            there[pile.place] += pile.free
        return {place: max(units - self.kept.get(place, 0), 0) for place, units in there.items()}


@dataclass(frozen=True)
class Demand(Generic[L, K]):
    """A line that wants so many units of an item.

    `places` are where they may come from, the best first; lines of one `party` are sent together where one place has them.
    `is_behind`: somebody who is not asked about here waits longer for the item.
    """

    line: L
    item: K
    quantity: int
    places: Sequence[K]
    party: Hashable = None
    is_behind: bool = False


@dataclass(frozen=True)
class Grant(Generic[L, K]):
    """A demand that is met: from which place, and how many units of which lot."""

    demand: Demand[L, K]
    place: K
    takes: Mapping[K, int]


@dataclass(frozen=True)
class Allocation(Generic[L, K]):
    """The demands that are met and those that are not."""

    granted: tuple[Grant[L, K], ...]
    short: tuple[Demand[L, K], ...]


def allocate(shelves: Mapping[K, Shelf[K]], demands: Iterable[Demand[L, K]]) -> Allocation[L, K]:
    """Grant demands in the order given while units last. Nobody goes past who waits: one that is not met stops those after it."""
    waiting = list(demands)
    left = {item: shelf.places for item, shelf in shelves.items()}
    piles = {item: {pile.lot: pile.free for pile in shelf.piles} for item, shelf in shelves.items()}
    reach = _reach(waiting, left)
    closed: set[K] = set()
    granted: list[Grant[L, K]] = []
    short: list[Demand[L, K]] = []
    for demand in waiting:
        free = left.get(demand.item, {})
        places = [place for place in demand.places if free.get(place, 0) >= demand.quantity]
        if not places or demand.is_behind or demand.item in closed:
            closed.add(demand.item)
            short.append(demand)
            continue
        place = max(places, key=lambda one: reach[demand.party, one])
        free[place] -= demand.quantity
        granted.append(Grant(demand, place, _take(shelves[demand.item], piles[demand.item], place, demand.quantity)))
    return Allocation(tuple(granted), tuple(short))


def _reach(demands: Sequence[Demand[L, K]], left: Mapping[K, Mapping[K, int]]) -> dict[tuple[Hashable, K], int]:
    """How many demands of a party each place could meet: what can be sent in one parcel is."""
    reach: dict[tuple[Hashable, K], int] = defaultdict(int)
    for demand in demands:
        for place in demand.places:
            reach[demand.party, place] += left.get(demand.item, {}).get(place, 0) >= demand.quantity
    return reach


def _take(shelf: Shelf[K], piles: dict[K, int], place: K, quantity: int) -> dict[K, int]:
    takes: dict[K, int] = {}
    for pile in shelf.piles:
        if pile.place == place and quantity and (units := min(piles[pile.lot], quantity)):
            takes[pile.lot] = units
            piles[pile.lot] -= units
            quantity -= units
    return takes
