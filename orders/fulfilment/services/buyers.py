"""Who ordered: the same customer number or e-mail address is the same customer; who only looks alike is noted for a person.

What is compared is a keyed digest of client, kind and text. A batch asks once and writes once, however many orders it has.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from audit.arrays import bare_array, text_array
from audit.crypto import keyed_digest, seal_secret
from audit.identifiers import uuid7_text
from orders.fulfilment.decisions.buyers import Sign, signs_of
from orders.fulfilment.decisions.news import PlacedOrder
from orders.fulfilment.models import Customer, Likeness, Order
from orders.fulfilment.services.changes import Changes
from orders.fulfilment.states import SignKind

# What so many customers share (a switchboard, a parcel shop) says nothing about any of them.
SHARED_BY_MANY: Final = 10
LOOK_UP: Final = """
    SELECT given.digest, carrier.id, carrier.key, carrier.head_id
    FROM unnest(%s::text[]) AS given(digest)
    CROSS JOIN LATERAL (
        SELECT c.id, c.key, c.head_id FROM fulfilment_customersign s JOIN fulfilment_customer c ON c.id = s.customer_id
        WHERE s.digest = given.digest ORDER BY s.customer_id LIMIT %s
    ) carrier
"""
KEEP: Final = """
    INSERT INTO fulfilment_customersign (id, customer_id, kind, system, digest, sealed)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING
"""


class Carrier(NamedTuple):
    """A customer that carries a sign; `head` stands for it where it was merged."""

    id: UUID
    key: str
    head: UUID


@dataclass
class Buyers:
    """The customers of a batch of orders; `alike` are pairs of heads of one client, and what they have in common."""

    _signs: Mapping[int, Sequence[tuple[str, Sign]]]
    _carriers: dict[str, list[Carrier]] = field(default_factory=lambda: defaultdict(list))
    _kept: list[tuple[str, UUID, str, str, str, str]] = field(default_factory=list)
    _alike: dict[tuple[UUID, UUID, UUID], set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, placed: Iterable[PlacedOrder]) -> "Buyers":
        """Those who placed these orders."""
        return cls({id(one): [(_digest(one, sign), sign) for sign in signs_of(one)] for one in placed})

    @property
    def names(self) -> set[str]:
        """Of what makes the customer of an order the same as another order's: to be locked before it is looked up."""
        return {digest for signs in self._signs.values() for digest, sign in signs if sign.is_sure}

    def look_up(self) -> None:
        """Find who of them is known; one query."""
        digests = list({digest for signs in self._signs.values() for digest, _ in signs})
        if not digests:
            return
        with connection.cursor() as cursor:
            cursor.execute(LOOK_UP, [text_array(digests), SHARED_BY_MANY])
            for digest, *carrier in cursor.fetchall():
                self._carriers[digest].append(Carrier(*carrier))

    def place(self, order: Order, one: PlacedOrder, changes: Changes) -> dict[str, str]:
        """Give a new order its customer; who that is and by what it was known, or nothing for an order that names nobody."""
        signs = self._signs[id(one)]
        if not signs:
            return {}
        known = [(self._carriers[digest][0], sign) for digest, sign in signs if sign.is_sure and self._carriers[digest]]
        carrier, known_by = (known[0][0], known[0][1].kind.value) if known else (_new_customer(order, changes), "")
        order.customer_id = carrier.id
        self._learn(carrier, order.client_id, one)
        return {"customer": carrier.key, "known_by": known_by}

    def learn_more(self, told: Iterable[tuple[PlacedOrder, Sequence[UUID]]]) -> None:
        """What another system tells of the customers of orders that are known already; the first of the ids is the order's."""
        first = {found[0]: one for one, found in told}
        orders = Order.objects.filter(pk__in=first) if first else Order.objects.none()
        for order in orders.select_related("customer"):
            if customer := order.customer:
                self._learn(Carrier(customer.pk, customer.key, customer.head_id), order.client_id, first[order.pk])

    def keep(self, changes: Changes) -> None:
        """Write what was learned, and note who looks alike and was never compared."""
        if self._kept:
            with connection.cursor() as cursor:
                ids, customers, *texts = zip(*self._kept, strict=True)
                cursor.execute(KEEP, [bare_array(ids), bare_array(customers), *map(text_array, texts)])
        for (client_id, one, other), kinds in self._never_compared():
            signs = [kind for kind in SignKind.values if kind in kinds]
            likeness = Likeness(one_id=one, other_id=other, client_id=client_id, signs=signs)
            changes.add(likeness)
            changes.tell("likeness.found", likeness, signs=signs)

    def _learn(self, carrier: Carrier, client_id: UUID, one: PlacedOrder) -> None:
        for digest, sign in self._signs[id(one)]:
            others = self._carriers[digest]
            is_telling = len(others) < SHARED_BY_MANY
            if is_telling and others and others[0].head != carrier.head:
                first, second = sorted((others[0].head, carrier.head))
                self._alike[client_id, first, second].add(sign.kind)
            if is_telling and carrier not in others and not (others and sign.is_sure):
                others.append(carrier)
                sealed = seal_secret(sign.text) if sign.kind == SignKind.NUMBER else ""
                self._kept.append((uuid7_text(), carrier.id, sign.kind.value, sign.system, digest, sealed))

    def _never_compared(self) -> list[tuple[tuple[UUID, UUID, UUID], set[str]]]:
        if not self._alike:
            return []
        heads = {head for _, *pair in self._alike for head in pair}
        rows = Likeness.objects.filter(one__head__in=heads, other__head__in=heads)
        compared = {frozenset(pair) for pair in rows.values_list("one__head", "other__head")}
        return [(pair, kinds) for pair, kinds in self._alike.items() if frozenset(pair[1:]) not in compared]


def _new_customer(order: Order, changes: Changes) -> Carrier:
    customer = Customer(key=f"CU-{order.key.rpartition('-')[2]}", client_id=order.client_id)
    customer.head_id = customer.pk
    changes.add(customer)
    return Carrier(customer.pk, customer.key, customer.pk)


def _digest(one: PlacedOrder, sign: Sign) -> str:
    return keyed_digest(f"customer/{one.news.client_id}/{sign.kind.value}/{sign.system}/{sign.text}")
