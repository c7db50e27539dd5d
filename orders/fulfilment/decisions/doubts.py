"""What of an order can be in doubt, and where each of these is put right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as noop

from audit.words import Said, listed, said
from orders.fulfilment.decisions.overrides import ADDRESS, PHONE, QUANTITY


@dataclass(frozen=True)
class Doubtable:
    """One thing that can be in doubt: what people call it, how one makes sure of it, and the field that is set by hand to put it right."""

    label: str
    look: str
    override: str = ""


CASE: Final = "doubtful-record"

DOUBTS: Final[Mapping[str, Doubtable]] = {
    "address": Doubtable(
        noop("Address it goes to"), noop("Somebody the customer trusts confirmed where it goes."), ADDRESS
    ),
    "phone": Doubtable(noop("Phone of the customer"), noop("Somebody answered, and it was the customer."), PHONE),
    "lines": Doubtable(
        noop("Products and quantities"),
        noop("They are what the customer ordered, as the page of the store says."),
        QUANTITY,
    ),
    "price": Doubtable(
        noop("Prices and total"), noop("They are what the customer agreed to, as the page of the store says.")
    ),
    "payment": Doubtable(noop("Payment"), noop("The money is there, by what the bank or the payment service says.")),
    "customer": Doubtable(noop("Who the customer is"), noop("It is the person the account belongs to.")),
    "promised_at": Doubtable(
        noop("Promised delivery"), noop("The customer was told this day, and it can be kept."), "promised_at"
    ),
}


def in_doubt(doubts: Iterable[str]) -> Said:
    """What is in doubt, in words."""
    return listed([said(DOUBTS[name].label) for name in doubts if name in DOUBTS])
