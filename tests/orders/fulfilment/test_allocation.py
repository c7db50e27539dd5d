"""Who gets what from where: never more than there is, never past who waits longer, the first to expire first."""

from hypothesis import given
from hypothesis import strategies as st

from orders.fulfilment.decisions.allocation import Demand, Pile, Shelf, allocate
from tests.orders.fulfilment.test_states import patiently

PLACES = ("berlin", "leeds")
piles = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 9)), max_size=5)
shelves = st.dictionaries(
    st.sampled_from("abc"), st.tuples(piles, st.dictionaries(st.sampled_from(PLACES), st.integers(0, 4)))
)
wishes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(1, 9), st.integers(0, 2), st.permutations(PLACES)), max_size=12
)


def shelf(*rows: tuple[str, int], **kept: int) -> Shelf[str]:
    return Shelf([Pile(f"{place}-{number}", place, free) for number, (place, free) in enumerate(rows)], kept)


@patiently
@given(shelves, wishes)
def test_nothing_is_promised_twice_and_nobody_is_passed_or_forgotten(
    given_shelves: dict[str, tuple[list[tuple[str, int]], dict[str, int]]],
    given_wishes: list[tuple[str, int, int, list[str]]],
) -> None:
    there = {item: shelf(*rows, **kept) for item, (rows, kept) in given_shelves.items()}
    demands = [Demand(number, item, units, at, party) for number, (item, units, party, at) in enumerate(given_wishes)]
    found = allocate(there, demands)
    assert sorted([*(one.demand.line for one in found.granted), *(one.line for one in found.short)]) == list(
        range(len(demands))
    )
    for grant in found.granted:
        assert sum(grant.takes.values()) == grant.demand.quantity
        assert {lot.rpartition("-")[0] for lot in grant.takes} == {grant.place}
    for item, one in there.items():
        taken = [grant for grant in found.granted if grant.demand.item == item]
        for place, free in one.places.items():
            assert sum(grant.demand.quantity for grant in taken if grant.place == place) <= free
        for pile in one.piles:
            assert sum(grant.takes.get(pile.lot, 0) for grant in taken) <= pile.free
        passed = [one.line for one in found.short if one.item == item]
        assert all(grant.demand.line < min(passed, default=len(demands)) for grant in taken)


def test_a_line_comes_from_one_place_the_nearest_that_has_enough_and_from_its_oldest_lots() -> None:
    there = {"tent": shelf(("leeds", 2), ("berlin", 3), ("leeds", 4))}
    found = allocate(there, [Demand("line", "tent", 5, ("berlin", "leeds"))])
    assert [(grant.place, dict(grant.takes)) for grant in found.granted] == [("leeds", {"leeds-0": 2, "leeds-2": 3})]


def test_what_belongs_together_is_sent_from_where_all_of_it_is() -> None:
    there = {"tent": shelf(("berlin", 5), ("leeds", 5)), "stove": shelf(("leeds", 5))}
    demands = [Demand(item, item, 1, ("berlin", "leeds"), "order") for item in ("tent", "stove")]
    assert [grant.place for grant in allocate(there, demands).granted] == ["leeds", "leeds"]


def test_what_is_kept_back_is_promised_to_nobody_and_who_is_too_big_is_not_passed() -> None:
    there = {"tent": shelf(("berlin", 5), berlin=2)}
    demands = [Demand(number, "tent", units, ("berlin",)) for number, units in enumerate((2, 2, 1))]
    found = allocate(there, demands)
    assert ([one.demand.line for one in found.granted], [one.line for one in found.short]) == ([0], [1, 2])
    assert allocate(there, [Demand(0, "tent", 1, ("berlin",), is_behind=True)]).granted == ()
