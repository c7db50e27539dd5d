"""What a filter of the list of orders can be set to, with how many orders each value would leave under the other filters.

Only the newest orders of the list are looked at, as many as the page counts: at a million orders it costs what it costs at ten thousand.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, QuerySet

from audit.context import Actor
from audit.errors import NotFound
from audit.words import said
from exceptions.selectors.facets import Facet, FacetValue, as_facet
from orders.fulfilment.models import Hold, Order
from orders.fulfilment.selectors.orders import COUNT_CAP, OrderFilters, filtered
from orders.fulfilment.states import HoldReason, HoldState, OrderState
from rules import selectors as rules
from rules.selectors import registry

Words = Callable[[Actor], Mapping[str, str]]
# By which column each is told apart, and what its values are called.
COLUMNS: Final[Mapping[str, tuple[str, Words]]] = {
    "state": ("state", lambda _: dict(OrderState.choices)),
    "client": ("client__slug", lambda by: dict(rules.clients_of(by).values_list("slug", "name"))),
    "channel": ("channel", lambda _: {}),
    "flow": (
        "flow__slug",
        lambda by: dict(registry.flows_for(by).values_list("slug", "name")) if by.may("rules.view_rules") else {},
    ),
}
HOLD: Final = "hold"
ORDER_FACETS: Final = (*COLUMNS, HOLD)


def order_facet(*, by: Actor, filters: OrderFilters, name: str, now: datetime) -> Facet:
    """The values of this filter. Raises `NotFound` for one that is not offered, and `Invalid` as the list does."""
    if name not in ORDER_FACETS:
        raise NotFound(said("This list has no such filter."))
    on: Iterable[str] = getattr(filters, name)
    given: dict[str, Any] = {name: ()}
    orders = filtered(by=by, filters=replace(filters, **given), now=now)
    found = _reasons(orders) if name == HOLD else _values(orders, *COLUMNS[name], by)
    named = [replace(one, is_on=one.value in on) for one in found]
    missing = sorted(set(on) - {one.value for one in named})
    return as_facet(name, [*named, *(FacetValue(one, one, 0, is_on=True) for one in missing)], most_counted=COUNT_CAP)


def _values(orders: QuerySet[Order], column: str, words: Words, by: Actor) -> list[FacetValue]:
    newest = orders.order_by("-placed_at", "-pk").values_list(column, flat=True)
    had: list[Any] = list(newest[: COUNT_CAP + 1])
    called, is_cut = words(by), len(had) > COUNT_CAP
    return [
        FacetValue(value, called.get(value, value), count, is_at_least=is_cut)
        for value, count in Counter(had).items()
        if value
    ]


def _reasons(orders: QuerySet[Order]) -> list[FacetValue]:
    """Active holds are few: they are counted in full."""
    active = Hold.objects.filter(state=HoldState.ACTIVE, order__in=orders.order_by().values("pk")).order_by()
    counts = active.values_list("reason").annotate(n=Count("order", distinct=True))
    return [FacetValue(reason, str(HoldReason(reason).label), count) for reason, count in counts]
