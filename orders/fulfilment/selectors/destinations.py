"""Where orders and the gifts in them go. What is personal is shown to whoever may see it, and masked for everybody else."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from audit.crypto import open_secret
from orders.fulfilment.models import GiftCard, Order, OrderAddress, OrderGift, OrderLine
from orders.fulfilment.selectors.addresses import problems_in_words
from orders.fulfilment.states import AddressVerdict, LineState

MASK = "•••"
PUBLIC = frozenset({"city", "country_code", "country", "country_area", "region"})


@dataclass(frozen=True)
class GiftFacts:
    """A gift: the number of its line or bundle, the products, the card, the wrapping, and where it goes (empty: with the order)."""

    line: int
    sku: str
    wrap: str
    message: str
    address: Mapping[str, str]
    address_verdict: str
    address_problems: Sequence[str]


def gifts_of(order: Order, *, clear: bool) -> list[GiftFacts]:
    """What of the order is a gift; one query, and one for the products where there is any."""
    rows = OrderGift.objects.filter(order=order, is_active=True).select_related("card").order_by("position")
    gifts = list(rows)
    lines = OrderLine.objects.filter(order=order).exclude(state=LineState.CANCELLED).select_related("sku", "bundle")
    codes = {
        line.bundle.position if line.bundle else line.position: line.bundle.code if line.bundle else line.sku.code
        for line in (lines if gifts else ())
    }
    return [_gift(gift, codes[gift.position], clear=clear) for gift in gifts if gift.position in codes]


def _gift(gift: OrderGift, sku: str, *, clear: bool) -> GiftFacts:
    card = gift.card
    message = open_secret(card.message) if card.message and clear else ""
    return GiftFacts(
        line=gift.position,
        sku=sku,
        wrap=gift.wrap,
        message=message or (MASK if card.message else ""),
        address=address_shown(card, clear=clear),
        address_verdict=str(AddressVerdict(card.verdict).label) if card.raw else "",
        address_problems=problems_in_words(card.problems),
    )


def address_shown(address: OrderAddress | GiftCard | None, *, clear: bool) -> dict[str, str]:
    """Country and town for everybody who may see the order; the rest only for those who may see personal data."""
    if address is None or not address.raw:
        return {}
    known = json.loads(open_secret(address.standard or address.raw))
    return {name: value if clear or name in PUBLIC else MASK for name, value in known.items() if value}


def contact_shown(address: OrderAddress | None, *, clear: bool = True) -> dict[str, str]:
    """Where an order goes, how to reach the customer, and what whoever delivers has to know."""
    if address is None or not address.raw:
        return {}
    beside = {
        "phone": str(json.loads(open_secret(address.raw)).get("phone") or ""),
        "delivery_instructions": open_secret(address.instructions) if address.instructions else "",
    }
    shown = {name: value if clear else MASK for name, value in beside.items() if value}
    return {**address_shown(address, clear=clear), **shown}


def cards_elsewhere(orders: Collection[UUID]) -> Mapping[UUID, list[GiftCard]]:
    """The cards of gifts that are still to be given and go to an address of their own, by order; one query."""
    found: dict[UUID, list[GiftCard]] = defaultdict(list)
    given = OrderLine.objects.filter(order=OuterRef("gift__order")).exclude(state=LineState.CANCELLED)
    given = given.annotate(place=Coalesce("bundle__position", "position")).filter(place=OuterRef("gift__position"))
    cards = GiftCard.objects.filter(Exists(given), gift__order__in=orders, gift__is_active=True).exclude(raw="")
    for card in cards.select_related("gift").order_by("gift__position"):
        found[card.gift.order_id].append(card)
    return found
