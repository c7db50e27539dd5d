"""Why a rule holds an order, or almost does; and which carrier is asked, and which would have been."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from audit.clock import now
from audit.models import Event
from audit.words import said
from exceptions.models import ExceptionCase
from orders.fulfilment.decisions.holds import CONTEXT
from orders.fulfilment.facts import hold_context
from orders.fulfilment.models import Fulfilment, Hold, Order, OrderAddress, OrderLine
from orders.fulfilment.selectors.queues import promisable
from orders.fulfilment.states import ORDER_FINAL, ORDER_LEFT_THE_HOUSE, AddressVerdict, LineState
from orders.sync.models import System
from orders.sync.selectors.serving import systems_serving
from rules import facts
from rules.decisions import NearMiss
from rules.hold_rules import passed_and_almost
from rules.rulebook import CompiledBook
from rules.states import Layer

WAITING: Final = (LineState.OPEN, LineState.BACK_ORDERED)
BAD_ADDRESS: Final = (AddressVerdict.INVALID, AddressVerdict.UNCHECKED)


def ruled_holds(holds: Sequence[Hold]) -> dict[str, Mapping[str, Any]]:
    """What the trail says of the rules that placed these, by the hold's id."""
    placed = Event.objects.filter(
        type="hold.placed", subject_type="fulfilment.hold", subject_id__in=[str(hold.pk) for hold in holds]
    )
    return {event.subject_id: json.loads(event.body)["data"] for event in placed} if holds else {}


def not_held(
    order: Order, parcels: Sequence[Fulfilment], book: CompiledBook, placed: Collection[str]
) -> tuple[list[str], tuple[NearMiss, ...]] | None:
    """Of the rules that could hold the order now and do not: why not, and which lack one condition; None where none could."""
    if order.state in {*ORDER_LEFT_THE_HOUSE, *ORDER_FINAL} or order.cancelled_at is not None:
        return None
    left = [rule for rule in book.hold_rules if rule.slug not in placed]
    if not left:
        return None
    context = _context(order, parcels, {path for rule in left for path in rule.paths})
    return passed_and_almost(left, context, facts.context(CONTEXT))


def _context(order: Order, parcels: Sequence[Fulfilment], asked: Collection[str]) -> dict[str, Any]:
    """As conditions see it now; shelves and exceptions are read only where some condition asks about them."""
    lines = list(
        OrderLine.objects.filter(order=order)
        .exclude(state=LineState.CANCELLED)
        .select_related("sku", "bundle")
        .order_by("position")
    )
    skus = {line.sku_id for line in lines} if any(path.startswith("lines[].in_stock") for path in asked) else set()
    free = promisable(sku_ids=skus, today=now().date()) if skus else {}
    about = ExceptionCase.objects.live().filter(subject_type="fulfilment.order", subject_id=str(order.pk))
    cases = list(about.values_list("number", "type")) if any(path.startswith("cases") for path in asked) else []
    verdict = OrderAddress.objects.filter(pk=order.pk).values_list("verdict", flat=True).first()
    return hold_context(
        order,
        [(line, line.state not in WAITING or free.get(line.sku_id, 0) >= line.quantity) for line in lines],
        parcels,
        [(ExceptionCase(number=number).key, kind) for number, kind in cases],
        address_ok=verdict is not None and verdict not in BAD_ADDRESS,
    )


def other_carriers(order: Order, taken: str) -> Iterator[str]:
    """Of the carriers connected for this client that have nothing of the order: why each was not asked."""
    serving = systems_serving(layer=Layer.CARRIER, client_id=order.client_id)
    wanted = order.preferred_carrier.casefold()
    first = next((one for one in serving if wanted in {one.slug.casefold(), one.name.casefold()}), None) or next(
        iter(serving), None
    )
    for one in serving:
        if one != first and taken.casefold() not in {one.slug.casefold(), one.name.casefold()}:
            yield said("%(name)s: %(first)s is asked first", name=one.name, first=first.name if first else "")
    off = System.objects.filter(layer=Layer.CARRIER, is_active=False, client__in=[order.client_id])
    for name in off.order_by("slug").values_list("name", flat=True):
        yield said("%(name)s: it is switched off", name=name)
