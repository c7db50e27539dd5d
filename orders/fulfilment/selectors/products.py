"""What is known of products, for checks that compare parcels with it and for the form that says it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from audit.context import Actor
from orders.fulfilment.decisions.checks import Parcel, Product
from orders.fulfilment.models import Fulfilment, FulfilmentLine, ProductFacts, Reservation
from orders.fulfilment.selectors.parcels import sku_for
from orders.fulfilment.states import ReservationState


@dataclass(frozen=True)
class KnownProduct:
    """What is known of a product, for the form that says it."""

    code: str
    name: str
    client: str
    facts: ProductFacts | None

    def initial(self) -> dict[str, Any]:
        """As the form shows it."""
        if self.facts is None:
            return {}
        named = ("barcode", "weight_grams", "length_mm", "width_mm", "height_mm")
        return {name: getattr(self.facts, name) for name in named}


def product_known(*, by: Actor, sku_id: UUID) -> KnownProduct:
    """The product of this id. Raises `NotFound` for none and for another client's alike."""
    sku = sku_for(by, sku_id, having="facts")
    return KnownProduct(sku.code, sku.name, sku.client.name, getattr(sku, "facts", None))


def known_parcel(parcel: Fulfilment, contents: Sequence[FulfilmentLine], *, label: str = "") -> Parcel:
    """What is known of a parcel to check it by, and whether another parcel of its client has this label.

    The parcel's order with its client, and each line's SKU must be loaded.
    """
    facts = {one.sku_id: one for one in ProductFacts.objects.filter(sku__in=[one.line.sku_id for one in contents])}
    codes = {content.line.sku_id: content.line.sku.code for content in contents}
    units = dict.fromkeys(codes, 0)
    lots = _lots_set_aside(contents)
    for content in contents:
        units[content.line.sku_id] += content.quantity
    promised, zone = parcel.order.promised_at, ZoneInfo(parcel.order.client.time_zone)
    same = Fulfilment.objects.filter(client_id=parcel.client_id, tracking_number=label.strip().upper())
    others = same.exclude(pk=parcel.pk).values_list("tracking_number", flat=True)[:1] if label.strip() else ()
    return Parcel(
        [_product(codes[sku], count, lots.get(sku, ()), facts.get(sku)) for sku, count in units.items()],
        tracking_number=parcel.tracking_number,
        promised_on=promised.astimezone(zone).date() if promised else None,
        labels_of_others=frozenset(others),
    )


def _product(code: str, quantity: int, lots: Sequence[str], facts: ProductFacts | None) -> Product:
    if facts is None:
        return Product(code, quantity, lots=lots)
    sides = (facts.length_mm, facts.width_mm, facts.height_mm)
    size = (sides[0], sides[1], sides[2]) if sides[0] and sides[1] and sides[2] else None
    return Product(code, quantity, facts.barcode, lots, facts.weight_grams, size, facts.told_at)


def _lots_set_aside(contents: Sequence[FulfilmentLine]) -> dict[UUID, list[str]]:
    """The lots that are set aside for these lines and have a code, by product."""
    lines = {content.line_id: content.line.sku_id for content in contents}
    held = Reservation.objects.filter(line__in=lines, state=ReservationState.HELD).exclude(lot__code="")
    found: dict[UUID, list[str]] = {}
    for line_id, code in held.order_by("lot__code").values_list("line_id", "lot__code").distinct():
        found.setdefault(lines[line_id], []).append(code)
    return found
