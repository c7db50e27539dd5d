"""Which record an order is that somebody else has a name for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import CharField, Q
from django.db.models.functions import Cast, Coalesce

from orders.fulfilment.decisions.news import News, PlacedOrder
from orders.fulfilment.models import Fulfilment, Order, OrderIdentifier

# Of an order that was merged, the one that stayed.
STAYS = Coalesce("merged_into", "pk")


@dataclass
class Names:
    """Names of orders known so far: (system, external id), and a client's own numbers."""

    by_identifier: dict[tuple[str, str], UUID] = field(default_factory=dict)
    by_number: dict[UUID, dict[str, UUID]] = field(default_factory=lambda: defaultdict(dict))

    def find(self, one: PlacedOrder) -> UUID | None:
        """The record of this order, by any of its names."""
        return next(iter(self.all(one)), None)

    def all(self, one: PlacedOrder) -> list[UUID]:
        """Every record one of its names leads to, the one that is meant first."""
        named = [self.by_identifier[pair] for pair in one.identifiers if pair in self.by_identifier]
        numbered = self.by_number[one.news.client_id].get(one.number)
        return list(dict.fromkeys([*named, *([numbered] if numbered else [])]))

    def is_new_to(self, one: PlacedOrder) -> bool:
        """Whether its system tells of it for the first time."""
        return (one.news.system, one.number) not in self.by_identifier

    def remember(self, one: PlacedOrder, order_id: UUID) -> None:
        """From now on all names of this order lead to the record."""
        self.by_identifier.update(dict.fromkeys(one.identifiers, order_id))
        self.by_number[one.news.client_id][one.number] = order_id


def known_orders(placed: Sequence[PlacedOrder]) -> Names:
    """Names of those of the orders that are already recorded; one query."""
    names = Names()
    pairs = {pair for one in placed for pair in one.identifiers}
    clients = {str(one.news.client_id): one.news.client_id for one in placed}
    named = OrderIdentifier.objects.filter(
        external_id__in={name for _, name in pairs}, system__in={system for system, _ in pairs}
    ).annotate(whose=Cast("system", CharField()))
    numbered = Order.objects.filter(client__in=clients.values(), number__in={one.number for one in placed}).annotate(
        whose=Cast("client_id", CharField())
    )
    rows = named.values_list("whose", "external_id", "order_id").union(
        numbered.values_list("whose", "number", STAYS), all=True
    )
    for whose, name, order_id in rows:
        if (whose, name) in pairs:
            names.by_identifier[whose, name] = order_id
        if whose in clients:
            names.by_number[clients[whose]][name] = order_id
    return names


def orders_named(news: Iterable[News]) -> dict[tuple[UUID, str], UUID]:
    """The record of each order the news are about, by (client, the name they use).

    That is our key, the client's number, any system's id, or the key of one of the order's fulfilments.
    """
    asked = {(one.client_id, one.order_name) for one in news}
    names, clients = {name for _, name in asked}, {client for client, _ in asked}
    found: dict[tuple[UUID, str], UUID] = {}
    of_systems = OrderIdentifier.objects.filter(external_id__in=names, order__client__in=clients)
    for client_id, name, order_id in of_systems.values_list("order__client_id", "external_id", "order_id"):
        found[client_id, name] = order_id
    own = Order.objects.filter(Q(number__in=names) | Q(key__in=names), client__in=clients)
    for client_id, number, key, order_id in own.values_list("client_id", "number", "key", STAYS):
        found[client_id, number] = found[client_id, key] = order_id
    parcels = Fulfilment.objects.filter(key__in=names, client__in=clients)
    for client_id, key, order_id in parcels.values_list("client_id", "key", "order_id"):
        found[client_id, key] = order_id
    return {pair: found[pair] for pair in asked if pair in found}
