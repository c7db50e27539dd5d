"""Which addresses are put right without asking, which are shipped to as they are, and which need a person."""

import csv
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.fulfilment.decisions.addresses import FIELDS, check_address, grouped_postal_code
from orders.fulfilment.selectors.addresses import problems_in_words
from tests import shared
from tests.benchmarks import bench_addresses

DATA = shared.DATA / "addresses" / "us_ia_linn_openaddresses_500.csv"
GOOD = {"recipient": "A B", "street": "Damrak 1", "city": "Amsterdam", "postcode": "1012 LG", "country": "NL"}


@pytest.mark.parametrize(
    ("changes", "field", "becomes"),
    [
        ({"postcode": "1017ct"}, "postal_code", "1017 CT"),
        ({"country": "gb", "city": "London", "postcode": "sw1a1aa"}, "postal_code", "SW1A 1AA"),
        ({"country": "US", "city": "Boston", "region": "Massachusetts", "postcode": "02110"}, "country_area", "MA"),
        ({"street": "  Damrak   1 ,", "street2": "II"}, "street_address", "Damrak 1\nII"),
    ],
)
def test_what_is_safe_is_put_right(changes: dict[str, str], field: str, becomes: str) -> None:
    verdict = check_address({**GOOD, **changes})
    assert (verdict.problems, verdict.address[field]) == ((), becomes)
    assert field in verdict.changed


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"postcode": "101 CT"}, "Postal code is not valid"),
        ({"postcode": ""}, "Postal code is missing"),
        ({"street": ""}, "Street is missing"),
        ({"street": "-- . --"}, "Street is missing"),
        ({"city": "1012"}, "City is not valid"),
        ({"country": "ZZ"}, "Country is not valid"),
        ({"country": "US", "city": "Boston", "region": "MA", "postcode": "99999"}, "Postal code is not valid"),
        ({"street": "x" * 300}, "Street is too long"),
        (
            {
                "country": "US",
                "street": "1060 howard street san francisco, ca, 94103 1060 howard street",
                "city": "san francisco",
                "region": "CA",
                "postcode": "94103-2820",
            },
            "Street is not valid",
        ),
        ({"country": "GB", "city": "London", "postcode": "EC1Y 8SY EC1Y"}, "Postal code is not valid"),
        ({"country": "PE", "city": "Lima", "region": "Lima", "postcode": "LIMA 23LIMA 23"}, "Postal code is not valid"),
    ],
)
def test_what_would_change_where_it_goes_is_left_to_a_person(changes: dict[str, str], problem: str) -> None:
    found = check_address({**GOOD, **changes}).problems
    assert problem in problems_in_words([vars(one) for one in found])


@pytest.mark.skipif(not (shared.DATA / "addresses").exists(), reason="the real addresses are not on this machine")
def test_what_a_parser_gave_up_on_is_never_shipped_to_unread_and_refused_where_it_stands_there_twice() -> None:
    one_field, cut = bench_addresses.given_up()
    assert one_field.wrong == (659, 659)
    (got, of), odd = cut.wrong, cut.right - cut.refused
    assert (of > 150, got / of > 0.95, odd / cut.right > 0.95) == (True, True, True), str(cut)


def test_a_house_number_that_looks_like_the_code_stops_nothing() -> None:
    place = {"country": "US", "city": "Los Angeles", "region": "CA", "postcode": "90012"}
    assert check_address({**GOOD, **place, "street": "90012 Main Street"}).is_shippable


def test_a_region_nobody_lists_stops_nothing_where_no_region_is_needed() -> None:
    assert check_address(
        {**GOOD, "country": "IE", "city": "Dublin", "region": "Dublin", "postcode": "D02 XY47"}
    ).is_shippable


@given(
    st.text(st.characters(codec="ascii"), max_size=12),
    st.lists(st.sampled_from(["1234 AB", "SW1A 1AA", "10119"]), max_size=2),
)
def test_grouping_never_adds_or_drops_a_character(code: str, examples: list[str]) -> None:
    bare = lambda text: [character for character in text.upper() if character.isalnum()]  # noqa: E731 -- one use
    assert bare(grouped_postal_code(code, examples)) == bare(code)


@given(st.dictionaries(st.sampled_from([*FIELDS, "street", "postcode", "country"]), st.text(max_size=40)))
def test_no_input_breaks_the_check_and_checking_twice_changes_nothing_more(raw: dict[str, Any]) -> None:
    first = check_address(raw)
    if first.is_shippable:
        assert check_address(first.address).address == first.address


@pytest.mark.skipif(not DATA.exists(), reason="the real addresses are not on this machine")
def test_real_addresses_that_the_post_delivers_to_are_shippable() -> None:
    with DATA.open(encoding="utf-8") as file:
        rows = [{name.lower(): value for name, value in row.items()} for row in csv.DictReader(file)]
    complete = [row for row in rows if row.get("postcode") and row.get("street") and row.get("number")]
    verdicts = [
        check_address(
            {
                "street": f"{row['number']} {row['street']}",
                "city": row.get("city") or "Cedar Rapids",
                "region": "IA",
                "postcode": row["postcode"],
                "country": "US",
            }
        )
        for row in complete
    ]
    assert [verdict.problems for verdict in verdicts if not verdict.is_shippable] == []
