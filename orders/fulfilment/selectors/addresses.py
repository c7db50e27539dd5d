"""What is wrong with an address, in words; nothing of what it says is in them."""

from collections.abc import Iterable, Mapping
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.words import said
from orders.fulfilment.decisions.addresses import label_of

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
