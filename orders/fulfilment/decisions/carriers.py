"""The carrier a store asks for, and why another one has the parcel. Pure."""

from collections.abc import Collection
from typing import Final

CARRIER_DIFFERS: Final = "fulfilment.carrier_differs"
NOT_CONNECTED: Final = "not-connected"  # no system of it serves the client
TAKEN_BY_ANOTHER: Final = "taken-by-another"  # whoever handed it over gave it to somebody else


def is_same(asked: str, other: str, called: Collection[frozenset[str]]) -> bool:
    """Whether both are names of one carrier; `called` are all names of each that is connected, casefolded."""
    names = {asked.casefold(), other.casefold()}
    return len(names) == 1 or any(names <= known for known in called)
