"""Checking where orders go."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from audit.crypto import open_secret, seal_secret
from orders.fulfilment.decisions.addresses import Verdict, check_address
from orders.fulfilment.decisions.overrides import PHONE
from orders.fulfilment.models import GiftCard, Order, OrderAddress
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.services.dockets import Docket
from orders.fulfilment.states import AddressVerdict

BESIDE: Final = ("email", PHONE)


def check_addresses(dockets: Sequence[Docket], changes: Changes) -> None:
    """Check what nobody has checked: standardise what is safe to standardise, mark what needs a person."""
    for docket in dockets:
        if docket.address is not None and docket.address.verdict == AddressVerdict.UNCHECKED:
            _check(docket.order, docket.address, changes)
        for card in docket.cards_elsewhere:
            if card.verdict == AddressVerdict.UNCHECKED:
                _check(docket.order, card, changes, line=str(card.gift.position))


def _check(order: Order, address: OrderAddress | GiftCard, changes: Changes, **about: str) -> None:
    verdict = check_address(json.loads(open_secret(address.raw)))
    address.standard = seal_secret(json.dumps(dict(verdict.address)))
    address.problems = [{"field": problem.field, "code": problem.code} for problem in verdict.problems]
    if not verdict.is_shippable:
        address.verdict = AddressVerdict.INVALID
        changes.tell("order.address_refused", order, problems=address.problems, **about)
    elif verdict.changed:
        address.verdict = AddressVerdict.STANDARDISED
        changes.tell("order.address_standardised", order, fields=sorted(verdict.changed), **about)
    else:
        address.verdict = AddressVerdict.VALID
    changes.edit_address(address)


def contact_of(address: OrderAddress) -> dict[str, Any]:
    """What was given with an address, and the address itself, in clear."""
    return dict(json.loads(open_secret(address.raw))) if address.raw else {}


def put_phone(address: OrderAddress, phone: str, changes: Changes) -> None:
    """Keep how to reach the customer; where it goes stays as it is."""
    known = {name: told for name, told in contact_of(address).items() if name != PHONE}
    address.raw = seal_secret(json.dumps({**known, **({PHONE: phone} if phone else {})}))
    changes.edit_address(address)


def with_contact(address: OrderAddress, given: Mapping[str, Any]) -> dict[str, Any]:
    """An address with what was known beside the one before, where it says nothing else of that."""
    beside = {name: told for name, told in contact_of(address).items() if name in BESIDE}
    return {**beside, **given}


def put_address(docket: Docket, address: Mapping[str, Any], changes: Changes, *, reason: str) -> None:
    """Replace the shipping address with one that passes the check."""
    if docket.address is None:
        docket.address = OrderAddress(order=docket.order)
        changes.add(docket.address)
    stored = docket.address
    stored.raw = seal_secret(json.dumps(with_contact(stored, address)))
    stored.standard = seal_secret(json.dumps(dict(check_address(address).address)))
    stored.verdict, stored.problems = AddressVerdict.VALID, []
    changes.edit_address(stored)
    changes.tell("order.address_corrected", docket.order, reason=reason)


def note_address(docket: Docket, verdict: Verdict, changes: Changes) -> None:
    """Keep an address as it is known so far; it is not shipped to before somebody lets the order go on."""
    if docket.address is None:
        docket.address = OrderAddress(order=docket.order, verdict=AddressVerdict.INVALID)
        changes.add(docket.address)
    stored = docket.address
    stored.raw = seal_secret(json.dumps(with_contact(stored, verdict.address)))
    stored.standard = seal_secret(json.dumps(dict(verdict.address)))
    stored.problems = [{"field": problem.field, "code": problem.code} for problem in verdict.problems]
    changes.edit_address(stored)


def shipping_address(address: OrderAddress | GiftCard | None) -> dict[str, str]:
    """The address a parcel is sent to, in clear: for the message to whoever ships it, and for nothing else."""
    if address is None or not address.standard:
        return {}
    standard = json.loads(open_secret(address.standard))
    named = {
        "recipient": standard["name"],
        "street": standard["street_address"],
        "postcode": standard["postal_code"],
        "city": standard["city"],
        "region": standard["country_area"],
        "country": standard["country_code"],
    }
    if isinstance(address, OrderAddress) and address.instructions:
        named["instructions"] = open_secret(address.instructions)
    return {field: value for field, value in named.items() if value}
