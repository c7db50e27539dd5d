"""Checking addresses: real ones, and the same made wrong in eleven ways; how many of the wrong are caught, and of the right let through."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from orders.fulfilment.decisions.addresses import check_address
from tests import shared

FILES = ("us_labeled", "us50_labeled", "us_ia_linn_openaddresses_500")
PLACES = {"PlaceName": "city", "StateName": "region", "ZipCode": "postcode"}
NOT_THE_STREET = ("CountryName", "Recipient", "NotAddress")
Given = dict[str, str]
WRONG: dict[str, Callable[[Given], Given]] = {
    "without street": lambda one: {**one, "street": ""},
    "without city": lambda one: {**one, "city": ""},
    "without state": lambda one: {**one, "region": ""},
    "without postal code": lambda one: {**one, "postcode": ""},
    "street of punctuation": lambda one: {**one, "street": "-- . --"},
    "city of digits": lambda one: {**one, "city": one["postcode"]},
    "state that is none": lambda one: {**one, "region": "ZZ"},
    "another state": lambda one: {**one, "region": "HI"},
    "a digit lost": lambda one: {**one, "postcode": one["postcode"][:4]},
    "a letter in the postal code": lambda one: {**one, "postcode": f"O{one['postcode'][1:]}"},
    "postal code backwards": lambda one: {**one, "postcode": one["postcode"][:5][::-1]},
}


@dataclass
class Judged:
    """What became of right and wrong addresses."""

    title: str
    caught: dict[str, tuple[int, int]] = field(default_factory=dict)
    right: int = 0
    refused: int = 0
    bent: int = 0

    def __str__(self) -> str:
        lines = [self.title, *(f"  {what:44} {got:>6} of {of:>6}" for what, (got, of) in self.caught.items())]
        got, of = (sum(column) for column in zip(*self.caught.values(), strict=True)) if self.caught else (0, 0)
        lines.append(f"  real addresses refused                       {self.refused:>6} of {self.right:>6}")
        lines.append(f"  corrections that lead somewhere else         {self.bent:>6} of {self.right:>6}")
        lines.append(f"  precision {got / max(got + self.refused, 1):.1%}, recall {got / max(of, 1):.1%}")
        return "\n".join(lines)


def run() -> Judged:
    """Precision: of what was refused, how much was wrong. Recall: of what was wrong, how much was refused."""
    if not (shared.DATA / "addresses").exists():
        return Judged("addresses: not on this machine (HANDRAIL_TEST_DATA)")
    real = list(_real())
    judged = Judged(f"checking {len(real):,} real US addresses, and each of them made wrong", right=len(real))
    sound = [one for one in real if check_address(one).is_shippable]
    judged.refused = len(real) - len(sound)
    judged.bent = sum(_leads_elsewhere(one) for one in sound)
    for what, spoil in WRONG.items():
        spoiled = [wrong for one in sound if (wrong := spoil(one)) != one]
        judged.caught[what] = (sum(not check_address(wrong).is_shippable for wrong in spoiled), len(spoiled))
    return judged


def _leads_elsewhere(one: Given) -> bool:
    """Whether another street, city or code stands there now; spacing and case lead nowhere else."""
    found = check_address(one).address
    pairs = (("street", "street_address"), ("city", "city"), ("postcode", "postal_code"))
    return any(_bare(one[given]) != _bare(found[standard]) for given, standard in pairs)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _real() -> Iterator[Given]:
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
