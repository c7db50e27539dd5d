"""What is wrong with an address, in words; nothing of what it says is in them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext_noop as noop

from audit.words import Said, listed, said
from orders.fulfilment.decisions.addresses import ALIASES, LONGEST, demand_of, label_of
from rules.schema_words import allowed, inside, meaning

# What the pure modules say, for the catalogue.
LABELS: Final = (
    *(noop("Name"), noop("Company name"), noop("Street"), noop("City"), noop("City area")),
    *(noop("State or region"), noop("Postal code"), noop("Country")),
    *(noop("Street address"), noop("Country area"), noop("Country code")),
)
FOUND: Final = (
    noop("without the country before it"),
    noop("with digits where letters look like them"),
    noop("with the zero in front that a spreadsheet drops"),
    noop("where the postal code lies"),
    noop("the code of the country that is written out"),
)
PROBLEMS: Final[Mapping[str, str]] = {
    "required": noop("%(field)s is missing"),
    "too_long": noop("%(field)s is too long"),
    "invalid": noop("%(field)s is not valid"),
}


def problem_in_words(field: str, code: str) -> str:
    """What is wrong with one field, for a person."""
    return said(PROBLEMS.get(code, PROBLEMS["invalid"]), field=said(label_of(field)))


def problems_in_words(problems: Iterable[Mapping[str, str]]) -> list[str]:
    """Each of the problems an address is kept with ({field, code}), for a person."""
    return [problem_in_words(one["field"], one["code"]) for one in problems]


NAMED_BY_CONTRACT: Final = {ours: theirs for theirs, ours in ALIASES.items()}
MOST_CHOICES: Final = 3


def why_needed(field: str, country: str, schema: Mapping[str, Any]) -> str:
    """Why a field of an address is asked for: what the contract says it is, and what the country needs."""
    said_by_contract = meaning(inside(schema, f"/address/{NAMED_BY_CONTRACT.get(field, field)}"))
    if not demand_of(field, country).is_required:
        return said_by_contract or said("It may stay empty.")
    needed = said("No parcel can be brought without it.")
    if country and field not in {"street_address", "country_code"}:
        needed = said("No parcel can be brought in %(country)s without it.", country=country)
    return said("%(what)s. %(needed)s", what=said_by_contract, needed=needed) if said_by_contract else needed


def what_passes(field: str, country: str, schema: Mapping[str, Any]) -> Said:
    """What the check lets pass, in words: the country's own form first, then what the contract allows."""
    demand, asked = demand_of(field, country), list[Said]()
    if demand.examples:
        asked.append(said("As in %(examples)s", examples=listed(list(demand.examples))))
    if demand.choices:
        some = ", ".join(demand.choices[:MOST_CHOICES])
        asked.append(said("One of %(n)s, such as %(some)s", n=len(demand.choices), some=some))
    if field == "street_address":
        asked.append(said("Street and number, on one or two lines"))
    of_contract = inside(schema, f"/address/{NAMED_BY_CONTRACT.get(field, field)}")
    of_contract = {**of_contract, "maxLength": min(of_contract.get("maxLength", LONGEST), LONGEST)}
    if "pattern" in of_contract:
        of_contract.pop("maxLength")
    return listed([*asked, *allowed(of_contract)], between=". ")
