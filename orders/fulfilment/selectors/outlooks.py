"""What held orders would do if they were resubmitted now: go on, with what is suggested, or stay where they are, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.crypto import open_secret
from audit.subject_refs import subject_ref
from audit.words import Said, said
from exceptions import selectors as exceptions
from orders.fulfilment.decisions.addresses import check_address
from orders.fulfilment.decisions.suggestions import Suggestion, suggest
from orders.fulfilment.models import Order, OrderAddress
from orders.fulfilment.selectors.addresses import problem_in_words
from orders.fulfilment.selectors.destinations import cards_elsewhere
from orders.fulfilment.selectors.doubts import DoubtFacts, doubts_of
from orders.fulfilment.selectors.quarantine import CASES_OF
from orders.fulfilment.states import OrderState


@dataclass(frozen=True)
class Outlook:
    """Of one order: the address it would go on with and what of it is suggested; `lacks` is what keeps it, nothing where it would go on."""

    order: Order
    address: Mapping[str, str]
    takes: Sequence[Suggestion]
    lacks: Sequence[Said]


def outlooks(orders: Sequence[Order]) -> list[Outlook]:
    """One for each, in their order; as few queries for many as for one."""
    ids = [order.pk for order in orders]
    held = {subject_ref(order): CASES_OF[state] for order in orders if (state := OrderState(order.state)) in CASES_OF}
    undone = exceptions.undone_audit_steps_of(held)
    addresses, cards = OrderAddress.objects.in_bulk(ids), cards_elsewhere(ids)
    doubts = doubts_of([order.pk for order in orders if order.state == OrderState.QUARANTINED])
    found = []
    for order in orders:
        address, takes, lacks = _address_of(order, addresses.get(order.pk), doubts.get(order.pk))
        if any(card.problems for card in cards.get(order.pk, ())):
            lacks.append(said("A gift cannot go to its own address"))
        lacks += [said("Not done yet: %(label)s", label=said(step)) for step in undone.get(subject_ref(order), ())]
        found.append(Outlook(order, address, takes, lacks))
    return found


def _address_of(
    order: Order, stored: OrderAddress | None, doubt: DoubtFacts | None
) -> tuple[Mapping[str, str], Sequence[Suggestion], list[Said]]:
    """The address with what is suggested for it, and what is missing all the same."""
    if doubt is not None:
        return {}, (), [said("Somebody has to confirm on its page: %(doubts)s", doubts=doubt.names)]
    if order.state == OrderState.QUARANTINED:
        return {}, (), [said("The order has no lines")]
    if order.state != OrderState.ADDRESS_INVALID:
        return (
            {},
            (),
            [said("Nothing of it is missing any more: it is “%(state)s”", state=said(order.get_state_display()))],
        )
    known = dict(check_address(json.loads(open_secret(stored.standard or stored.raw)) if stored else {}).address)
    takes = suggest(known)
    verdict = check_address({**known, **{one.field: one.value for one in takes}})
    return verdict.address, takes, [said(problem_in_words(one.field, one.code)) for one in verdict.problems]
