"""The same order from another system: one record with both names; what the two tell differently, a person decides."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from audit.words import said
from orders.fulfilment.decisions.agreement import Sold, differences
from orders.fulfilment.decisions.news import PlacedOrder
from orders.fulfilment.models import Order, OrderBundle, OrderLine
from orders.fulfilment.services.cases import Opening
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.states import LineState
from rules.selectors import business_owners

CONFLICT: Final = "id-conflict"
Heard = tuple[PlacedOrder, Sequence[UUID]]
Conflict = tuple[Order, PlacedOrder, str, dict[str, object]]


def compare(heard: Sequence[Heard], changes: Changes) -> None:
    """Open a case for each order that is told otherwise than it is on record, and for names that lead to several orders.

    The business owner of the contract it was told by decides which is right.

    `heard` are orders as a system tells of them for the first time, with the records their names lead to; the first has the order now.
    """
    orders = Order.objects.in_bulk({pk for _, found in heard for pk in found}) if heard else {}
    records, conflicts = _on_record(list(orders.values())), list[Conflict]()
    for one, found in heard:
        first = orders[found[0]]
        others = [orders[pk].key for pk in found[1:]]
        different = differences(one, records[first.pk])
        if others:
            how = said("its names lead to %(first)s and %(others)s", first=first.key, others=", ".join(others))
            conflicts.append((first, one, how, {"others": others}))
        elif different:
            conflicts.append((first, one, _unlike(different), {"different": different}))
    deciders = business_owners({one.news.type for _, one, *_ in conflicts}) if conflicts else {}
    changes.openings += [_opening(*each, decider=deciders.get(each[1].news.type, "")) for each in conflicts]
    if heard:
        changes.write()


def _opening(order: Order, one: PlacedOrder, how: str, told: dict[str, object], *, decider: str) -> Opening:
    title = said("%(system)s tells %(key)s differently: %(how)s", system=one.news.system, key=order.key, how=how)
    evidence = {"system": one.news.system, "event": one.news.event_id, "named": one.number, **told}
    return Opening(CONFLICT, order, title, f"{CONFLICT}:{one.news.system}", evidence, owner=decider)


def _unlike(different: Collection[str]) -> str:
    if "total" not in different:
        return said("other lines")
    return said("another total and other lines") if "lines" in different else said("another total")


def _on_record(orders: Collection[Order]) -> dict[UUID, Sold]:
    units: dict[UUID, Counter[str]] = defaultdict(Counter)
    lines = OrderLine.objects.filter(order__in=orders, bundle=None).exclude(state=LineState.CANCELLED)
    bundles = OrderBundle.objects.filter(order__in=orders)
    for order_id, code, count in [
        *(lines.values_list("order_id", "sku__code", "quantity") if orders else ()),
        *(bundles.values_list("order_id", "code", "quantity") if orders else ()),
    ]:
        units[order_id][code] += count
    return {order.pk: Sold(order.total_minor, order.currency, units[order.pk]) for order in orders}
